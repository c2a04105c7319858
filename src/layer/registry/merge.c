/* Reading the subkeys of a key that two keys have: the host's, without those that a node hides or replaces, and the stored
 * ones that have a node. */
#include "layer/registry/registry.h"

void key_merge_begin(struct key_merge *merge, struct str vm_path)
{
    merge->path = vm_path;
    key_lookup(vm_path, &merge->place);
}

bool key_merge_takes(const struct key_merge *merge, bool stored, struct str name)
{
    bool known = merge->place.known == merge->path.len;
    if (stored && !merge->place.has_lower)
        return true;
    if (!known)
        return !stored;
    enum map_kind kind = map_child(layer_map(&layer.keys), merge->place.node, name);
    bool own = kind == MAP_OWN || kind == MAP_DIR || kind == MAP_META;
    return stored ? own : !own && kind != MAP_HIDDEN;
}

HANDLE key_merge_open(const struct key_merge *merge, bool stored)
{
    HANDLE key = NULL;
    NTSTATUS status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (stored)
        status = key_open_stored(merge->path, KEY_QUERY_VALUE | KEY_ENUMERATE_SUB_KEYS, &key);
    else if (merge->place.has_lower && merge->place.kind != MAP_META)
        status = key_open_lower(merge->path, &merge->place, KEY_QUERY_VALUE | KEY_ENUMERATE_SUB_KEYS, &key);
    return status < 0 ? NULL : key;
}

struct visiting {
    struct key_merge merge;
    bool (*visit)(void *context, const struct key_child *child);
    void *context;
};

/* False when the visitor wants no more. */
static bool visit_side(struct visiting *v, HANDLE key, bool stored, NTSTATUS *status)
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
        if (key_merge_takes(&v->merge, stored, child.name))
            more = v->visit(v->context, &child);
    }
    scratch_give(information);
    if (*status == STATUS_NO_MORE_ENTRIES)
        *status = STATUS_SUCCESS;
    return more;
}

NTSTATUS key_visit_children(struct str vm_path, bool (*visit)(void *context, const struct key_child *child),
                            void *context)
{
    struct visiting v = {.visit = visit, .context = context};
    NTSTATUS status = STATUS_SUCCESS;
    bool more = true;
    key_merge_begin(&v.merge, vm_path);
    for (int stored = 0; stored < 2 && more && status >= 0; stored++) {
        HANDLE key = key_merge_open(&v.merge, stored);
        if (key) {
            more = visit_side(&v, key, stored, &status);
            nt.NtClose(key);
        }
    }
    return status;
}
