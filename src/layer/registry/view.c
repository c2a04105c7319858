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

#define NODE u"Wow6432Node"

/* A name that is seen in the 32-bit view. */
struct viewed_name {
    ACCESS_MASK access;
    size_t root_len, first; /* shorter parts of the path are not seen in the view */
    size_t covered;         /* how much of it is the name of a key that the host has */
    size_t linked;          /* how much of it is what a link of the host led to */
    struct key_memory *memory;
    struct strbuf *path;
};

static void put_together(const struct viewed_name *v, struct str top, struct str node, struct str rest)
{
    struct strbuf whole;
    buf_init(&whole, v->memory->real, KEY_UNITS);
    buf_add(&whole, top);
    buf_add(&whole, node);
    buf_add(&whole, rest);
    buf_set(v->path, buf_str(&whole));
    v->path->overflow |= whole.overflow;
}

bool key_is_node(struct str path)
{
    return str_equal_fold(layer.up, path_leaf(path), STR(NODE));
}

static struct str skip_nodes(struct str path)
{
    while (path.len && key_is_node(path_first(path)))
        path = path_rest(path);
    return path;
}

static bool same_but_for_nodes(struct str a, struct str b)
{
    for (a = skip_nodes(a), b = skip_nodes(b); a.len && b.len;
         a = skip_nodes(path_rest(a)), b = skip_nodes(path_rest(b)))
        if (!str_equal_fold(layer.up, path_first(a), path_first(b)))
            return false;
    return a.len == b.len;
}

/* Puts the view's name of the nearest key that the host has in place. */
static void apply_host(struct viewed_name *v)
{
    HANDLE root = NULL, key;
    struct str path = buf_str(v->path), part = path, own;
    NTSTATUS status = STATUS_OBJECT_NAME_NOT_FOUND;
    uint64_t version = view_version(v->access, v->root_len);
    if (checked_has_version(layer.keys.checked, layer.up, path, version)) {
        v->covered = path.len;
        return;
    }
    if (v->root_len && open_host(str_head(path, v->root_len), v->memory, &root) < 0)
        return;
    while (part.len && part.len >= v->first) {
        status = open_part(root, v->root_len, part, v->access, v->memory, &key);
        if (status >= 0)
            break;
        part = path_parent(part);
    }
    if (root)
        nt.NtClose(root);
    if (status < 0)
        return;
    status = key_system_name(key, v->memory->more, &own);
    nt.NtClose(key);
    if (status < 0)
        return;
    v->covered = own.len;
    if (!same_but_for_nodes(own, part))
        v->linked = own.len;
    if (!str_equal_fold(layer.up, own, part))
        put_together(v, own, (struct str){0}, str_from(path, part.len));
    else if (part.len == path.len)
        checked_add_version(layer.keys.checked, layer.up, path, version);
}

/* ---- Wine's 32-bit view is one of names: who opens a key that has a Wow6432Node gets that. The VM's own count, too. ---- */

enum node {
    NODE_NONE,     /* the host has none there */
    NODE_SEPARATE, /* who opens the key above gets the node */
    NODE_SHARED    /* who opens the key above gets that; what the node has not is looked for there */
};

static enum node ask_node(const struct viewed_name *v, struct str above, struct str node)
{
    enum node found = NODE_NONE;
    struct str own;
    HANDLE key;
    if (open_host(node, v->memory, &key) < 0)
        return found;
    nt.NtClose(key);
    if (open_part(NULL, 0, above, 0, v->memory, &key) < 0)
        return found;
    if (key_system_name(key, v->memory->more, &own) >= 0)
        found = str_equal_fold(layer.up, own, above) ? NODE_SHARED : NODE_SEPARATE;
    nt.NtClose(key);
    return found;
}

