/* The parts that the writer's operations are made of: the sequence, memory, tree and chains. */
#include "delta/map_edit.h"

#define NODE_SIZE ((uint32_t)sizeof(struct map_node))

bool write_open(struct map_view *v, struct delta_map *map)
{
    view_open(v, map, true);
    return !v->damaged && (!(READ(map->sequence) & 1) || READ(map->rebuilding));
}

void write_begin(struct map_view *v)
{
    struct delta_map *map = v->map;
    if (READ(map->rebuilding))
        return;
    WRITE(map->changed, READ(map->changed) | MAP_BUSY);
    WRITE(map->sequence, READ(map->sequence) + 1);
    atomic_thread_fence(memory_order_release);
}

bool write_end(struct map_view *v)
{
    struct delta_map *map = v->map;
    if (v->damaged)
        return false;
    if (READ(map->rebuilding))
        return true;
    atomic_store_explicit(&map->sequence, READ(map->sequence) + 1, memory_order_release);
    atomic_store_explicit(&map->changed, READ(map->changed) & ~MAP_BUSY, memory_order_release);
    return true;
}

/* --- Memory. Blocks come from the free list of their size, else from the top of the arena. */

static uint32_t text_class(uint32_t units, uint32_t *size)
{
    uint32_t rank = 0;
    for (*size = 16; *size < units * 2; rank++)
        *size += rank % 2 ? *size / 3 : *size / 2;
    return rank;
}

uint32_t text_size(size_t units)
{
    uint32_t size;
    text_class((uint32_t)units, &size);
    return size;
}

uint32_t arena_left(struct map_view *v)
{
    uint32_t top = READ(v->map->arena_top);
    return top < v->size && top >= v->arena ? v->size - top : 0;
}

static uint32_t arena_take(struct map_view *v, uint32_t size)
{
    uint32_t top = READ(v->map->arena_top);
    if (arena_left(v) < size) {
        v->damaged = true; /* the operation has made sure that there is enough */
        return v->arena;
    }
    WRITE(v->map->arena_top, top + size);
    return top;
}

/* A free text block holds the next one's offset in its first two units. */
uint32_t text_new(struct map_view *v, size_t units)
{
    uint32_t size, rank = text_class((uint32_t)units, &size);
    uint32_t at = READ(v->map->free_text[rank]);
    if (!at)
        return arena_take(v, size);
    text_unit *text = view_text(v, at, size / 2);
    if (text)
        WRITE(v->map->free_text[rank], READ(text[0]) | (uint32_t)READ(text[1]) << 16);
    return at;
}

static void text_free(struct map_view *v, uint32_t at, uint32_t units)
{
    uint32_t size, rank;
    if (!at || units > TEXT_MAX_UNITS)
        return;
    rank = text_class(units, &size);
    text_unit *text = view_text(v, at, size / 2);
    if (!text)
        return;
    uint32_t next = READ(v->map->free_text[rank]);
    WRITE(text[0], (uint16_t)next);
    WRITE(text[1], (uint16_t)(next >> 16));
    WRITE(v->map->free_text[rank], at);
}

void text_put(struct map_view *v, uint32_t at, size_t start, struct str s)
{
    text_unit *text = view_text(v, at, (uint32_t)(start + s.len));
    for (size_t i = 0; text && i < s.len; i++)
        WRITE(text[start + i], s.s[i]);
}

/* --- Nodes: the tree, the bucket chains, the counts. */

static void node_chain_in(struct map_view *v, uint32_t at, struct map_node *node)
{
    word *bucket = view_bucket(v, READ(node->parent), READ(node->hash));
    WRITE(node->next, READ(*bucket));
    WRITE(*bucket, at);
}

static void node_chain_out(struct map_view *v, uint32_t at, struct map_node *node)
{
    word *link = view_bucket(v, READ(node->parent), READ(node->hash));
    while (READ(*link) && view_step(v)) {
        if (READ(*link) == at) {
            WRITE(*link, READ(node->next));
            return;
        }
        link = &view_node(v, READ(*link))->next;
    }
    v->damaged = true;
}

static void count(word *counter, int by)
{
    WRITE(*counter, READ(*counter) + (uint32_t)by);
}

void node_set_kind(struct map_view *v, struct map_node *node, uint32_t kind)
{
    uint32_t old = READ(node->kind);
    struct map_node *parent = view_node(v, READ(node->parent));
    count(&v->map->changed, kind_is_delta(kind) - kind_is_delta(old));
    count(&parent->changed_children,
          (kind_is_delta(kind) || kind == MAP_HIDDEN) - (kind_is_delta(old) || old == MAP_HIDDEN));
    WRITE(node->kind, kind);
}

void node_attach(struct map_view *v, uint32_t at, uint32_t parent, struct str name)
{
    struct map_node *node = view_node(v, at), *above = view_node(v, parent);
    uint32_t text = text_new(v, name.len), first = READ(above->first_child);
    text_put(v, text, 0, name);
    WRITE(node->name, text);
    WRITE(node->name_len, (uint32_t)name.len);
    WRITE(node->hash, str_hash_fold(&v->map->upcase, 0, name));
    WRITE(node->parent, parent);
    WRITE(node->previous_sibling, 0);
    WRITE(node->next_sibling, first);
    if (first)
        WRITE(view_node(v, first)->previous_sibling, at);
    WRITE(above->first_child, at);
    node_chain_in(v, at, node);
}

