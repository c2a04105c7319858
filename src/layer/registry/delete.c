/* Deleting a key. The stored key is deleted by the system's own service, which also tells those who watch it; a key of the
 * host gets a stored one for that moment. */
#include "layer/handles.h"
#include "layer/registry/registry.h"

static bool stop_at_first(void *context, const struct key_child *child)
{
    (void)child;
    *(bool *)context = true;
    return false;
}

/* The status for a key that has subkeys is the system's: the stored key above has one for sure. */
static NTSTATUS refused(struct str path)
{
    HANDLE above;
    NTSTATUS status = key_open_stored(path_parent(path), DELETE, &above);
    if (status < 0)
        return STATUS_CANNOT_DELETE;
    status = nt.NtDeleteKey(above);
    nt.NtClose(above);
    return status < 0 ? status : STATUS_CANNOT_DELETE;
}

static NTSTATUS delete_stored(HANDLE own)
{
    NTSTATUS status = nt.NtDeleteKey(own);
    nt.NtClose(own);
    return status;
}

/* Whether the name has no host key behind it any more, so that no node is needed to hide it. */
static bool host_has(struct str path)
{
    struct map_place above;
    HANDLE key;
    char16 *memory = scratch_take();
    struct strbuf lower, nt_path;
    key_lookup(path_parent(path), &above);
    buf_init(&lower, memory, KEY_UNITS);
    if (above.has_lower)
        map_lower(&above, path_parent(path), &lower);
    buf_add_char(&lower, '\\');
    buf_add(&lower, path_leaf(path));
    buf_init(&nt_path, memory + KEY_UNITS, KEY_UNITS);
    key_host_path(buf_str(&lower), &nt_path);
    bool has = above.has_lower;
    if (has) {
        struct path_attributes at = path_attributes(buf_str(&nt_path));
        path_object(&at)->Attributes |= OBJ_OPENLINK;
        NTSTATUS status = nt.NtOpenKey(&key, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &at.attributes);
        has = status != STATUS_OBJECT_NAME_NOT_FOUND;
        if (status >= 0)
            nt.NtClose(key);
    }
    scratch_give(memory);
    return has;
}

/* [locked] After the stored key is gone: the node says so, or goes. */
NTSTATUS key_record_deleted(struct str path, const struct map_place *place)
{
    struct map_place above;
    if (host_has(path)) {
        if (place->kind != MAP_OWN)
            return key_record(path, MAP_OWN, (struct str){0}, &place->origin);
        map_touch(layer_map(&layer.keys)); /* lists are to be read again */
        return STATUS_SUCCESS;
    }
    key_lookup(path, &above);
    if (above.known != path.len)
        return STATUS_SUCCESS;
    struct journal_record record = {.type = JOURNAL_REMOVE, .path = path};
    NTSTATUS status = layer_journal(&layer.keys, &record);
    if (status >= 0)
        map_remove(layer_map(&layer.keys), path);
    return status;
}

/* [locked] link: it is a link itself, which has no subkeys. */
static NTSTATUS delete_locked(struct str path, bool link)
{
    struct map_place place;
    bool has_subkeys = false;
    HANDLE own;
    key_lookup(path, &place);
    if (place.hidden || !path_parent(path).len)
        return STATUS_ACCESS_DENIED;
    bool stored = key_is_stored(&place);
    NTSTATUS status = stored ? key_open_stored(path, DELETE, &own) : key_exists(path, 0);
    if (status < 0)
        return status == STATUS_OBJECT_NAME_NOT_FOUND ? STATUS_KEY_DELETED : status;
    if (!link)
        status = key_visit_children(path, stop_at_first, &has_subkeys);
    if (status >= 0 && !stored)
        status = key_mirror(path, DELETE, &own);
    if (status < 0) {
        if (stored)
            nt.NtClose(own);
        return status;
    }
    if (has_subkeys) {
        nt.NtClose(own);
        return refused(path);
    }
    /* from here on nothing of the host's shines through; if it ends here, the key is still there */
    if (place.kind == MAP_DIR || (place.has_lower && place.kind == MAP_META))
        status = key_record(path, MAP_OWN, (struct str){0}, &place.origin);
    if (status < 0) {
        nt.NtClose(own);
        return status;
    }
    status = delete_stored(own);
    if (status < 0 && place.has_lower) { /* keys below that do not count are in the way */
        key_delete_stored(path);
        status = STATUS_SUCCESS;
    }
    return status < 0 ? status : key_record_deleted(path, &place);
}

/* Where the stored keys alone decide, the system does too. */
static bool only_stored(const struct key_use *use)
{
    struct map_place place;
    if (!use->state->stored)
        return false;
    key_lookup(key_path(use), &place);
    return !place.has_lower && !place.hidden && place.known < key_path(use).len;
}

static NTSTATUS delete_key(struct key_use *use)
{
    struct key_state *state = use->state;
    if (only_stored(use)) {
        HANDLE real;
        NTSTATUS status = key_change(use, DELETE, &real);
        return status < 0 ? status : nt.NtDeleteKey(real);
    }
    if (!key_may(use, DELETE))
        return STATUS_ACCESS_DENIED;
    layer_lock();
    NTSTATUS status = delete_locked(key_path(use), state->link);
    layer_unlock();
    if (status >= 0)
        state->deleted = true;
    return status;
}

NTSTATUS NTAPI fvm_NtDeleteKey(HANDLE key)
{
    struct key_use use;
    HANDLE real;
    layer_attach();
    NTSTATUS status = key_begin_sure(&use, key);
    if (status < 0)
        return status;
    if (use.state)
        status = delete_key(&use);
    else if ((status = key_change(&use, DELETE, &real)) >= 0)
        status = nt.NtDeleteKey(real);
    key_end(&use);
    return status;
}
