/* Making a key the VM's own: the stored key gets class, security and all values of the host's, and from then on decides.
 * Subkeys are not copied, whatever their number. */
#include "layer/registry/registry.h"

#define STORED_ACCESS (KEY_QUERY_VALUE | KEY_SET_VALUE | KEY_CREATE_SUB_KEY | KEY_ENUMERATE_SUB_KEYS)

/* ---- mirroring ---- */

static NTSTATUS create_stored(struct str nt_path, const UNICODE_STRING *class, ACCESS_MASK access, HANDLE *key)
{
    struct path_attributes at = path_attributes(nt_path);
    return nt.NtCreateKey(key, access | KEY_WOW64_64KEY, path_object(&at), 0, class, REG_OPTION_NON_VOLATILE, NULL);
}

/* The path as the host spells it, as far as the host has it. */
static void host_spelling(struct str vm_path, struct strbuf *spelled)
{
    char16 *memory = scratch_take();
    buf_set(spelled, vm_path);
    for (struct str above = vm_path; above.len; above = path_parent(above)) {
        struct map_place place;
        struct str own;
        HANDLE key;
        key_lookup(above, &place);
        if (!place.has_lower || place.kind == MAP_META || key_open_lower(above, &place, KEY_QUERY_VALUE, &key) < 0)
            continue;
        NTSTATUS status = key_system_name(key, memory, &own);
        nt.NtClose(key);
        if (status >= 0 && str_equal_fold(layer.up, own, above)) {
            buf_set(spelled, own);
            buf_add(spelled, str_from(vm_path, above.len));
        }
        break;
    }
    scratch_give(memory);
}

/* Every key of the path from FVM's own down. */
static NTSTATUS create_all(struct str nt_path, ACCESS_MASK access, HANDLE *own)
{
    NTSTATUS status = STATUS_SUCCESS;
    size_t at = STR(KEY_ROOT).len + path_parent(layer.keys.hidden).len;
    while (status >= 0) {
        HANDLE key;
        at += 1 + str_find(str_from(nt_path, at + 1), '\\');
        bool last = at >= nt_path.len;
        status = create_stored(str_head(nt_path, at), NULL, last ? access : KEY_CREATE_SUB_KEY, &key);
        if (status < 0)
            break;
        if (last) {
            *own = key;
            break;
        }
        nt.NtClose(key);
    }
    return status;
}

NTSTATUS key_mirror(struct str vm_path, ACCESS_MASK access, HANDLE *own)
{
    HANDLE key;
    NTSTATUS status = key_open_stored(vm_path, own ? access : KEY_QUERY_VALUE, &key);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND) {
        struct key_memory *memory = scratch_take();
        struct strbuf spelled, nt_path;
        buf_init(&spelled, memory->name, KEY_UNITS);
        host_spelling(vm_path, &spelled);
        buf_init(&nt_path, memory->real, KEY_UNITS);
        key_stored_path(buf_str(&spelled), &nt_path);
        status = spelled.overflow || nt_path.overflow
                     ? STATUS_OBJECT_NAME_INVALID
                     : create_all(buf_str(&nt_path), own ? access : KEY_QUERY_VALUE, &key);
        scratch_give(memory);
    }
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
        NTSTATUS status = key_open_path(buf_str(&path), DELETE | KEY_ENUMERATE_SUB_KEYS, &key);
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

/* What an earlier copy that was cut off left behind. */
static void remove_values(HANDLE own, struct value_memory *memory)
{
    while (read_value(own, 0, memory) >= 0) {
        UNICODE_STRING name = value_name(memory->value);
        if (nt.NtDeleteValueKey(own, &name) < 0)
            break;
    }
}

NTSTATUS key_copy_values(HANDLE lower, HANDLE own)
{
    struct value_memory memory = {.value = scratch_take(), .size = SCRATCH_SIZE};
    void *scratch = memory.value;
    NTSTATUS status;
    remove_values(own, &memory);
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

static void copy_security(HANDLE lower, HANDLE own)
{
    enum { WHAT = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION };
    void *descriptor = scratch_take();
    ULONG length;
    /* an owner that the user may not give is left out, as when a program copies a key */
    if (nt.NtQuerySecurityObject(lower, WHAT, descriptor, SCRATCH_SIZE, &length) >= 0 &&
        nt.NtSetSecurityObject(own, WHAT, descriptor) < 0)
        nt.NtSetSecurityObject(own, DACL_SECURITY_INFORMATION, descriptor);
    scratch_give(descriptor);
}

/* The class can be given when a key is made, and not later. */
bool key_class(HANDLE lower, FVM_KEY_FULL_INFORMATION *full, ULONG size, UNICODE_STRING *class)
{
    ULONG length;
    if (nt.NtQueryKey(lower, KeyFullInformationClass, full, size, &length) < 0 || !full->ClassLength)
        return false;
    *class = (UNICODE_STRING){(USHORT)full->ClassLength, (USHORT)full->ClassLength,
                              (WCHAR *)((uint8_t *)full + full->ClassOffset)};
    return true;
}

static NTSTATUS make_stored(struct str vm_path, HANDLE lower, HANDLE *own)
{
    struct key_memory *memory = scratch_take();
    UNICODE_STRING class;
    struct strbuf spelled, nt_path;
    NTSTATUS status = STATUS_OBJECT_NAME_NOT_FOUND;
    /* a stored key that is already there has something below it */
    if (key_class(lower, (FVM_KEY_FULL_INFORMATION *)memory->work, sizeof(memory->work), &class)) {
        status = key_mirror(path_parent(vm_path), 0, NULL);
        buf_init(&spelled, memory->name, KEY_UNITS);
        host_spelling(vm_path, &spelled);
        buf_init(&nt_path, memory->real, KEY_UNITS);
        key_stored_path(buf_str(&spelled), &nt_path);
        if (status >= 0)
            status = create_stored(buf_str(&nt_path), &class, STORED_ACCESS | WRITE_DAC | WRITE_OWNER, own);
    } else
        status = key_mirror(vm_path, STORED_ACCESS | WRITE_DAC | WRITE_OWNER, own);
    scratch_give(memory);
    return status;
}

static NTSTATUS copy_locked(struct str vm_path)
{
    struct map_place place;
    HANDLE lower, own;
    key_lookup(vm_path, &place);
    if (place.hidden)
        return STATUS_ACCESS_DENIED;
    if (key_is_stored(&place))
        return STATUS_SUCCESS;
    NTSTATUS status = key_open_lower(vm_path, &place, KEY_READ, &lower);
    if (status < 0)
        return status == STATUS_OBJECT_NAME_NOT_FOUND ? STATUS_KEY_DELETED : status;
    FVM_KEY_BASIC_INFORMATION *basic = scratch_take();
    ULONG length;
    struct map_origin origin = {0};
    if (nt.NtQueryKey(lower, KeyBasicInformationClass, basic, SCRATCH_SIZE, &length) >= 0)
        origin.write_time = (uint64_t)basic->LastWriteTime.QuadPart;
    scratch_give(basic);
    status = make_stored(vm_path, lower, &own);
    if (status >= 0) {
        status = key_copy_values(lower, own);
        copy_security(lower, own);
        nt.NtClose(own);
    }
    nt.NtClose(lower);
    return status < 0 ? status : key_record(vm_path, MAP_DIR, (struct str){0}, &origin);
}

NTSTATUS key_copy_up(struct str vm_path)
{
    layer_lock();
    NTSTATUS status = copy_locked(vm_path);
    layer_unlock();
    return status;
}
