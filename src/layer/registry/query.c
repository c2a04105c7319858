/* NtEnumerateKey and NtQueryKey. */
#include "layer/handles.h"
#include "layer/registry/list.h"

/* Puts `size` bytes at the start of the program's buffer, as much as fits, with the statuses of the system. */
static NTSTATUS put(void *information, ULONG length, ULONG *result_length, const void *answer, ULONG size, ULONG fixed)
{
    ULONG copied = length < size ? length : size;
    if (!guard_write(result_length, &size, sizeof(size)) || !guard_write(information, answer, copied))
        return STATUS_ACCESS_VIOLATION;
    if (length < fixed)
        return STATUS_BUFFER_TOO_SMALL;
    return length < size ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/* ---- enumeration ---- */

#define INDEX_OF_NONE 0x40000000u /* no key has so many subkeys */

static ULONG basic_size(const struct key_child *child)
{
    return (ULONG)offsetof(FVM_KEY_BASIC_INFORMATION, Name) + child->information->NameLength;
}

static ULONG node_size(const struct key_child *child)
{
    const FVM_KEY_NODE_INFORMATION *node = child->information;
    return node->ClassLength ? node->ClassOffset + node->ClassLength
                             : (ULONG)offsetof(FVM_KEY_NODE_INFORMATION, Name) + node->NameLength;
}

static NTSTATUS put_basic(const struct key_child *child, void *information, ULONG length, ULONG *result_length)
{
    enum { FIXED = offsetof(FVM_KEY_BASIC_INFORMATION, Name) };
    struct {
        FVM_KEY_BASIC_INFORMATION head;
        char16 more[256]; /* the longest name of a key */
    } answer = {
        .head = {.LastWriteTime = child->information->LastWriteTime, .NameLength = child->information->NameLength}};
    ULONG bytes = child->information->NameLength;
    if (bytes > sizeof(answer) - FIXED)
        return STATUS_INVALID_PARAMETER;
    mem_copy(answer.head.Name, child->name.s, bytes);
    return put(information, length, result_length, &answer, FIXED + bytes, FIXED);
}

static NTSTATUS put_node(const struct key_child *child, void *information, ULONG length, ULONG *result_length)
{
    enum { FIXED = offsetof(FVM_KEY_NODE_INFORMATION, Name) };
    const FVM_KEY_NODE_INFORMATION *node = child->information;
    return put(information, length, result_length, node, node_size(child), FIXED);
}

/* What does not fit is the system's to answer, asked on the side that has the subkey. */
static NTSTATUS ask_side(struct key_use *use, const struct key_child *child, ULONG class, void *information,
                         ULONG length, ULONG *result_length)
{
    struct map_place place;
    HANDLE key;
    key_lookup(key_path(use), &place);
    NTSTATUS status = child->stored ? key_open_stored(key_path(use), KEY_ENUMERATE_SUB_KEYS, &key)
                                    : key_open_lower(key_path(use), &place, KEY_ENUMERATE_SUB_KEYS, &key);
    if (status < 0)
        return status;
    status = nt.NtEnumerateKey(key, child->index, class, information, length, result_length);
    nt.NtClose(key);
    return status;
}

static NTSTATUS enumerate_merged(struct key_use *use, ULONG index, ULONG class, void *information, ULONG length,
                                 ULONG *result_length)
{
    struct key_child child;
    NTSTATUS status = key_listing_entry(use, index, &child);
    if (status == STATUS_NO_MORE_ENTRIES) /* the system may find something else wrong first */
        return nt.NtEnumerateKey(use->handle, index | INDEX_OF_NONE, class, information, length, result_length);
    if (status < 0)
        return status;
    if (class == KeyBasicInformationClass && length >= basic_size(&child))
        return put_basic(&child, information, length, result_length);
    if (class == KeyNodeInformationClass && length >= node_size(&child))
        return put_node(&child, information, length, result_length);
    return ask_side(use, &child, class, information, length, result_length);
}

/* A handle that may not enumerate, or a key that is gone: the system's answer. */
static NTSTATUS check_enumeration(struct key_use *use)
{
    HANDLE real;
    FVM_KEY_BASIC_INFORMATION information;
    ULONG length;
    if (!key_may(use, KEY_ENUMERATE_SUB_KEYS))
        return STATUS_ACCESS_DENIED;
    if (use->state->listing)
        return STATUS_SUCCESS;
    NTSTATUS status = key_values(use, &real);
    if (status >= 0)
        status = nt.NtQueryKey(real, KeyBasicInformationClass, &information, sizeof(information), &length);
    return status == STATUS_BUFFER_OVERFLOW ? STATUS_SUCCESS : status;
}

/* ---- the key itself ---- */

/* One member, as much of it as fits: Wine fills buffers that are too small. */
static bool put_number(void *information, ULONG length, size_t at, ULONG number)
{
    size_t fits = length > at ? length - at : 0;
    return guard_write((uint8_t *)information + at, &number, fits < sizeof(number) ? fits : sizeof(number));
}

/* The numbers of subkeys are the merged ones. */
static NTSTATUS correct_counts(struct key_use *use, ULONG class, void *information, ULONG length)
{
    struct key_totals totals;
    NTSTATUS status = key_listing_totals(use, &totals);
    if (status < 0)
        return status;
    bool full = class == KeyFullInformationClass, ok;
    ok = put_number(information, length,
                    full ? offsetof(FVM_KEY_FULL_INFORMATION, SubKeys) : offsetof(FVM_KEY_CACHED_INFORMATION, SubKeys),
                    totals.count) &&
         put_number(information, length,
                    full ? offsetof(FVM_KEY_FULL_INFORMATION, MaxNameLen)
                         : offsetof(FVM_KEY_CACHED_INFORMATION, MaxNameLen),
                    totals.longest_name) &&
         (!full ||
          put_number(information, length, offsetof(FVM_KEY_FULL_INFORMATION, MaxClassLen), totals.longest_class));
    return ok ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

/* A subkey made or deleted in the VM is a write to the key: the stored key knows when. All four structures begin with the
 * time. */
static NTSTATUS correct_time(struct key_use *use, HANDLE real, void *information, ULONG length)
{
    FVM_KEY_BASIC_INFORMATION basic;
    LARGE_INTEGER time;
    HANDLE own;
    ULONG needed;
    if (use->state->stored || real != use->handle || length < sizeof(time) ||
        key_open_stored(key_path(use), KEY_QUERY_VALUE, &own) < 0)
        return STATUS_SUCCESS;
    NTSTATUS status = nt.NtQueryKey(own, KeyBasicInformationClass, &basic, sizeof(basic), &needed);
    nt.NtClose(own);
    if ((status >= 0 || status == STATUS_BUFFER_OVERFLOW) && guard_read(&time, information, sizeof(time)) &&
        basic.LastWriteTime.QuadPart > time.QuadPart &&
        !guard_write(information, &basic.LastWriteTime, sizeof(basic.LastWriteTime)))
        return STATUS_ACCESS_VIOLATION;
    return STATUS_SUCCESS;
}

/* The VM's name in place of the system's. */
static NTSTATUS query_name(struct key_use *use, HANDLE real, void *information, ULONG length, ULONG *result_length)
{
    enum { FIXED = offsetof(FVM_KEY_NAME_INFORMATION, Name) };
    struct key_memory *memory = scratch_take();
    struct strbuf shown, vm_path;
    buf_init(&vm_path, memory->name, KEY_UNITS);
    NTSTATUS status = key_shown_path(use, real, memory->real, &vm_path);
    FVM_KEY_NAME_INFORMATION *answer = (FVM_KEY_NAME_INFORMATION *)memory->more;
    buf_init(&shown, (char16 *)answer->Name, KEY_UNITS - 2);
    if (status >= 0) {
        key_host_path(buf_str(&vm_path), &shown);
        answer->NameLength = (ULONG)(shown.len * sizeof(char16));
        status = put(information, length, result_length, answer, FIXED + answer->NameLength, FIXED);
    }
    scratch_give(memory);
    return status;
}

static NTSTATUS query_key(HANDLE key, ULONG class, void *information, ULONG length, ULONG *result_length)
{
    struct key_use use;
    HANDLE real;
    bool counts = class == KeyFullInformationClass || class == KeyCachedInformationClass;
    if (keys_untouched() && !counts)
        return nt.NtQueryKey(key, class, information, length, result_length);
    NTSTATUS status = key_begin(&use, key);
    if (status < 0)
        return status;
    status = key_values(&use, &real);
    if (status < 0) {
        key_end(&use);
        return status;
    }
    if (!use.state || class != KeyNameInformationClass)
        status = nt.NtQueryKey(real, class, information, length, result_length);
    else
        status = query_name(&use, real, information, length, result_length);
    if ((status >= 0 || status == STATUS_BUFFER_OVERFLOW || status == STATUS_BUFFER_TOO_SMALL) && use.state &&
        use.state->merged && class <= KeyCachedInformationClass && class != KeyNameInformationClass) {
        NTSTATUS corrected = correct_time(&use, real, information, length);
        if (corrected >= 0 && counts)
            corrected = correct_counts(&use, class, information, length);
        if (corrected < 0)
            status = corrected;
    }
    key_end(&use);
    return status;
}

NTSTATUS NTAPI fvm_NtQueryKey(HANDLE key, ULONG class, void *information, ULONG length, ULONG *result_length)
{
    layer_attach();
    return query_key(key, class, information, length, result_length);
}

/* ---- enumeration, by handle ---- */

static NTSTATUS enumerate(HANDLE key, ULONG index, ULONG class, void *information, ULONG length, ULONG *result_length)
{
    struct key_use use;
    HANDLE real;
    NTSTATUS status = key_begin(&use, key);
    if (status < 0)
        return status;
    if (use.state && use.state->merged) {
        status = check_enumeration(&use);
        if (status >= 0)
            status = enumerate_merged(&use, index, class, information, length, result_length);
    } else {
        status = key_values(&use, &real);
        if (status >= 0)
            status = nt.NtEnumerateKey(real, index, class, information, length, result_length);
    }
    key_end(&use);
    return status;
}

static NTSTATUS open_child(HANDLE key, struct str name, HANDLE *child)
{
    struct key_memory *memory = scratch_take();
    struct key_use use;
    struct map_place place;
    struct strbuf path;
    buf_init(&path, memory->name, KEY_UNITS);
    NTSTATUS status = key_begin(&use, key);
    if (status >= 0 && use.state) {
        buf_add(&path, key_path(&use));
        if (path.len)
            buf_add_char(&path, '\\');
        buf_add(&path, name);
        key_end(&use);
        key_lookup(buf_str(&path), &place);
        status = STATUS_OBJECT_NAME_NOT_FOUND;
        if (key_is_stored(&place))
            status = key_open_stored(buf_str(&path), KEY_QUERY_VALUE | KEY_ENUMERATE_SUB_KEYS, child);
        if (status < 0 && place.has_lower)
            status = key_open_lower(buf_str(&path), &place, KEY_QUERY_VALUE | KEY_ENUMERATE_SUB_KEYS, child);
        if (status >= 0)
            handle_forget(*child); /* of an earlier key of that handle's value */
    } else if (status >= 0) {
        status = use.gone ? STATUS_KEY_DELETED : STATUS_INVALID_HANDLE;
        key_end(&use);
    }
    scratch_give(memory);
    return status;
}

/* Classes that say more than the subkey's own entry: the subkey is asked itself. */
static NTSTATUS enumerate_deep(HANDLE key, ULONG index, ULONG class, void *information, ULONG length,
                               ULONG *result_length)
{
    FVM_KEY_BASIC_INFORMATION *basic = scratch_take();
    ULONG ignored;
    HANDLE child;
    NTSTATUS status = enumerate(key, index, KeyBasicInformationClass, basic, SCRATCH_SIZE, &ignored);
    if (status >= 0)
        status = open_child(key, (struct str){(const char16 *)basic->Name, basic->NameLength / sizeof(char16)}, &child);
    scratch_give(basic);
    if (status < 0)
        return status;
    status = query_key(child, class, information, length, result_length);
    handle_forget(child);
    nt.NtClose(child);
    return status;
}

NTSTATUS NTAPI fvm_NtEnumerateKey(HANDLE key, ULONG index, ULONG class, void *information, ULONG length,
                                  ULONG *result_length)
{
    layer_attach();
    if (!keys_untouched() && class >= KeyFullInformationClass && class <= KeyCachedInformationClass)
        return enumerate_deep(key, index, class, information, length, result_length);
    return enumerate(key, index, class, information, length, result_length);
}
