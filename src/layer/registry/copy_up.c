/* Making a key the VM's own: the stored key gets class, security and all values of the host's, and from then on decides.
 * Subkeys are not copied, whatever their number. */
#include "layer/registry/registry.h"

#define STORED_ACCESS (KEY_QUERY_VALUE | KEY_SET_VALUE | KEY_CREATE_SUB_KEY | KEY_ENUMERATE_SUB_KEYS)

/* ---- mirroring ---- */

/* The disposition says whether the key was there. */
static NTSTATUS create_stored(HANDLE above, struct str name, const UNICODE_STRING *class, ACCESS_MASK access,
                              HANDLE *key, ULONG *disposition)
{
    struct path_attributes at = path_attributes(name);
    path_object(&at)->RootDirectory = above;
    return nt.NtCreateKey(key, access | KEY_WOW64_64KEY, path_object(&at), 0, class, REG_OPTION_NON_VOLATILE,
                          disposition);
}

/* The path as the host spells it, as far as the host has it. `lower`: its key there, if that is known. */
static void host_spelling(struct str vm_path, HANDLE lower, struct strbuf *spelled)
{
    char16 *memory = scratch_take();
    buf_set(spelled, vm_path);
    for (struct str above = vm_path; above.len; above = path_parent(above)) {
        struct map_place place;
        struct str own;
        HANDLE key = lower;
        if (!lower) {
            key_lookup(above, &place);
            if (!place.has_lower || place.kind == MAP_META || key_open_lower(above, &place, KEY_QUERY_VALUE, &key) < 0)
                continue;
        }
        NTSTATUS status = key_system_name(key, memory, &own);
        if (!lower)
            nt.NtClose(key);
        if (status >= 0 && str_equal_fold(layer.up, own, above)) {
            buf_set(spelled, own);
            buf_add(spelled, str_from(vm_path, above.len));
        }
        break;
    }
    scratch_give(memory);
}

/* By its path, whose first `root` units are what `above` has open: Wine tells nobody of a key that is made so. Where that needs a right to
 * the key above, by the handle. */
static NTSTATUS create_below(HANDLE above, struct str nt_path, size_t root, const UNICODE_STRING *class,
                             ACCESS_MASK access, HANDLE *key, ULONG *disposition)
{
    NTSTATUS status = create_stored(NULL, nt_path, class, access, key, disposition);
    return status == STATUS_ACCESS_DENIED && above
               ? create_stored(above, str_from(nt_path, root + 1), class, access, key, disposition)
               : status;
}

/* Opens the key above the last of the path, and makes it and those above it, from FVM's own down. A program may have taken rights to any
 * of them away. */
static NTSTATUS open_above(struct str nt_path, HANDLE *above)
{
    size_t at = STR(KEY_ROOT).len + path_parent(layer.keys.hidden).len, end = path_parent(nt_path).len;
    *above = NULL;
    while (at < end) {
        size_t before = at;
        HANDLE key;
        at += 1 + str_find(str_from(nt_path, at + 1), '\\');
        NTSTATUS status = key_open_own(str_head(nt_path, at), KEY_CREATE_SUB_KEY, &key);
        if (status == STATUS_OBJECT_NAME_NOT_FOUND)
            status = create_below(*above, str_head(nt_path, at), before, NULL, KEY_CREATE_SUB_KEY, &key, NULL);
        if (*above)
            nt.NtClose(*above);
        *above = status < 0 ? NULL : key;
        if (status < 0)
            return status;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS mirror(struct str vm_path, HANDLE lower, const UNICODE_STRING *class, ACCESS_MASK access, HANDLE *own,
                       ULONG *disposition)
{
    struct key_memory *memory = scratch_take();
    struct strbuf spelled, nt_path;
    NTSTATUS status = STATUS_OBJECT_NAME_INVALID;
    buf_init(&spelled, memory->name, KEY_UNITS);
    host_spelling(vm_path, lower, &spelled);
    buf_init(&nt_path, memory->real, KEY_UNITS);
    key_stored_path(buf_str(&spelled), &nt_path);
    if (!spelled.overflow && !nt_path.overflow)
        status = create_stored(NULL, buf_str(&nt_path), class, access, own, disposition);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND || status == STATUS_ACCESS_DENIED) {
        HANDLE above;
        status = open_above(buf_str(&nt_path), &above);
        if (status >= 0)
            status = create_below(above, buf_str(&nt_path), path_parent(buf_str(&nt_path)).len, class, access, own,
                                  disposition);
        if (above)
            nt.NtClose(above);
    }
    scratch_give(memory);
    return status;
}

NTSTATUS key_mirror(struct str vm_path, ACCESS_MASK access, HANDLE *own)
{
    HANDLE key;
    access = own ? access : KEY_QUERY_VALUE;
    NTSTATUS status = key_open_stored(vm_path, access, &key);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND)
        status = mirror(vm_path, NULL, NULL, access, &key, NULL);
    if (status >= 0 && own)
        *own = key;
    else if (status >= 0)
        nt.NtClose(key);
    return status;
}

