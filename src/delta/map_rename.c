/* Renaming: one node changes its parent, whatever hangs below it. */
#include "delta/map_edit.h"

static bool node_is_below(struct map_view *v, uint32_t at, uint32_t top)
{
    while (at && at != top && view_step(v))
        at = READ(view_node(v, at)->parent);
    return at == top;
}

/* Forgets the LINK nodes below a node that moves: their targets may lie below its old name. */
static void drop_links_below(struct map_view *v, uint32_t top)
{
    uint32_t at = READ(v->map->links);
    while (at && view_step(v)) {
        struct map_node *node = view_node(v, at);
        uint32_t next = READ(node->lower_next);
        if (at != top && node_is_below(v, at, top)) {
            bool alone = !READ(node->first_child);
            node_drop(v, at);
            if (!alone)
                next = READ(v->map->links); /* the next one may have been below this one */
        }
        at = next;
    }
}

struct rename {
    struct str from, to;
    struct map_place source; /* of from */
    uint32_t node;           /* of from, or 0 */
    uint32_t kind;           /* that the moved node gets */
    bool same;               /* from and to differ in case only */
    bool in_own;             /* the parent of `to` has no lower */
    bool cover;
};

/* The explicit lower that the moved node gets, as a new text; 0 when it keeps the one that it has or gets none. */
static uint32_t rename_lower(struct map_view *v, const struct rename *r, uint32_t *len)
{
    struct str base = r->source.lower_base, rest = str_from(r->from, r->source.lower_rest);
    bool keeps = r->node && READ(view_node(v, r->node)->lower_len) && READ(view_node(v, r->node)->kind) != MAP_LINK;
    *len = 0;
    if (!r->source.has_lower || r->kind == MAP_OWN || keeps)
        return 0;
    size_t slash = base.len && rest.len;
    *len = (uint32_t)(base.len + slash + rest.len);
    uint32_t text = text_new(v, *len);
    text_put(v, text, 0, base);
    if (slash)
        text_put(v, text, base.len, STR(u"\\"));
    text_put(v, text, base.len + slash, rest);
    return text;
}

static bool rename_fits(struct map_view *v, const struct rename *r)
{
    size_t lower = r->source.lower_base.len + 1 + r->from.len;
    uint64_t cost =
        path_cost(v, r->to) + path_cost(v, r->from) + text_size(lower) + node_cost(r->to.len) + node_cost(r->from.len);
    return lower <= TEXT_MAX_UNITS && cost <= arena_left(v);
}

/* Fills in what the moved node will be. */
static void rename_plan(struct map_view *v, struct rename *r, enum map_kind kind_if_none)
{
    struct map_place above;
    view_resolve(v, r->from, &r->source);
    view_resolve(v, path_parent(r->to), &above);
    r->in_own = !above.has_lower;
    r->node = path_find(v, r->from);
    uint32_t kind = r->node ? READ(view_node(v, r->node)->kind) : MAP_NONE;
    bool known = kind_is_delta(kind); /* a cache counts as no node, because a replay may not know it */
    if (r->source.has_lower)
        r->kind = known ? kind : kind_if_none;
    else
        r->kind = known || !r->in_own ? MAP_OWN : MAP_PLAIN;
    if (r->same || (!known && !r->source.has_lower))
        r->cover = false;
}

static void rename_move(struct map_view *v, struct rename *r)
{
    uint32_t len, text = rename_lower(v, r, &len);
    uint32_t parent = path_ensure(v, path_parent(r->to)), replaced = view_find(v, parent, path_leaf(r->to));
    if (replaced && replaced != r->node)
        node_drop(v, replaced);
    if (!r->node) {
        r->node = node_new(v, parent, path_leaf(r->to));
    } else {
        if (r->kind == MAP_OWN || READ(view_node(v, r->node)->kind) == MAP_LINK)
            node_drop_lower(v, r->node);
        if (!r->same)
            drop_links_below(v, r->node);
        node_detach(v, r->node);
        node_attach(v, r->node, parent, path_leaf(r->to));
    }
    node_set_kind(v, view_node(v, r->node), r->kind);
    node_give_lower(v, r->node, text, len);
    if (r->cover)
        node_set_kind(v, view_node(v, path_ensure(v, r->from)), MAP_OWN);
}

bool map_rename(struct delta_map *map, struct str from, struct str to, bool cover, enum map_kind kind_if_none)
{
    struct map_view v;
    upcase_table up = &map->upcase;
    struct rename r = {.from = from, .to = to, .cover = cover, .same = str_equal_fold(up, from, to)};
    if (!from.len || !to.len || !text_fits(from) || !text_fits(to) || !kind_is_delta(kind_if_none))
        return false;
    if (!r.same && (path_under_fold(up, from, to) || path_under_fold(up, to, from)))
        return false;
    if (!write_open(&v, map))
        return false;
    rename_plan(&v, &r, kind_if_none);
    if (v.damaged)
        return false;
    struct map_place target;
    view_resolve(&v, to, &target);
    if (r.source.hidden || target.hidden)
        return true;
    if (!rename_fits(&v, &r))
        return false;
    write_begin(&v);
    if (r.node || r.source.has_lower || !r.in_own)
        rename_move(&v, &r);
    else if (target.known == to.len && target.node)
        node_drop(&v, target.node);
    return write_end(&v);
}
