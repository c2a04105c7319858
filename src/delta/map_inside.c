/* Checked access to the map's memory, and the look-up that readers and writers share. */
#include "delta/map_inside.h"

#define IDLE_TRIES                                                                                                     \
    2000u /* about 100 us: a writer is never at work for so long unless it lost its processor or its life */
#define ALL_TRIES 1000000u

/* Read-only, all zero: a node of no kind, with no name and no relatives. */
static const struct map_node no_node;

static uint32_t floor_log2(uint32_t n)
{
    return 31u - (uint32_t)__builtin_clz(n | 1u);
}

void view_open(struct map_view *v, const struct delta_map *map, bool writer)
{
    v->map = (struct delta_map *)(uintptr_t)map;
    v->size = READ(v->map->size);
    v->damaged = v->size < MAP_MIN_SIZE;
    if (v->damaged)
        v->size = MAP_MIN_SIZE;               /* no map is smaller */
    v->bucket_bits = floor_log2(v->size) - 7; /* a node with its texts takes about 128 bytes */
    uint32_t buckets = 1u << v->bucket_bits;
    v->arena = (uint32_t)offsetof(struct delta_map, buckets) + (buckets + buckets / 4) * (uint32_t)sizeof(word);
    v->budget = writer ? v->size : v->size / 32;
    v->writer = writer;
}

struct map_node *view_node_checked(struct map_view *v, uint32_t offset)
{
    if (offset % 8 || offset < v->arena || offset > v->size - sizeof(struct map_node)) {
        v->damaged = true;
        return v->writer ? &v->map->spare : (struct map_node *)(uintptr_t)&no_node;
    }
    return (struct map_node *)((uint8_t *)v->map + offset);
}

text_unit *view_text(struct map_view *v, uint32_t offset, uint32_t len)
{
    if (offset % 8 || offset < v->arena || offset > v->size || len > (v->size - offset) / 2) {
        v->damaged = true;
        return NULL;
    }
    return (text_unit *)((uint8_t *)v->map + offset);
}

struct str view_str(struct map_view *v, uint32_t offset, uint32_t len)
{
    if (!len)
        return (struct str){NULL, 0};
    text_unit *text = view_text(v, offset, len);
    return (struct str){(const char16 *)text, text ? len : 0};
}

word *view_bucket(struct map_view *v, uint32_t parent, uint32_t hash)
{
    uint32_t mixed = (hash + parent * 0x9E3779B1u) * 0x85EBCA6Bu;
    return &v->map->buckets[mixed >> (32 - v->bucket_bits)];
}

word *view_lower_bucket(struct map_view *v, uint32_t hash)
{
    return &v->map->buckets[(1u << v->bucket_bits) + (hash * 0x85EBCA6Bu >> (34 - v->bucket_bits))];
}

bool view_text_is(struct map_view *v, uint32_t offset, uint32_t len, struct str s)
{
    if (len != s.len)
        return false;
    text_unit *text = view_text(v, offset, len);
    if (!text)
        return false;
    upcase_table up = &v->map->upcase;
    for (uint32_t i = 0; i < len; i++) {
        char16 unit = READ(text[i]);
        if (unit != s.s[i] && upcase_of(up, unit) != upcase_of(up, s.s[i]))
            return false;
    }
    return true;
}

static uint32_t find_hashed(struct map_view *v, uint32_t parent, struct str name, uint32_t hash)
{
    uint32_t at = READ(*view_bucket(v, parent, hash));
    while (at && view_step(v)) {
        struct map_node *node = view_node(v, at);
        if (READ(node->hash) == hash && READ(node->parent) == parent &&
            view_text_is(v, READ(node->name), READ(node->name_len), name))
            return at;
        at = READ(node->next);
    }
    return 0;
}

uint32_t view_find(struct map_view *v, uint32_t parent, struct str name)
{
    return find_hashed(v, parent, name, str_hash_fold(&v->map->upcase, 0, name));
}