/* What the host has at the name, asked once. */
static enum node host_node(const struct viewed_name *v, struct str above, struct str node)
{
    const uint64_t shared = 1ull << 61, separate = 1ull << 60;
    if (checked_has_version(layer.keys.checked, layer.up, node, shared))
        return NODE_SHARED;
    if (checked_has_version(layer.keys.checked, layer.up, node, separate))
        return NODE_SEPARATE;
    enum node found = ask_node(v, above, node);
    if (found != NODE_NONE)
        checked_add_version(layer.keys.checked, layer.up, node, found == NODE_SHARED ? shared : separate);
    return found;
}

/* Whether the node has the child, or the host's has it and the VM knows nothing of it. */
static bool has_child(const struct viewed_name *v, struct str child, bool said)
{
    struct map_place place;
    key_lookup(child, &place);
    if (place.kind == MAP_NONE && !place.in_storage)
        return said && v->covered >= child.len;
    return key_exists(child, 0) >= 0;
}

/* `node`: that of the key of the first `above` units. said: the name goes on with it. */
static void apply_node(const struct viewed_name *v, struct strbuf *node, size_t above, bool said)
{
    struct str path = buf_str(v->path), whole = buf_str(node), rest = str_from(path, said ? whole.len : above);
    struct map_place place;
    key_lookup(whole, &place);
    if (said ? !rest.len : place.kind == MAP_NONE)
        return;
    /* behind a link Wine looks for the node of the link, not of what it leads to */
    if ((place.link || above <= v->linked) && rest.len)
        return;
    enum node host = host_node(v, str_head(path, above), whole);
    if (host == NODE_NONE && !said && above >= v->first && key_exists(whole, 0) >= 0)
        put_together(v, whole, (struct str){0}, rest);
    if (host == NODE_SHARED && rest.len) {
        size_t child = 1 + str_find(str_from(rest, 1), '\\');
        buf_add(node, str_head(rest, child));
        bool there = !node->overflow && has_child(v, buf_str(node), said);
        if (there != said)
            put_together(v, str_head(path, above), there ? STR(u"\\" NODE) : (struct str){0}, rest);
    }
}

static void apply_own(const struct viewed_name *v)
{
    char16 *memory = scratch_take();
    struct str path = buf_str(v->path);
    struct map_place place;
    key_lookup(path, &place);
    size_t known = place.known; /* behind it, the map has no node */
    for (size_t above = v->root_len ? v->root_len : path_first(path).len; above;) {
        struct str rest = str_from(path, above + 1);
        bool said = key_is_node(path_first(rest));
        if ((said || above <= known) && !key_is_node(str_head(path, above))) {
            struct strbuf node;
            buf_init(&node, memory, KEY_UNITS);
            buf_add(&node, str_head(path, above));
            buf_add(&node, STR(u"\\" NODE));
            if (!node.overflow)
                apply_node(v, &node, above, said);
            if (v->path->len != path.len)
                known = v->path->len;
            path = buf_str(v->path);
        }
        above = above < path.len ? above + 1 + path_first(str_from(path, above + 1)).len : 0;
    }
    scratch_give(memory);
}

/* Most names meet none: neither do they have one in them, nor has the map one beside them. */
static bool meets_node(struct str path)
{
    for (struct str rest = path; rest.len; rest = path_rest(rest))
        if (key_is_node(path_first(rest)))
            return true;
    return map_beside(layer_map(&layer.keys), path, STR(NODE));
}

void key_apply_view(ACCESS_MASK access, size_t root_len, struct key_memory *memory, struct key_name *name)
{
    if (!is_narrow(access))
        return;
    struct viewed_name v = {access, root_len, root_len, 0, 0, memory, &name->path};
    /* Below a handle, the handle's own key is seen in the view only if that is asked for, or if there is nothing below. */
    if (root_len && root_len < name->path.len && !(access & KEY_WOW64_32KEY))
        v.first++;
    apply_host(&v);
    if (layer.narrow && nt.__wine_unix_spawnvp && !name->path.overflow && meets_node(buf_str(&name->path)))
        apply_own(&v);
}
