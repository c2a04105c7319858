/* The delta map: an index, in memory shared by all processes of a VM, of every name that differs from the host.
 *
 * A trie over path components, stored as a hash table of (parent node, folded component). Readers take no lock: they
 * read `sequence`, look up, and read it again (map_resolve does that). One writer at a time: the caller holds the VM's
 * writer lock around every function marked [writer]. All positions are offsets from the start of the map, because each
 * process maps it at another address; every offset read is checked against the map's size, and every walk is bounded,
 * so that a damaged map gives a wrong answer or none, but never a crash or an endless loop.
 *
 * The size itself is a word of the map, believed once map_check has compared it with the section's. Processes of a VM
 * may do so; the host side must not work on memory that a VM can write to: it makes a map of its own from the journal.
 *
 * Whoever gets the writer lock looks at map_sequence first: odd means that the last writer died, or found the map damaged,
 * and the map must be rebuilt from the journal (map_begin_rebuild). Until then map_set and map_rename return false
 * and map_remove does nothing.
 *
 * What a node says about its name (`kind`) and where content lies:
 *   storage = the VM's delta tree, at the same path as the VM's name;
 *   lower   = the host's file or directory that shines through. A node without a lower of its own inherits: its
 *             parent's lower + its name. The root's lower is the host at the same path.
 */
#ifndef FVM_DELTA_MAP_H
#define FVM_DELTA_MAP_H

#include "base/str.h"

enum map_kind {
    MAP_NONE,   /* no node: as the nearest node above says */
    MAP_PLAIN,  /* a directory of the lower on the way to other nodes; no link. Not journalled */
    MAP_LINK,   /* another spelling: `lower` of the node is the canonical VM path to go on with. Not journalled */
    MAP_OWN,    /* storage decides: what is there exists, with all below it; what is not there is deleted. No lower */
    MAP_DIR,    /* a directory in storage, merged with its lower */
    MAP_META,   /* a file whose metadata is in storage and whose content is still its lower's */
    MAP_HIDDEN, /* does not exist for the VM and cannot be created (FVM's own home). Not journalled */
    MAP_KINDS
};

/* What the host's file was when it was copied; zero when the name is the VM's own. */
struct map_origin {
    uint64_t file_id;
    uint64_t size;       /* bytes */
    uint64_t write_time; /* 100 ns since 1601, as the system gives it */
};

struct delta_map; /* the memory itself; opaque */

/* Where a name lives. */
struct map_place {
    enum map_kind kind; /* of the node that has exactly this name, or MAP_NONE */
    uint32_t node;      /* the deepest node on the way (its kind may differ from `kind`); 0 is the root */
    size_t known;       /* units of the path that are covered by `node` (the rest has no node) */
    bool has_lower;     /* false: only storage counts for this name */
    bool in_storage; /* the name lies below (or is) an OWN node, or is DIR or META: storage has it, if anything has */
    bool hidden;
    struct str lower_base; /* lower path = lower_base + '\\' + path[lower_rest..], or just one of them if empty.    */
    size_t lower_rest;     /* lower_base and link_target point into the map: see map_current.                        */
    struct map_origin origin; /* of the exact node */
    bool link;                /* a LINK was met: restart with link_target + '\\' + path[link_rest..]  */
    struct str link_target;
    size_t link_rest;
    uint32_t generation; /* see map_current */
};

#define MAP_MIN_SIZE (1u << 20)

/* Formats `size` bytes (MAP_MIN_SIZE to 4 GiB - 1, 8-aligned, zeroed by the caller) as an empty map and copies the upcase
 * table into it. False when the size does not fit. About 100 nodes fit in 16 KiB. */
bool map_format(struct delta_map *map, size_t size, upcase_table upcase);
/* [writer] Makes an empty map the next one after `before`: its sequence and generation go on from there, so that who kept them sees
 * that things have changed. */
void map_follow(struct delta_map *map, const struct delta_map *before);
size_t map_size(const struct delta_map *map);
/* Whether the memory looks like a map of that size: magic, version, size. */
bool map_check(const struct delta_map *map, size_t size);
upcase_table map_upcase(const struct delta_map *map);
/* True when nothing but PLAIN, LINK and HIDDEN nodes exist. One load: the fast path of an untouched VM. False also while
 * a writer is at work. */
bool map_untouched(const struct delta_map *map);
/* Moves with every change; odd while a writer is at work, or since one died. */
uint32_t map_sequence(const struct delta_map *map);

/* Looks a VM path up. False when no consistent view could be read (a writer died in the middle, or the map is damaged:
 * the caller takes the writer lock and rebuilds it if the sequence is odd or it fails again under the lock).
 * Follows no link: see place->link. What comes behind a LINK or HIDDEN node is not looked at. */
bool map_resolve(const struct delta_map *map, struct str path, struct map_place *place);
/* Copies the lower path of a place into out (out->overflow when it does not fit). Empty without a lower. */
void map_lower(const struct map_place *place, struct str path, struct strbuf *out);
/* Whether the texts in a place (lower_base, link_target) were still its own up to now: only a rebuild reuses them. A
 * reader without the lock asks after it copied them, and resolves again when not. */