/* Deepest first, without recursion: keys can be nested deeper than the stack. */
void key_delete_stored(struct str vm_path)
{
    struct key_memory *memory = scratch_take();
    struct strbuf path;
    FVM_KEY_BASIC_INFORMATION *child = (FVM_KEY_BASIC_INFORMATION *)memory->work;
    buf_init(&path, memory->name, KEY_UNITS);
    key_stored_path(vm_path, &path);
    size_t top = path.len;
    while (path.len >= top && !path.overflow) {
        ULONG length;
        HANDLE key;
        NTSTATUS status = key_open_own(buf_str(&path), DELETE | KEY_ENUMERATE_SUB_KEYS, &key);
        if (status < 0)
            break;
        if (nt.NtEnumerateKey(key, 0, KeyBasicInformationClass, child, sizeof(memory->work), &length) >= 0) {
            buf_add_char(&path, '\\');
            buf_add(&path, (struct str){(const char16 *)child->Name, child->NameLength / sizeof(char16)});
        } else {
            status = nt.NtDeleteKey(key);
            path.len = path_parent(buf_str(&path)).len;
        }
        nt.NtClose(key);
        if (status < 0)
            break;
    }
    scratch_give(memory);
}

/* ---- content ---- */

/* Memory for one value, which may be of any size. */
struct value_memory {
    FVM_KEY_VALUE_FULL_INFORMATION *value;
    ULONG size;
    void *large; /* an allocation of its own */
};

static void free_large(struct value_memory *memory)
{
    if (memory->large)
        memory_give(memory->large);
    memory->large = NULL;
}

