/* The resolver: a VM path to where it lives.
 *
 * The host's registry has symbolic links (CurrentControlSet, parts of the 32-bit view). A host key whose name is met for the
 * first time is asked for its own name once, and the answer is kept: among the checked names (delta/checked.h) when it is the same, as a
 * LINK of the map when not. */
#include "layer/registry/registry.h"
#include "nt/owner.h"

#include <stdatomic.h>

void key_lookup(struct str path, struct map_place *place)
{
    while (!map_resolve(layer_map(&layer.keys), path, place)) {
        layer_lock(); /* repairs the map if its writer died */
        layer_unlock();
    }
}

static NTSTATUS open_path(struct str nt_path, ACCESS_MASK access, ULONG attributes, HANDLE *key)
{
    struct path_attributes at = path_attributes(nt_path);
    /* the paths that we make are those of the 64-bit view */
    ACCESS_MASK view = access & KEY_WOW64_32KEY ? 0 : KEY_WOW64_64KEY;
    path_object(&at)->Attributes |= attributes;
    return nt_path.len ? nt.NtOpenKey(key, access | view, path_object(&at)) : STATUS_OBJECT_NAME_INVALID;
}

NTSTATUS key_open_path(struct str nt_path, ACCESS_MASK access, HANDLE *key)
{
    return open_path(nt_path, access, 0, key);
}

HANDLE key_root(void)
{
    static _Atomic(HANDLE) root;
    HANDLE known = atomic_load(&root), opened;
    if (known || key_open_stored((struct str){0}, KEY_CREATE_SUB_KEY, &opened) < 0)
        return known;
    return layer_keep_first(&root, opened);
}

NTSTATUS key_open_own(struct str nt_path, ACCESS_MASK access, HANDLE *key)
{
    struct path_attributes at = path_attributes(nt_path);
    void *memory = scratch_take();
    NTSTATUS status = owner_open_key(path_object(&at), access | KEY_WOW64_64KEY, key, memory);
    scratch_give(memory);
    return status;
}

NTSTATUS key_open_stored(struct str vm_path, ACCESS_MASK access, HANDLE *key)
{
    char16 *memory = scratch_take();
    struct strbuf path;
    buf_init(&path, memory, KEY_UNITS);
    key_stored_path(vm_path, &path);
    NTSTATUS status = path.overflow ? STATUS_OBJECT_NAME_INVALID : key_open_own(buf_str(&path), access, key);
    scratch_give(memory);
    return status;
}

static void lower_path(struct str vm_path, const struct map_place *place, struct strbuf *nt_path)
{
    char16 *memory = scratch_take();
    struct strbuf lower;
    buf_init(&lower, memory, KEY_UNITS);
    map_lower(place, vm_path, &lower);
    key_host_path(buf_str(&lower), nt_path);
    nt_path->overflow |= lower.overflow;
    scratch_give(memory);
}

static NTSTATUS open_lower(struct str vm_path, const struct map_place *place, ACCESS_MASK access, ULONG attributes,
                           HANDLE *key)
{
    char16 *memory = scratch_take();
    struct strbuf path;
    buf_init(&path, memory, KEY_UNITS);
    lower_path(vm_path, place, &path);
    NTSTATUS status = path.overflow ? STATUS_OBJECT_NAME_INVALID : open_path(buf_str(&path), access, attributes, key);
    scratch_give(memory);
    return status;
}

NTSTATUS key_open_lower(struct str vm_path, const struct map_place *place, ACCESS_MASK access, HANDLE *key)
{
    return open_lower(vm_path, place, access, OBJ_OPENLINK, key);
}

static bool link_made_here(const struct map_place *place)
{
    struct str base = place->lower_base;
    return place->has_lower && base.len && base.s[0] == KEY_LINK_MARK && (base.len == 1 || base.s[1] == '\\');
}

