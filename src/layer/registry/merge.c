/* Reading the subkeys of a key that two keys have: the host's, without those that a node hides or replaces, and the stored
 * ones that have a node. */
#include "layer/registry/registry.h"

struct merge {
    struct map_place place;
    struct str path;
    bool (*visit)(void *context, const struct key_child *child);
    void *context;
};

static bool shines_through(const struct merge *m, struct str name)
{
    if (m->place.known != m->path.len)
        return true;
    enum map_kind kind = map_child(layer_map(&layer.keys), m->place.node, name);
    return kind == MAP_NONE || kind == MAP_PLAIN || kind == MAP_LINK;
}

static bool counts_in_storage(const struct merge *m, struct str name)
{
    if (!m->place.has_lower)
        return true;
    if (m->place.known != m->path.len)
        return false;
    enum map_kind kind = map_child(layer_map(&layer.keys), m->place.node, name);
    return kind == MAP_OWN || kind == MAP_DIR || kind == MAP_META;
}

/* False when the visitor wants no more. */
static bool visit_side(struct merge *m, HANDLE key, bool stored, NTSTATUS *status)
{
    FVM_KEY_NODE_INFORMATION *information = scratch_take();
    bool more = true;
    for (ULONG index = 0; more; index++) {
        ULONG length;
        *status = nt.NtEnumerateKey(key, index, KeyNodeInformationClass, information, SCRATCH_SIZE, &length);
        if (*status < 0)
            break;
        struct key_child child = {
            .stored = stored,
            .index = index,
            .information = information,
            .name = {(const char16 *)information->Name, information->NameLength / sizeof(char16)},
        };
        if (stored ? counts_in_storage(m, child.name) : shines_through(m, child.name))
            more = m->visit(m->context, &child);
    }
    scratch_give(information);
    if (*status == STATUS_NO_MORE_ENTRIES)
        *status = STATUS_SUCCESS;
    return more;
}

NTSTATUS key_visit_children(struct str vm_path, bool (*visit)(void *context, const struct key_child *child),
                            void *context)
{
    struct merge m = {.path = vm_path, .visit = visit, .context = context};
    HANDLE lower = NULL, own = NULL;
    NTSTATUS status = STATUS_SUCCESS;
    bool more = true;
    key_lookup(vm_path, &m.place);
    if (m.place.has_lower && m.place.kind != MAP_META &&
        key_open_lower(vm_path, &m.place, KEY_ENUMERATE_SUB_KEYS, &lower) < 0)
        lower = NULL;
    if (key_open_stored(vm_path, KEY_ENUMERATE_SUB_KEYS, &own) < 0)
        own = NULL;
    if (lower)
        more = visit_side(&m, lower, false, &status);
    if (own && more && status >= 0)
        visit_side(&m, own, true, &status);
    if (own)
        nt.NtClose(own);
    if (lower)
        nt.NtClose(lower);
    return status;
}
