/* The delta map for its one writer: set, remove, rebuild. */
#include "delta/map_edit.h"

static void set_origin(struct map_node *node, const struct map_origin *origin)
{
    uint64_t value[3] = {0, 0, 0};
    if (origin) {
        value[0] = origin->file_id;
        value[1] = origin->size;
        value[2] = origin->write_time;
    }
    for (uint32_t i = 0; i < ORIGIN_WORDS; i++)
        WRITE(node->origin[i], (uint32_t)(value[i / 2] >> (i % 2 ? 32 : 0)));
}

static void filter_add(struct delta_map *map, uint64_t value)
{
    uint32_t bit = filter_bit(value);
    WRITE(map->filter[bit / 32], READ(map->filter[bit / 32]) | 1u << bit % 32);
}

static void note_origin(struct delta_map *map, uint32_t kind, const struct map_origin *origin)
{
    if (!origin || !origin->file_id || !kind_is_delta(kind))
        return;
    filter_add(map, origin->file_id);
    filter_add(map, origin->write_time);
    filter_add(map, filter_pair(origin->write_time, origin->size));
    WRITE(map->origins_version, READ(map->origins_version) + 1);
    WRITE(map->origins, READ(map->origins) | (kind == MAP_DIR ? MAP_ORIGIN_DIRECTORIES : MAP_ORIGIN_FILES));
}

static void set_spelling(struct map_view *v, uint32_t at, struct str name)
{
    struct map_node *node = view_node(v, at);
    if (str_equal(view_str(v, READ(node->name), READ(node->name_len)), name))
        return;
    text_put(v, READ(node->name), 0, name); /* as long as the old one, being equal under folding */
}

/* Puts kind and lower in place of what the node has. A text that is already there stays: it costs nothing. */
static void set_kind_and_lower(struct map_view *v, uint32_t at, uint32_t kind, struct str lower)
{
    struct map_node *node = view_node(v, at);
    if (READ(node->kind) == kind && str_equal(view_str(v, READ(node->lower), READ(node->lower_len)), lower))
        return;
    uint32_t text = 0;
    if (lower.len) {
        text = text_new(v, lower.len);
        text_put(v, text, 0, lower);
    }
    node_drop_lower(v, at);
    node_set_kind(v, node, kind);
    node_give_lower(v, at, text, (uint32_t)lower.len);
}

/* A cache must not make the map differ from the journal. */
static bool outranks_cache(struct map_view *v, struct str path, enum map_kind kind)
{
    uint32_t at = path_find(v, path);
    if (!at)
        return false;
    struct map_node *node = view_node(v, at);
    return !kind_is_cache(READ(node->kind)) || (kind == MAP_LINK && READ(node->first_child));
}

bool map_set(struct delta_map *map, struct str path, enum map_kind kind, struct str lower,
             const struct map_origin *origin)
{
    struct map_view v;
    if (!path.len || !text_fits(path) || !text_fits(lower) || kind <= MAP_NONE || kind >= MAP_KINDS ||
        !write_open(&v, map))
        return false;
    if (kind == MAP_OWN || kind == MAP_HIDDEN)
        lower.len = 0;
    if (kind_is_cache(kind) && outranks_cache(&v, path, kind))
        return true;
    uint64_t cost = path_cost(&v, path) + text_size(lower.len);
    if (kind_is_cache(kind))
        cost += (v.size - v.arena) / 4;
    if (v.damaged || cost > arena_left(&v))
        return false;
    write_begin(&v);
    uint32_t at = path_ensure(&v, path);
    if (kind_is_delta(kind))
        set_spelling(&v, at, path_leaf(path));
    set_kind_and_lower(&v, at, kind, lower);
    if (kind != MAP_DIR && kind != MAP_PLAIN)
        node_drop_children(&v, at);
    set_origin(view_node(&v, at), origin);
    note_origin(map, kind, origin);
    return write_end(&v);
}

void map_remove(struct delta_map *map, struct str path)
{
    struct map_view v;
    if (!write_open(&v, map))
        return;
    uint32_t at = path_find(&v, path);
    if (!at)
        return;
    write_begin(&v);
    node_drop(&v, at);
    write_end(&v);
}

void map_touch(struct delta_map *map)
{
    struct map_view v;
    if (!write_open(&v, map))
        return;
    write_begin(&v);
    write_end(&v);
}

void map_begin_rebuild(struct delta_map *map)
{
    struct map_view v;
    view_open(&v, map, true);
    WRITE(map->changed, MAP_BUSY);
    WRITE(map->sequence, READ(map->sequence) | 1);
    WRITE(map->rebuilding, 1);
    WRITE(map->generation, READ(map->generation) + 1);
    atomic_thread_fence(memory_order_release);
    WRITE(map->arena_top, v.arena);
    WRITE(map->free_node, 0);
    WRITE(map->links, 0);
    WRITE(map->redirects, 0);
    WRITE(map->origins, 0);
    for (uint32_t i = 0; i < TEXT_CLASSES; i++)
        WRITE(map->free_text[i], 0);
    WRITE(map->root.first_child, 0);
    WRITE(map->root.changed_children, 0);
    for (uint32_t i = 0; i < FILTER_BITS / 32; i++)
        if (READ(map->filter[i])) /* keeps untouched pages untouched */
            WRITE(map->filter[i], 0);
    uint32_t buckets = (v.arena - (uint32_t)offsetof(struct delta_map, buckets)) / (uint32_t)sizeof(word);
    for (uint32_t i = 0; i < buckets; i++)
        if (READ(map->buckets[i])) /* the same */
            WRITE(map->buckets[i], 0);
}

void map_end_rebuild(struct delta_map *map)
{
    WRITE(map->rebuilding, 0);
    atomic_store_explicit(&map->sequence, READ(map->sequence) + 1, memory_order_release);
    atomic_store_explicit(&map->changed, READ(map->changed) & ~MAP_BUSY, memory_order_release);
}
