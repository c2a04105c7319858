/* The 32-bit view of the registry. VM paths are those of the 64-bit view; a 32-bit process sees another part of the registry at
 * some names, as does who asks for it. Which names, the system knows: it is asked for the nearest key above that the host has. */
#include "layer/registry/registry.h"

static bool is_narrow(ACCESS_MASK access)
{
    return layer.narrow ? !(access & KEY_WOW64_64KEY) : access & KEY_WOW64_32KEY;
}

/* As the program would: what it says of the view, and what it leaves to the system. */
static NTSTATUS open_viewed(HANDLE root, struct str name, ACCESS_MASK access, HANDLE *key)
{
    struct path_attributes at = path_attributes(name);
    at.attributes.RootDirectory = root;
    return nt.NtOpenKey(key, KEY_QUERY_VALUE | (access & KEY_WOW64_32KEY), path_object(&at));
}

static NTSTATUS open_host(struct str path, struct key_memory *memory, HANDLE *key)
{
    struct strbuf nt_path;
    buf_init(&nt_path, memory->real, KEY_UNITS);
    key_host_path(path, &nt_path);
    return nt_path.overflow ? STATUS_OBJECT_NAME_INVALID : key_open_path(buf_str(&nt_path), KEY_QUERY_VALUE, key);
}

/* Opens the part of the path in the program's view: below `root` (a handle to its first `root_len` units), or from the top. */
static NTSTATUS open_part(HANDLE root, size_t root_len, struct str part, ACCESS_MASK access, struct key_memory *memory,
                          HANDLE *key)
{
    struct strbuf nt_path;
    if (root)
        return open_viewed(root, str_from(part, root_len + 1), access, key);
    buf_init(&nt_path, memory->real, KEY_UNITS);
    key_host_path(part, &nt_path);
    return nt_path.overflow ? STATUS_OBJECT_NAME_INVALID : open_viewed(NULL, buf_str(&nt_path), access, key);
}

/* That the view leaves a key's name as it is, is asked once: it depends on which view, and on what the name is relative to. */
static uint64_t view_version(ACCESS_MASK access, size_t root_len)
{
    return 1ull << 63 | (uint64_t) !!(access & KEY_WOW64_32KEY) << 62 | root_len;
}

void key_apply_view(ACCESS_MASK access, size_t root_len, struct key_memory *memory, struct key_name *name)
{
    HANDLE root = NULL, key;
    struct str path = buf_str(&name->path), part = path, own;
    NTSTATUS status = STATUS_OBJECT_NAME_NOT_FOUND;
    uint64_t version = view_version(access, root_len);
    if (!is_narrow(access) || checked_has_version(layer.keys.checked, layer.up, path, version) ||
        (root_len && open_host(str_head(path, root_len), memory, &root) < 0))
        return;
    /* Below a handle, the handle's own key is seen in the view only if that is asked for, or if there is nothing below. */
    size_t last = root_len && root_len < path.len && !(access & KEY_WOW64_32KEY) ? root_len + 1 : root_len;
    while (part.len && part.len >= last) {
        status = open_part(root, root_len, part, access, memory, &key);
        if (status >= 0)
            break;
        part = path_parent(part);
    }
    if (root)
        nt.NtClose(root);
    if (status < 0)
        return;
    status = key_system_name(key, memory->more, &own);
    nt.NtClose(key);
    if (status < 0)
        return;
    if (str_equal_fold(layer.up, own, part)) {
        if (part.len == path.len)
            checked_add_version(layer.keys.checked, layer.up, path, version);
        return;
    }
    struct strbuf whole;
    buf_init(&whole, memory->real, KEY_UNITS);
    buf_add(&whole, own);
    buf_add(&whole, str_from(path, part.len));
    buf_set(&name->path, buf_str(&whole));
    name->path.overflow |= whole.overflow;
}
