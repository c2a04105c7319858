/* What the writer's operations are made of, for the files of src/delta only.
 *
 * An operation opens a view, looks at what it may need and refuses when that is not there. Between write_begin and
 * write_end nothing can fail but for damage, and damage leaves the sequence odd, which calls for a rebuild. */
#ifndef FVM_DELTA_MAP_EDIT_H
#define FVM_DELTA_MAP_EDIT_H

#include "delta/map_inside.h"

/* False when the map is damaged or a writer died in it. */
bool write_open(struct map_view *v, struct delta_map *map);
void write_begin(struct map_view *v);
bool write_end(struct map_view *v); /* false when there was damage */

/* Costs in bytes, and what there is to pay them from. */
uint32_t arena_left(struct map_view *v);
uint32_t text_size(size_t units);
uint64_t node_cost(size_t name_units);
uint64_t path_cost(struct map_view *v, struct str path); /* of the nodes that path_ensure makes */

uint32_t text_new(struct map_view *v, size_t units);
void text_put(struct map_view *v, uint32_t at, size_t start, struct str s); /* writes s from unit `start` on */

static inline bool text_fits(struct str s)
{
    return s.len <= TEXT_MAX_UNITS;
}

uint32_t node_new(struct map_view *v, uint32_t parent, struct str name); /* of kind NONE */
void node_free(struct map_view *v, uint32_t at);                         /* has no children */
void node_drop_children(struct map_view *v, uint32_t top);
void node_drop(struct map_view *v, uint32_t at); /* with all below it */
/* Names the node, whose kind is NONE, and puts it below its parent. */
void node_attach(struct map_view *v, uint32_t at, uint32_t parent, struct str name);
/* Takes the node, with what is below it, out of the tree; its kind becomes NONE and its name is freed. */
void node_detach(struct map_view *v, uint32_t at);
/* Every change of a kind passes here, so the counts stay true. */
void node_set_kind(struct map_view *v, struct map_node *node, uint32_t kind);
/* Gives the node, which has none, a lower text, after its kind was set; nothing when len is 0. */
void node_give_lower(struct map_view *v, uint32_t at, uint32_t text, uint32_t len);
/* Takes the node's lower text away, before its kind changes. */
void node_drop_lower(struct map_view *v, uint32_t at);

uint32_t path_find(struct map_view *v, struct str path); /* the node of exactly this path, or 0 */
/* The node of the path; nodes that are missing on the way to it become PLAIN. */
uint32_t path_ensure(struct map_view *v, struct str path);

#endif