/* Puts `target` in place of the path up to `rest`. */
static void substitute(struct key_name *name, struct key_memory *memory, struct str target, size_t rest)
{
    struct strbuf whole;
    struct str behind = str_from(buf_str(&name->path), rest);
    buf_init(&whole, memory->more, KEY_UNITS);
    buf_add(&whole, target);
    if (behind.len && target.len)
        buf_add_char(&whole, '\\');
    buf_add(&whole, behind);
    buf_set(&name->path, buf_str(&whole));
    name->path.overflow |= whole.overflow;
}

static void remember_link(struct str path, struct str target)
{
    struct map_place place;
    layer_lock();
    key_lookup(path, &place);
    if (place.kind == MAP_NONE && !place.link && !place.hidden)
        map_set(layer_map(&layer.keys), path, MAP_LINK, target, NULL); /* a full map only costs the question again */
    layer_unlock();
}

/* Whether the host's key that shines through here is known to be no link. */
static bool is_checked(struct str path, const struct map_place *place, struct key_memory *memory)
{
    struct strbuf lower;
    buf_init(&lower, memory->work, KEY_UNITS);
    map_lower(place, path, &lower);
    return checked_has(layer.keys.checked, layer.up, buf_str(&lower));
}

bool key_is_host_link(struct str path)
{
    struct key_memory *memory = scratch_take();
    struct strbuf lower;
    struct map_place place;
    struct str own;
    HANDLE key;
    key_lookup(path, &place);
    NTSTATUS status = open_lower(path, &place, KEY_QUERY_VALUE, 0, &key);
    bool link = status == STATUS_OBJECT_NAME_NOT_FOUND;
    if (status >= 0) {
        buf_init(&lower, memory->work, KEY_UNITS);
        map_lower(&place, path, &lower);
        link = key_system_name(key, memory->more, &own) >= 0 && !str_equal_fold(layer.up, own, buf_str(&lower));
        nt.NtClose(key);
    }
    scratch_give(memory);
    return link;
}

/* The name's head, whose parent is canonical, is a link of the host: what comes behind it is put behind its target. That may lead
 * through further links, which are the VM's to follow: it may have changed them. False: it is no link, or leads nowhere. */
static bool follow_link(struct key_name *name, struct key_memory *memory, size_t length)
{
    struct str head = str_head(buf_str(&name->path), length), target;
    struct map_place place;
    HANDLE key;
    key_lookup(head, &place);
    if (key_open_lower(head, &place, KEY_QUERY_VALUE, &key) < 0)
        return false;
    bool found = key_link_target(key, memory->work, &target);
    nt.NtClose(key);
    if (!found)
        return false;
    remember_link(head, target);
    substitute(name, memory, target, length < name->path.len ? length + 1 : length);
    return true;
}

bool key_follow_dangling(struct key_name *name, struct key_memory *memory)
{
    struct map_place place;
    key_lookup(buf_str(&name->path), &place);
    return place.kind == MAP_NONE && place.has_lower && !name->open_link && follow_link(name, memory, name->path.len);
}

/* Of a name that is not what the system calls the key: the first of its components that is a link. */
static void follow_first_link(HANDLE key, struct key_name *name, struct key_memory *memory)
{
    struct str own;
    for (size_t at = 0; at < name->path.len;) {
        size_t next = at ? at + 1 : 0;
        at = next + str_find(str_from(buf_str(&name->path), next), '\\');
        if (key_is_host_link(str_head(buf_str(&name->path), at)) && follow_link(name, memory, at))
            return;
    }
    if (key_system_name(key, memory->more, &own) < 0)
        return;
    remember_link(buf_str(&name->path), own);
    buf_set(&name->path, own);
}