bool map_current(const struct delta_map *map, const struct map_place *place);
/* The kind of the child `name` of `node`, MAP_NONE when there is no such node. For directory listings. Without a
 * consistent view: MAP_HIDDEN. */
enum map_kind map_child(const struct delta_map *map, uint32_t node, struct str name);
/* Whether any direct child of `node` is OWN, DIR, META or HIDDEN (a listing needs merging). Without a consistent view:
 * true. */
bool map_has_changed_child(const struct delta_map *map, uint32_t node);
/* Whether a node called `name` is a child of a node on the path: of the root, of the path's own, or of one between. Without a consistent
 * view: true. */
bool map_beside(const struct delta_map *map, struct str path, struct str name);
/* Sets vm_path to the VM name of a host path that shines through a renamed directory or file (a node with an explicit
 * lower equal to or above host_path; the deepest wins). False when there is none: the VM name is the host path. False
 * also without a consistent view. Whether the VM name still leads there is for map_resolve to say. */
bool map_reverse(const struct delta_map *map, struct str host_path, struct strbuf *vm_path);
/* Whether there is any such node. One load; true in a rebuild. */
bool map_has_redirects(const struct delta_map *map);
/* What the host's originals of the OWN, DIR and META nodes are: MAP_ORIGIN_*; 0 while nothing was copied. One load. All in a
 * rebuild. */
#define MAP_ORIGIN_FILES 1u
#define MAP_ORIGIN_DIRECTORIES 2u
uint32_t map_origins(const struct delta_map *map);
/* Another number whenever an original was added. One load. */
uint32_t map_origins_version(const struct delta_map *map);
/* Whether one of those originals had this value as its file id or as its write time. Never false for one that had, now and
 * then true for one that had not. */
bool map_maybe_origin(const struct delta_map *map, uint64_t value);
/* The same for both time and size: whole trees have one time. */
bool map_maybe_same(const struct delta_map *map, uint64_t write_time, uint64_t size);
/* Calls visit for every OWN, DIR and META node, parents first, siblings in no order; path is terminated and valid during
 * the call; lower is the explicit lower or empty. Stops when visit returns false. Nodes whose path has grown over
 * 32,766 units are left out with what is below them. Host side, single-threaded use (it has a buffer of 64 KiB on
 * its stack). */
void map_walk(const struct delta_map *map,
              bool (*visit)(void *context, struct str path, enum map_kind kind, struct str lower,
                            const struct map_origin *origin),
              void *context);

/* [writer] Sets the node of path (made with its missing ancestors as PLAIN). lower: explicit lower path, or empty to
 * inherit (for LINK: the target; for OWN and HIDDEN it is ignored). origin may be NULL. Existing children stay for DIR and
 * PLAIN; for the others they are dropped. The node of an OWN, DIR or META takes the spelling of path's last component.
 * False when the map is full or path is empty (nothing changed): the texts of replaced lowers come back in a rebuild. PLAIN and LINK, being
 * caches, find it full when a quarter is left; the caller can go on without them. They do not replace a node of another
 * kind, nor LINK one that has nodes below it: then nothing happens, and the result is true. */
bool map_set(struct delta_map *map, struct str path, enum map_kind kind, struct str lower,
             const struct map_origin *origin);
/* [writer] Changes nothing but the sequence: what a node stands for has changed elsewhere. */
void map_touch(struct delta_map *map);
/* [writer] Forgets the node and everything below it: the name is as the nearest node above says. */
void map_remove(struct delta_map *map, struct str path);
/* [writer] Moves the node `from` with everything below it to `to` (replacing what is there), at a cost that does not
 * depend on what is below; only LINK nodes below it are forgotten, since they would lead to the old name.
 * - A node with a lower keeps it (it becomes explicit at the moved node). OWN, DIR and META keep their kind; those that
 *   have no lower become OWN. PLAIN and LINK, which a replay may not know, count as no node in what follows.
 * - No node, but a lower (untouched host name): a node of kind_if_none (MAP_DIR or MAP_META) with that lower explicit.
 * - No node, below OWN: no node is needed at `from`; `to` becomes OWN unless it too lies below OWN (then no node).
 * - `cover`: `from` stays behind as OWN (the host or a lower has that name); else its node is gone. Not where no node is
 *   needed at `from`, and not when `from` and `to` differ in case only (then the node gets the new spelling).
 * Nothing happens when one of the names is hidden. False when the map is full, or one of the names lies below the other
 * (nothing changed). */
bool map_rename(struct delta_map *map, struct str from, struct str to, bool cover, enum map_kind kind_if_none);
/* [writer] Empties the map (keeps the upcase table), for a rebuild: call, set the HIDDEN nodes, then replay the journal (its
 * renames carry them along as they did before), then map_end_rebuild. Readers wait (retry) in between. Also repairs
 * the state that a writer left that died in the middle of another call, or of a rebuild. */
void map_begin_rebuild(struct delta_map *map);
void map_end_rebuild(struct delta_map *map);

#endif
