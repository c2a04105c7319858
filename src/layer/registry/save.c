/* One key with all that is below it, as the VM sees it, brought together in one place. */
#include "layer/registry/registry.h"

#define DEPTH_MAX 512u /* of keys, on NT */

/* The copy is what says where we are: a key of it that was just reached gets its values, and empty keys for its subkeys, which
 * are reached later. Keys are nested deeper than the stack, so the way up is kept here. */
struct flattening {
    struct strbuf from, to; /* VM path, name in storage */
    uint32_t index[DEPTH_MAX];
    uint32_t depth;
    HANDLE own;
    NTSTATUS status;
};
_Static_assert(sizeof(struct flattening) <= KEY_UNITS * sizeof(char16), "fits in a part of a scratch block");

static NTSTATUS open_values(struct str vm_path, HANDLE *key)
{
    struct map_place place;
    key_lookup(vm_path, &place);
    NTSTATUS status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (key_is_stored(&place))
        status = key_open_stored(vm_path, KEY_READ, key);
    if (status < 0 && place.has_lower && place.kind != MAP_META)
        status = key_open_lower(vm_path, &place, KEY_READ, key);
    return status;
}

static bool create_child(void *context, const struct key_child *child)
{
    struct flattening *f = context;
    const FVM_KEY_NODE_INFORMATION *from = child->information;
    UNICODE_STRING class = {(USHORT)from->ClassLength, (USHORT)from->ClassLength,
                            (WCHAR *)(uintptr_t)((const uint8_t *)from + from->ClassOffset)};
    struct path_attributes at = path_attributes(child->name);
    HANDLE key;
    path_object(&at)->RootDirectory = f->own;
    f->status =
        nt.NtCreateKey(&key, KEY_READ | KEY_WOW64_64KEY, &at.attributes, 0, from->ClassLength ? &class : NULL, 0, NULL);
    if (f->status >= 0)
        nt.NtClose(key);
    return f->status >= 0;
}

static NTSTATUS fill(struct flattening *f)
{
    HANDLE values;
    NTSTATUS status = key_open_stored(buf_str(&f->to), KEY_READ | KEY_WRITE, &f->own);
    if (status < 0)
        return status;
    status = open_values(buf_str(&f->from), &values);
    if (status >= 0) {
        status = key_copy_values(values, f->own);
        nt.NtClose(values);
    }
    f->status = STATUS_SUCCESS;
    if (status >= 0)
        status = key_visit_children(buf_str(&f->from), create_child, f);
    nt.NtClose(f->own);
    return status < 0 ? status : f->status;
}

/* Goes to the next key of the copy: STATUS_NO_MORE_ENTRIES after the last. */
static NTSTATUS advance(struct flattening *f)
{
    FVM_KEY_BASIC_INFORMATION *child = scratch_take();
    NTSTATUS status;
    for (;;) {
        HANDLE own;
        ULONG length;
        status = key_open_stored(buf_str(&f->to), KEY_ENUMERATE_SUB_KEYS, &own);
        if (status < 0)
            break;
        status = nt.NtEnumerateKey(own, f->index[f->depth], KeyBasicInformationClass, child, SCRATCH_SIZE, &length);
        nt.NtClose(own);
        if (status >= 0 || status != STATUS_NO_MORE_ENTRIES || !f->depth)
            break;
        f->depth--;
        f->index[f->depth]++;
        f->from.len = path_parent(buf_str(&f->from)).len;
        f->to.len = path_parent(buf_str(&f->to)).len;
    }
    if (status >= 0 && f->depth + 1 == DEPTH_MAX)
        status = STATUS_NAME_TOO_LONG;
    if (status >= 0) {
        struct str name = {(const char16 *)child->Name, child->NameLength / sizeof(char16)};
        buf_add_char(&f->from, '\\');
        buf_add(&f->from, name);
        buf_add_char(&f->to, '\\');
        buf_add(&f->to, name);
        f->index[++f->depth] = 0;
        if (f->from.overflow || f->to.overflow)
            status = STATUS_NAME_TOO_LONG;
    }
    scratch_give(child);
    return status;
}

/* A class can be given when a key is made, and not later. */
static NTSTATUS create_top(struct str vm_path, struct str stored_name)
{
    FVM_KEY_FULL_INFORMATION *full = scratch_take();
    struct path_attributes at = path_attributes(stored_name);
    UNICODE_STRING class;
    HANDLE from, key;
    NTSTATUS status = open_values(vm_path, &from);
    path_object(&at)->RootDirectory = key_root();
    if (status >= 0) {
        bool has_class = key_class(from, full, SCRATCH_SIZE, &class);
        nt.NtClose(from);
        status =
            nt.NtCreateKey(&key, KEY_READ | KEY_WOW64_64KEY, &at.attributes, 0, has_class ? &class : NULL, 0, NULL);
    }
    if (status >= 0)
        nt.NtClose(key);
    scratch_give(full);
    return status;
}

NTSTATUS key_flatten(struct str vm_path, struct str stored_name)
{
    struct key_memory *memory = scratch_take();
    struct flattening *f = (struct flattening *)memory->work;
    mem_zero(f, sizeof(*f));
    buf_init(&f->from, memory->name, KEY_UNITS);
    buf_add(&f->from, vm_path);
    buf_init(&f->to, memory->real, KEY_UNITS);
    buf_add(&f->to, stored_name);
    NTSTATUS status = create_top(vm_path, stored_name);
    while (status >= 0) {
        status = fill(f);
        if (status >= 0)
            status = advance(f);
    }
    scratch_give(memory);
    return status == STATUS_NO_MORE_ENTRIES ? STATUS_SUCCESS : status;
}