bool view_beside(struct map_view *v, struct str path, struct str name)
{
    uint32_t hash = str_hash_fold(&v->map->upcase, 0, name), at = 0;
    struct map_node *node = &v->map->root;
    for (struct str rest = path; READ(node->first_child); rest = path_rest(rest)) {
        if (find_hashed(v, at, name, hash))
            return true;
        at = rest.len ? view_find(v, at, path_first(rest)) : 0;
        if (!at)
            return false;
        node = view_node(v, at);
    }
    return false;
}

/* Component by component, so that the hashes of all prefixes of a path come from one pass. */
uint32_t view_path_hash(struct map_view *v, struct str path)
{
    uint32_t hash = 0;
    for (struct str rest = path; rest.len; rest = path_rest(rest))
        hash = str_hash_fold(&v->map->upcase, hash, path_first(rest));
    return hash;
}

static uint64_t read_origin(const struct map_node *node, uint32_t half)
{
    return READ(node->origin[half]) | (uint64_t)READ(node->origin[half + 1]) << 32;
}

/* What the node that covers path[..end] says. False when the walk ends here. */
static bool apply_node(struct map_view *v, struct map_node *node, struct str path, size_t end, struct map_place *place)
{
    uint32_t kind = READ(node->kind);
    size_t rest = end < path.len ? end + 1 : end;
    place->known = end;
    if (kind >= MAP_KINDS) {
        v->damaged = true;
        return false;
    }
    if (kind == MAP_HIDDEN) {
        place->hidden = true;
    } else if (kind == MAP_LINK) {
        place->link = true;
        place->link_target = view_str(v, READ(node->lower), READ(node->lower_len));
        place->link_rest = rest;
    } else if (kind == MAP_OWN) {
        place->has_lower = false;
    } else if (READ(node->lower_len)) {
        place->has_lower = true;
        place->lower_base = view_str(v, READ(node->lower), READ(node->lower_len));
        place->lower_rest = rest;
    }
    if (end == path.len) {
        place->kind = (enum map_kind)kind;
        place->origin.file_id = read_origin(node, 0);
        place->origin.size = read_origin(node, 2);
        place->origin.write_time = read_origin(node, 4);
    }
    return !place->hidden && !place->link;
}

void view_resolve(struct map_view *v, struct str path, struct map_place *place)
{
    *place = (struct map_place){.has_lower = true, .generation = READ(v->map->generation)};
    uint32_t at = 0;
    size_t start = 0;
    struct map_node *node = &v->map->root;
    while (start < path.len && READ(node->first_child)) {
        struct str name = path_first(str_from(path, start));
        uint32_t child = view_find(v, at, name);
        if (!child)
            break;
        at = child;
        node = view_node(v, at);
        if (!apply_node(v, node, path, start + name.len, place))
            break;
        start += name.len + 1;
    }
    place->node = at;
    if (!place->has_lower) {
        place->lower_base = (struct str){NULL, 0};
        place->lower_rest = 0;
    }
    place->in_storage = !place->has_lower || kind_is_delta(place->kind);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

bool reading_begin(struct map_reading *r)
{
    struct delta_map *map = (struct delta_map *)(uintptr_t)r->map;
    for (;;) {
        uint32_t sequence = atomic_load_explicit(&map->sequence, memory_order_acquire);
        r->idle = sequence == r->sequence ? r->idle + 1 : 0;
        r->sequence = sequence;
        if (r->idle > IDLE_TRIES || ++r->tries > ALL_TRIES)
            return false;
        if (!(sequence & 1))
            return true;
        relax();
    }
}

bool reading_end(const struct map_reading *r)
{
    struct delta_map *map = (struct delta_map *)(uintptr_t)r->map;
    atomic_thread_fence(memory_order_acquire);
    return READ(map->sequence) == r->sequence;
}
