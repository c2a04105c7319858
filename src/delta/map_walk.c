/* The whole map, node by node, for those who look at a VM from outside. */
#include "delta/map_inside.h"

#define WALK_PATH_UNITS 32768u

typedef bool visit_function(void *context, struct str path, enum map_kind kind, struct str lower,
                            const struct map_origin *origin);

static uint64_t origin_of(const struct map_node *node, uint32_t half)
{
    return READ(node->origin[half]) | (uint64_t)READ(node->origin[half + 1]) << 32;
}

static bool visit_node(struct map_view *v, const struct map_node *node, struct str path, visit_function *visit,
                       void *context)
{
    uint32_t kind = READ(node->kind);
    if (!kind_is_delta(kind))
        return true;
    struct map_origin origin = {origin_of(node, 0), origin_of(node, 2), origin_of(node, 4)};
    struct str lower = view_str(v, READ(node->lower), READ(node->lower_len));
    return visit(context, path, (enum map_kind)kind, lower, &origin);
}

/* Adds the node's name to the path; false when it does not fit with its terminator. */
static bool push_name(struct map_view *v, const struct map_node *node, struct strbuf *path)
{
    size_t before = path->len;
    if (before)
        buf_add_char(path, '\\');
    buf_add(path, view_str(v, READ(node->name), READ(node->name_len)));
    if (!v->damaged && buf_terminate(path))
        return true;
    path->len = before;
    path->overflow = false;
    return false;
}

static void pop_name(const struct map_node *node, struct strbuf *path)
{
    size_t len = READ(node->name_len);
    path->len -= len < path->len ? len + 1 : path->len;
}

void map_walk(const struct delta_map *map, visit_function *visit, void *context)
{
    char16 memory[WALK_PATH_UNITS];
    struct strbuf path;
    struct map_view v;
    buf_init(&path, memory, WALK_PATH_UNITS);
    view_open(&v, map, false);
    v.budget = v.size;
    uint32_t at = READ(v.map->root.first_child);
    while (at && view_step(&v) && !v.damaged) {
        struct map_node *node = view_node(&v, at);
        uint32_t next = 0;
        if (push_name(&v, node, &path)) {
            if (!visit_node(&v, node, buf_str(&path), visit, context))
                return;
            next = READ(node->first_child);
            if (!next)
                pop_name(node, &path);
        }
        while (!next && at && view_step(&v)) {
            node = view_node(&v, at);
            next = READ(node->next_sibling);
            if (!next) {
                at = READ(node->parent);
                if (at)
                    pop_name(view_node(&v, at), &path);
            }
        }
        at = next;
    }
}
