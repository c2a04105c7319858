/* From a host path back to the VM's name for it. */
#include "delta/map_inside.h"

#define VM_PATH_MAX 32767u

static uint32_t find_lower(struct map_view *v, uint32_t hash, struct str lower)
{
    uint32_t at = READ(*view_lower_bucket(v, hash));
    while (at && view_step(v)) {
        struct map_node *node = view_node(v, at);
        if (READ(node->lower_hash) == hash && view_text_is(v, READ(node->lower), READ(node->lower_len), lower))
            return at;
        at = READ(node->lower_next);
    }
    return 0;
}

/* Units of the node's path; 0 when it is too long to be one. */
static uint32_t path_units(struct map_view *v, uint32_t at)
{
    uint32_t units = 0;
    while (at && view_step(v)) {
        struct map_node *node = view_node(v, at);
        uint32_t len = READ(node->name_len);
        if (len > VM_PATH_MAX - units)
            return 0;
        units += len + 1;
        at = READ(node->parent);
    }
    return units ? units - 1 : 0;
}

/* Written from its end, because a node knows its parent only. The nodes may change meanwhile, `units` holds. */
static void add_node_path(struct map_view *v, uint32_t at, uint32_t units, struct strbuf *out)
{
    if (out->overflow || units > out->cap - out->len) {
        out->overflow = true;
        return;
    }
    char16 *path = out->s + out->len;
    uint32_t end = units;
    while (at && view_step(v)) {
        struct map_node *node = view_node(v, at);
        uint32_t len = READ(node->name_len);
        text_unit *name = view_text(v, READ(node->name), len);
        if (!name || len > end)
            break;
        end -= len;
        for (uint32_t i = 0; i < len; i++)
            path[end + i] = READ(name[i]);
        if (end)
            path[--end] = '\\';
        at = READ(node->parent);
    }
    if (at || end)
        v->damaged = true;
    else
        out->len += units;
}

static bool reverse_once(struct map_view *v, struct str host_path, struct strbuf *vm_path)
{
    uint32_t hash = 0, best = 0;
    size_t end = 0, best_end = 0;
    buf_set(vm_path, (struct str){NULL, 0});
    for (struct str rest = host_path; rest.len && READ(v->map->redirects); rest = path_rest(rest)) {
        struct str name = path_first(rest);
        hash = str_hash_fold(&v->map->upcase, hash, name);
        end = host_path.len - rest.len + name.len;
        uint32_t found = find_lower(v, hash, str_head(host_path, end));
        if (found) {
            best = found;
            best_end = end;
        }
    }
    if (!best)
        return false;
    add_node_path(v, best, path_units(v, best), vm_path);
    buf_add(vm_path, str_from(host_path, best_end));
    return true;
}

bool map_reverse(const struct delta_map *map, struct str host_path, struct strbuf *vm_path)
{
    struct map_reading reading = {.map = map};
    while (reading_begin(&reading)) {
        struct map_view v;
        view_open(&v, map, false);
        bool found = reverse_once(&v, host_path, vm_path);
        if (reading_end(&reading))
            return found && !v.damaged;
    }
    return false;
}
