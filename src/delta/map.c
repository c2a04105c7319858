/* The delta map for its readers: format, check, and the lock-free look-ups. */
#include "delta/map_inside.h"

bool map_format(struct delta_map *map, size_t size, upcase_table upcase)
{
    if (size < MAP_MIN_SIZE || size > UINT32_MAX - 7u)
        return false;
    upcase_copy(&map->upcase, upcase);
    WRITE(map->size, (uint32_t)size);
    WRITE(map->version, MAP_VERSION);
    WRITE(map->magic_low, MAP_MAGIC_LOW);
    WRITE(map->magic_high, MAP_MAGIC_HIGH);
    map_begin_rebuild(map);
    map_end_rebuild(map);
    return true;
}

void map_follow(struct delta_map *map, const struct delta_map *before)
{
    struct delta_map *old = (struct delta_map *)(uintptr_t)before;
    WRITE(map->sequence, (READ(old->sequence) | 1u) + 1u);
    WRITE(map->generation, READ(old->generation) + 1u);
}

size_t map_size(const struct delta_map *map)
{
    return READ(((struct delta_map *)(uintptr_t)map)->size);
}

bool map_check(const struct delta_map *constant, size_t size)
{
    struct delta_map *map = (struct delta_map *)(uintptr_t)constant;
    return size >= MAP_MIN_SIZE && READ(map->magic_low) == MAP_MAGIC_LOW && READ(map->magic_high) == MAP_MAGIC_HIGH &&
           READ(map->version) == MAP_VERSION && READ(map->size) == size;
}

upcase_table map_upcase(const struct delta_map *map)
{
    return &map->upcase;
}

bool map_untouched(const struct delta_map *map)
{
    return !atomic_load_explicit(&((struct delta_map *)(uintptr_t)map)->changed, memory_order_acquire);
}

uint32_t map_sequence(const struct delta_map *map)
{
    return atomic_load_explicit(&((struct delta_map *)(uintptr_t)map)->sequence, memory_order_acquire);
}

bool map_resolve(const struct delta_map *map, struct str path, struct map_place *place)
{
    struct map_reading reading = {.map = map};
    while (reading_begin(&reading)) {
        struct map_view v;
        view_open(&v, map, false);
        view_resolve(&v, path, place);
        if (reading_end(&reading))
            return !v.damaged;
    }
    return false;
}

void map_lower(const struct map_place *place, struct str path, struct strbuf *out)
{
    struct str base = place->lower_base;
    buf_set(out, (struct str){NULL, 0});
    if (!place->has_lower)
        return;
    out->overflow = base.len > out->cap;
    if (out->overflow)
        return;
    for (size_t i = 0; i < base.len; i++) /* a rebuild may go on meanwhile: see map_current */
        out->s[i] = READ(((text_unit *)(uintptr_t)base.s)[i]);
    out->len = base.len;
    struct str rest = str_from(path, place->lower_rest);
    if (base.len && rest.len)
        buf_add_char(out, '\\');
    buf_add(out, rest);
}

bool map_current(const struct delta_map *map, const struct map_place *place)
{
    atomic_thread_fence(memory_order_acquire);
    return READ(((struct delta_map *)(uintptr_t)map)->generation) == place->generation;
}

enum map_kind map_child(const struct delta_map *map, uint32_t node, struct str name)
{
    struct map_reading reading = {.map = map};
    while (reading_begin(&reading)) {
        struct map_view v;
        view_open(&v, map, false);
        uint32_t child = view_find(&v, node, name);
        uint32_t kind = child ? READ(view_node(&v, child)->kind) : MAP_NONE;
        if (reading_end(&reading))
            return v.damaged || kind >= MAP_KINDS ? MAP_HIDDEN : (enum map_kind)kind;
    }
    return MAP_HIDDEN;
}

bool map_beside(const struct delta_map *map, struct str path, struct str name)
{
    struct map_reading reading = {.map = map};
    while (reading_begin(&reading)) {
        struct map_view v;
        view_open(&v, map, false);
        bool found = view_beside(&v, path, name);
        if (reading_end(&reading))
            return found || v.damaged;
    }
    return true;
}

bool map_has_changed_child(const struct delta_map *map, uint32_t node)
{
    struct map_reading reading = {.map = map};
    while (reading_begin(&reading)) {
        struct map_view v;
        view_open(&v, map, false);
        bool changed = READ(view_node(&v, node)->changed_children) != 0;
        if (reading_end(&reading))
            return changed || v.damaged;
    }
    return true;
}

bool map_has_redirects(const struct delta_map *constant)
{
    struct delta_map *map = (struct delta_map *)(uintptr_t)constant;
    return READ(map->rebuilding) || READ(map->redirects);
}

uint32_t map_origins(const struct delta_map *constant)
{
    struct delta_map *map = (struct delta_map *)(uintptr_t)constant;
    if (READ(map->rebuilding))
        return MAP_ORIGIN_FILES | MAP_ORIGIN_DIRECTORIES;
    return atomic_load_explicit(&map->origins, memory_order_acquire);
}

uint32_t map_origins_version(const struct delta_map *constant)
{
    struct delta_map *map = (struct delta_map *)(uintptr_t)constant;
    return atomic_load_explicit(&map->origins_version, memory_order_acquire);
}

bool map_maybe_origin(const struct delta_map *constant, uint64_t value)
{
    struct delta_map *map = (struct delta_map *)(uintptr_t)constant;
    uint32_t bit = filter_bit(value);
    return READ(map->filter[bit / 32]) >> bit % 32 & 1 || READ(map->rebuilding);
}

bool map_maybe_same(const struct delta_map *map, uint64_t write_time, uint64_t size)
{
    return map_maybe_origin(map, filter_pair(write_time, size));
}