static NTSTATUS grow(struct value_memory *memory, ULONG needed)
{
    free_large(memory);
    memory->size = needed + needed / 2;
    memory->large = memory_take(memory->size);
    memory->value = memory->large;
    return memory->large ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS read_value(HANDLE key, ULONG index, struct value_memory *memory)
{
    for (;;) {
        ULONG needed;
        NTSTATUS status =
            nt.NtEnumerateValueKey(key, index, KeyValueFullInformationClass, memory->value, memory->size, &needed);
        if (status != STATUS_BUFFER_OVERFLOW && status != STATUS_BUFFER_TOO_SMALL)
            return status;
        status = grow(memory, needed);
        if (status < 0)
            return status;
    }
}

static UNICODE_STRING value_name(const FVM_KEY_VALUE_FULL_INFORMATION *value)
{
    return (UNICODE_STRING){(USHORT)value->NameLength, (USHORT)value->NameLength, (WCHAR *)value->Name};
}

static void remove_values(HANDLE own)
{
    struct value_memory memory = {.value = scratch_take(), .size = SCRATCH_SIZE};
    void *scratch = memory.value;
    while (read_value(own, 0, &memory) >= 0) {
        UNICODE_STRING name = value_name(memory.value);
        if (nt.NtDeleteValueKey(own, &name) < 0)
            break;
    }
    free_large(&memory);
    scratch_give(scratch);
}

bool key_keep_way(struct str vm_path)
{
    struct map_place place;
    HANDLE own;
    ULONG length;
    FVM_KEY_BASIC_INFORMATION first;
    key_lookup(vm_path, &place);
    if (place.kind != MAP_PLAIN ||
        key_open_stored(vm_path, KEY_QUERY_VALUE | KEY_SET_VALUE | KEY_ENUMERATE_SUB_KEYS, &own) < 0)
        return false;
    NTSTATUS status = nt.NtEnumerateKey(own, 0, KeyBasicInformationClass, &first, sizeof(first), &length);
    bool way = status >= 0 || status == STATUS_BUFFER_OVERFLOW;
    if (way)
        remove_values(own);
    nt.NtClose(own);
    return way;
}

NTSTATUS key_copy_values(HANDLE lower, HANDLE own)
{
    struct value_memory memory = {.value = scratch_take(), .size = SCRATCH_SIZE};
    void *scratch = memory.value;
    NTSTATUS status;
    for (ULONG index = 0;; index++) {
        status = read_value(lower, index, &memory);
        if (status < 0)
            break;
        UNICODE_STRING name = value_name(memory.value);
        status = nt.NtSetValueKey(own, &name, 0, memory.value->Type, (uint8_t *)memory.value + memory.value->DataOffset,
                                  memory.value->DataLength);
        if (status < 0)
            break;
    }
    free_large(&memory);
    scratch_give(scratch);
    return status == STATUS_NO_MORE_ENTRIES ? STATUS_SUCCESS : status;
}

/* What the stored key has got already is left alone: Wine looks at whether a key was ever given a descriptor. */
static void copy_security(HANDLE lower, HANDLE own)
{
    enum { WHAT = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION };
    enum { ROOM = SCRATCH_SIZE / 2 };
    uint8_t *descriptor = scratch_take(), *now = descriptor + ROOM;
    ULONG length, now_length;
    bool known = nt.NtQuerySecurityObject(lower, WHAT, descriptor, ROOM, &length) >= 0;
    bool same = known && nt.NtQuerySecurityObject(own, WHAT, now, ROOM, &now_length) >= 0 && length == now_length &&
                mem_equal(descriptor, now, length);
    /* an owner that the user may not give is left out, as when a program copies a key */
    if (known && !same && nt.NtSetSecurityObject(own, WHAT, descriptor) < 0)
        nt.NtSetSecurityObject(own, DACL_SECURITY_INFORMATION, descriptor);
    scratch_give(descriptor);
}

/* The class can be given when a key is made, and not later. */
bool key_class(HANDLE lower, FVM_KEY_FULL_INFORMATION *full, ULONG size, UNICODE_STRING *class)
{
    ULONG length;
    full->LastWriteTime.QuadPart = 0;
    if (nt.NtQueryKey(lower, KeyFullInformationClass, full, size, &length) < 0 || !full->ClassLength)
        return false;
    *class = (UNICODE_STRING){(USHORT)full->ClassLength, (USHORT)full->ClassLength,
                              (WCHAR *)((uint8_t *)full + full->ClassOffset)};
    return true;
}

/* Content and origin, from the host's key to a stored one that is made for it. */
static NTSTATUS copy_key(struct str vm_path, HANDLE lower, struct map_origin *origin)
{
    enum { ACCESS = STORED_ACCESS | READ_CONTROL | WRITE_DAC | WRITE_OWNER };
    FVM_KEY_FULL_INFORMATION *full = scratch_take();
    UNICODE_STRING class;
    HANDLE own;
    ULONG disposition = REG_OPENED_EXISTING_KEY;
    bool has_class = key_class(lower, full, SCRATCH_SIZE, &class);
    origin->write_time = (uint64_t)full->LastWriteTime.QuadPart;
    NTSTATUS status = mirror(vm_path, lower, has_class ? &class : NULL, ACCESS, &own, &disposition);
    if (status >= 0) {
        /* a stored key that is already there has something below it, or is what an earlier copy left */
        if (disposition == REG_OPENED_EXISTING_KEY)
            remove_values(own);
        status = key_copy_values(lower, own);
        copy_security(lower, own);
        nt.NtClose(own);
    }
    scratch_give(full);
    return status;
}

static NTSTATUS record_link(struct str vm_path, HANDLE link, const struct map_origin *origin)
{
    char16 *memory = scratch_take();
    struct str target;
    if (!key_link_target(link, memory, &target))
        target = (struct str){0};
    NTSTATUS status = key_link_record(vm_path, target, origin);
    scratch_give(memory);
    return status;
}

static NTSTATUS copy_locked(struct str vm_path, bool link)
{
    struct map_place place;
    struct map_origin origin = {0};
    HANDLE lower;
    key_lookup(vm_path, &place);
    if (place.hidden)
        return STATUS_ACCESS_DENIED;
    if (key_is_stored(&place))
        return STATUS_SUCCESS;
    NTSTATUS status = key_open_lower(vm_path, &place, KEY_READ, &lower);
    if (status < 0)
        return status == STATUS_OBJECT_NAME_NOT_FOUND ? STATUS_KEY_DELETED : status;
    status = copy_key(vm_path, lower, &origin);
    if (status >= 0)
        status = link ? record_link(vm_path, lower, &origin) : key_record(vm_path, MAP_DIR, (struct str){0}, &origin);
    nt.NtClose(lower);
    return status;
}

NTSTATUS key_copy_up(struct str vm_path, bool link)
{
    layer_lock();
    NTSTATUS status = copy_locked(vm_path, link);
    layer_unlock();
    return status;
}