bool key_learn(HANDLE key, struct key_name *name, struct key_memory *memory, const struct map_place *place)
{
    struct str own, path = buf_str(&name->path);
    struct strbuf lower;
    if (place->kind != MAP_NONE || name->open_link || !path.len || name->checked)
        return true;
    buf_init(&lower, memory->work, KEY_UNITS);
    map_lower(place, path, &lower);
    if (key_system_name(key, memory->more, &own) < 0)
        return true;
    if (str_equal_fold(layer.up, own, buf_str(&lower))) {
        checked_add(layer.keys.checked, layer.up, buf_str(&lower));
        return true;
    }
    follow_first_link(key, name, memory);
    return false;
}

/* Asks the head of the name's path, of which nothing is known yet, for its own name. False when the host has none. */
static bool touch(struct key_name *name, struct key_memory *memory, size_t length)
{
    struct str head = str_head(buf_str(&name->path), length);
    struct map_place place;
    struct key_name above = {0};
    HANDLE key;
    key_lookup(head, &place);
    if (place.kind != MAP_NONE || place.link || !place.has_lower || is_checked(head, &place, memory))
        return true;
    buf_init(&above.path, memory->real, KEY_UNITS);
    buf_add(&above.path, head);
    if (open_lower(head, &place, KEY_QUERY_VALUE, 0, &key) < 0)
        return key_follow_dangling(&above, memory);
    key_learn(key, &above, memory, &place);
    nt.NtClose(key);
    return true;
}

/* Touches what is not known of the keys above the name: the parent if it exists, else from the top down. */
static void touch_parents(struct key_name *name, struct key_memory *memory, size_t known)
{
    size_t parent = path_parent(buf_str(&name->path)).len;
    if (parent <= known || touch(name, memory, parent))
        return;
    size_t at = known;
    while (at < parent) {
        size_t next = at ? at + 1 : 0;
        next += str_find(str_from(buf_str(&name->path), next), '\\');
        if (next >= parent || !touch(name, memory, next))
            return;
        at = next;
    }
}

NTSTATUS key_resolve(struct key_name *name, struct key_memory *memory, struct map_place *place)
{
    bool touched = false;
    for (int links = 0; links < KEY_LINKS_MAX; links++) {
        if (name->path.overflow)
            return STATUS_OBJECT_NAME_INVALID;
        struct str path = buf_str(&name->path);
        name->checked = false;
        key_lookup(path, place);
        if (place->hidden)
            return STATUS_SUCCESS;
        if (place->link) {
            if (name->open_link && place->link_rest >= path.len)
                return STATUS_SUCCESS;
            substitute(name, memory, place->link_target, place->link_rest);
            touched = false;
            continue;
        }
        if (link_made_here(place)) {
            if (name->open_link && place->kind == MAP_META)
                return STATUS_SUCCESS;
            if (place->lower_base.len == 1)
                return STATUS_OBJECT_NAME_NOT_FOUND;
            substitute(name, memory, str_from(place->lower_base, 2), place->lower_rest);
            touched = false;
            continue;
        }
        struct str above = path_parent(path);
        name->checked = place->has_lower && place->kind == MAP_NONE && is_checked(path, place, memory);
        if (!place->has_lower || name->checked || touched || place->known >= above.len ||
            is_checked(above, place, memory))
            return STATUS_SUCCESS;
        touch_parents(name, memory, place->known);
        touched = true;
    }
    return STATUS_INVALID_PARAMETER; /* links in a circle */
}

NTSTATUS key_exists(struct str vm_path, ACCESS_MASK access)
{
    struct map_place place;
    HANDLE key;
    key_lookup(vm_path, &place);
    if (place.hidden)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    NTSTATUS status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (key_is_stored(&place))
        status = key_open_stored(vm_path, KEY_QUERY_VALUE, &key);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND && place.has_lower && place.kind != MAP_META)
        status = key_open_lower(vm_path, &place, access ? access : KEY_QUERY_VALUE, &key);
    if (status >= 0)
        nt.NtClose(key);
    return status == STATUS_ACCESS_DENIED && !access ? STATUS_SUCCESS : status;
}
