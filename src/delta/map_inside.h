/* The layout of the delta map and checked access to it, for the files of src/delta only.
 *
 * The memory is shared by processes of 32 and 64 bit, so it holds nothing but 32-bit words and UTF-16 units, and nobody
 * can say who wrote to it last. An access goes through a `map_view`: it checks each offset, counts down a budget of steps
 * that no intact map uses up, and remembers when something was wrong. A bad offset leads to a spare node, never to
 * NULL, so that the code above needs no second way out: it asks `damaged` once, at its end.
 *
 * Everything that readers look at without the lock is a relaxed atomic; the order comes from the sequence alone. */
#ifndef FVM_DELTA_MAP_INSIDE_H
#define FVM_DELTA_MAP_INSIDE_H

#include <stdatomic.h>

#include "delta/map.h"

#define MAP_MAGIC_LOW 0x444D5646u  /* "FVMD" */
#define MAP_MAGIC_HIGH 0x3150414Du /* "MAP1" */
#define MAP_VERSION 3u
#define TEXT_CLASSES 26u /* block sizes 16, 24, 32, 48, 64, ... 65536, 98304 */
#define TEXT_MAX_UNITS 32767u
#define MAP_BUSY 0x80000000u /* in `changed`: a writer is at work or died at it */
#define ORIGIN_WORDS 6u
#define FILTER_BITS 65536u /* a tenth of them are set when 3,000 files were copied */

typedef _Atomic uint32_t word;
typedef _Atomic uint16_t text_unit;

struct map_node {
    word parent; /* a node; 0 is the root. Parent and hash come first: a look-up reads the first 32 bytes only */
    word hash;   /* of the folded name */
    word next;   /* in the bucket; of a free node: the next free one */
    word name, name_len;
    word kind;
    word first_child;
    word changed_children; /* direct children that are OWN, DIR, META or HIDDEN */
    word next_sibling, previous_sibling;
    word lower, lower_len; /* explicit lower, of a LINK the target; 0 when there is none */
    word lower_hash;
    word lower_next;           /* in the bucket of explicit lowers; of a LINK: in the list of links */
    word origin[ORIGIN_WORDS]; /* low and high halves: a 64-bit atomic would need a library on 32-bit targets */
};

struct delta_map {
    word magic_low, magic_high, version, size;
    word sequence;   /* odd while a writer is at work */
    word changed;    /* OWN, DIR and META nodes; MAP_BUSY */
    word generation; /* counts rebuilds: texts that readers may still point to are reused in a rebuild only */
    word rebuilding;
    word arena_top;
    word free_node;
    word links;     /* list of the LINK nodes */
    word redirects; /* nodes with an explicit lower */
    word free_text[TEXT_CLASSES];
    word origins;         /* MAP_ORIGIN_* */
    word origins_version; /* counts what was added to the filter, also in a rebuild: never set back */
    struct map_node root;
    struct map_node spare; /* what a writer gets for a bad offset */
    struct upcase upcase;
    word filter[FILTER_BITS / 32]; /* of the values that map_maybe_origin knows. Bits are cleared by a rebuild only */
    word buckets[];                /* by (parent, name), then a quarter as many by explicit lower, then the arena */
};

_Static_assert(sizeof(word) == 4 && sizeof(text_unit) == 2, "atomics are plain memory");
_Static_assert(sizeof(struct map_node) == 80, "the same layout for every process");
_Static_assert(sizeof(struct delta_map) == 320 + sizeof(struct upcase) + FILTER_BITS / 8,
               "the same layout for every process");
_Static_assert(offsetof(struct delta_map, root) == 160, "the same layout for every process");
_Static_assert(offsetof(struct delta_map, upcase) == 320, "the same layout for every process");
_Static_assert(offsetof(struct delta_map, buckets) % 8 == 0, "the arena is 8-aligned");

struct map_view {
    struct delta_map *map; /* written through by writers only */
    uint32_t size;
    uint32_t bucket_bits;
    uint32_t arena; /* offset of its start */
    uint32_t budget;
    bool writer;
    bool damaged;
};

#define READ(at) atomic_load_explicit(&(at), memory_order_relaxed)
#define WRITE(at, value) atomic_store_explicit(&(at), (value), memory_order_relaxed)

void view_open(struct map_view *v, const struct delta_map *map, bool writer);
/* The node at an offset, or a node that does no harm. */
struct map_node *view_node_checked(struct map_view *v, uint32_t offset);
/* `len` units of text in the arena; NULL (and damaged) when they are not all in it. */
text_unit *view_text(struct map_view *v, uint32_t offset, uint32_t len);
/* The same as a string, empty when damaged. */
struct str view_str(struct map_view *v, uint32_t offset, uint32_t len);
word *view_bucket(struct map_view *v, uint32_t parent, uint32_t hash);
word *view_lower_bucket(struct map_view *v, uint32_t hash);
bool view_text_is(struct map_view *v, uint32_t offset, uint32_t len, struct str s); /* under folding */
uint32_t view_find(struct map_view *v, uint32_t parent, struct str name);           /* the child, or 0 */
bool view_beside(struct map_view *v, struct str path, struct str name);             /* map_beside, once */
uint32_t view_path_hash(struct map_view *v, struct str path);
/* Looks up once, without regard to other writers. */
void view_resolve(struct map_view *v, struct str path, struct map_place *place);

/* One step of a walk; false when the walk has gone on for longer than an intact map allows. */
static inline bool view_step(struct map_view *v)
{
    if (!v->budget) {
        v->damaged = true;
        return false;
    }
    v->budget--;
    return true;
}

static inline struct map_node *view_node(struct map_view *v, uint32_t offset)
{
    return offset ? view_node_checked(v, offset) : &v->map->root;
}

/* A lock-free reading: while (reading_begin(&r)) { read; if (reading_end(&r)) return it; } give up. */
struct map_reading {
    const struct delta_map *map;
    uint32_t sequence;
    uint32_t idle;  /* tries since the sequence last moved */
    uint32_t tries; /* in all */
};

bool reading_begin(struct map_reading *r);
bool reading_end(const struct map_reading *r);

static inline uint64_t filter_pair(uint64_t write_time, uint64_t size)
{
    return (write_time ^ size << 1) * 0xD6E8FEB86659FD93u;
}

/* The bit of a value in the filter. */
static inline uint32_t filter_bit(uint64_t value)
{
    return (uint32_t)(value * 0x9E3779B97F4A7C15u >> 48) % FILTER_BITS;
}

static inline bool kind_is_delta(uint32_t kind)
{
    return kind == MAP_OWN || kind == MAP_DIR || kind == MAP_META;
}

static inline bool kind_is_cache(uint32_t kind)
{
    return kind == MAP_PLAIN || kind == MAP_LINK;
}

#endif