void node_detach(struct map_view *v, uint32_t at)
{
    struct map_node *node = view_node(v, at);
    uint32_t previous = READ(node->previous_sibling), next = READ(node->next_sibling);
    node_set_kind(v, node, MAP_NONE);
    node_chain_out(v, at, node);
    if (previous)
        WRITE(view_node(v, previous)->next_sibling, next);
    else
        WRITE(view_node(v, READ(node->parent))->first_child, next);
    if (next)
        WRITE(view_node(v, next)->previous_sibling, previous);
    text_free(v, READ(node->name), READ(node->name_len));
    WRITE(node->name, 0);
    WRITE(node->name_len, 0);
}

uint32_t node_new(struct map_view *v, uint32_t parent, struct str name)
{
    uint32_t at = READ(v->map->free_node);
    struct map_node *node;
    if (at) {
        node = view_node(v, at);
        WRITE(v->map->free_node, READ(node->next));
    } else {
        at = arena_take(v, NODE_SIZE);
        node = view_node(v, at);
    }
    WRITE(node->kind, MAP_NONE);
    WRITE(node->first_child, 0);
    WRITE(node->changed_children, 0);
    WRITE(node->lower, 0);
    WRITE(node->lower_len, 0);
    for (uint32_t i = 0; i < ORIGIN_WORDS; i++)
        WRITE(node->origin[i], 0);
    node_attach(v, at, parent, name);
    return at;
}

/* The list that a node with a lower text is in: the links, or the bucket of explicit lowers. */
static word *lower_list(struct map_view *v, struct map_node *node)
{
    return READ(node->kind) == MAP_LINK ? &v->map->links : view_lower_bucket(v, READ(node->lower_hash));
}

/* Readers may still point to the text: it is used again in a rebuild only, when they must look again anyway. */
void node_drop_lower(struct map_view *v, uint32_t at)
{
    struct map_node *node = view_node(v, at);
    if (!READ(node->lower_len))
        return;
    word *link = lower_list(v, node);
    while (READ(*link) && READ(*link) != at && view_step(v))
        link = &view_node(v, READ(*link))->lower_next;
    if (READ(*link) == at)
        WRITE(*link, READ(node->lower_next));
    else
        v->damaged = true;
    if (READ(node->kind) != MAP_LINK)
        count(&v->map->redirects, -1);
    if (READ(v->map->rebuilding))
        text_free(v, READ(node->lower), READ(node->lower_len));
    WRITE(node->lower, 0);
    WRITE(node->lower_len, 0);
}

void node_give_lower(struct map_view *v, uint32_t at, uint32_t text, uint32_t len)
{
    struct map_node *node = view_node(v, at);
    if (!len)
        return;
    WRITE(node->lower, text);
    WRITE(node->lower_len, len);
    WRITE(node->lower_hash, view_path_hash(v, view_str(v, text, len)));
    word *list = lower_list(v, node);
    WRITE(node->lower_next, READ(*list));
    WRITE(*list, at);
    if (READ(node->kind) != MAP_LINK)
        count(&v->map->redirects, 1);
}

void node_free(struct map_view *v, uint32_t at)
{
    struct map_node *node = view_node(v, at);
    node_drop_lower(v, at);
    node_detach(v, at);
    WRITE(node->next, READ(v->map->free_node));
    WRITE(v->map->free_node, at);
}

/* Frees everything below the node, leaves first. */
void node_drop_children(struct map_view *v, uint32_t top)
{
    uint32_t at = top;
    while (!v->damaged && view_step(v)) {
        struct map_node *node = view_node(v, at);
        uint32_t child = READ(node->first_child);
        if (child) {
            at = child;
            continue;
        }
        if (at == top)
            return;
        uint32_t parent = READ(node->parent);
        node_free(v, at);
        at = parent;
    }
}

void node_drop(struct map_view *v, uint32_t at)
{
    node_drop_children(v, at);
    node_free(v, at);
}

uint32_t path_ensure(struct map_view *v, struct str path)
{
    uint32_t at = 0;
    for (struct str rest = path; rest.len; rest = path_rest(rest)) {
        struct str name = path_first(rest);
        uint32_t child = view_find(v, at, name);
        if (!child) {
            child = node_new(v, at, name);
            node_set_kind(v, view_node(v, child), MAP_PLAIN);
        }
        at = child;
    }
    return at;
}

uint32_t path_find(struct map_view *v, struct str path)
{
    uint32_t at = 0;
    for (struct str rest = path; rest.len; rest = path_rest(rest)) {
        at = view_find(v, at, path_first(rest));
        if (!at)
            return 0;
    }
    return at;
}

uint64_t node_cost(size_t name_units)
{
    return NODE_SIZE + text_size(name_units);
}

uint64_t path_cost(struct map_view *v, struct str path)
{
    struct map_place place;
    uint64_t cost = 0;
    view_resolve(v, path, &place);
    for (struct str rest = str_from(path, place.known); rest.len; rest = path_rest(rest))
        cost += node_cost(path_first(rest).len);
    return cost;
}
