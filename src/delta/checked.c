/* The cache of checked names: an open hash table with two places for each name. */
#include "delta/checked.h"

#define HASH_START 0x9E3779B97F4A7C15u
#define HASH_FACTOR 0x9FB21C651E98DF25u

static uint64_t hash_unit(uint64_t hash, uint64_t unit)
{
    hash = (hash ^ unit) * HASH_FACTOR;
    return hash ^ (hash >> 32);
}

static uint64_t hash_path(uint64_t hash, upcase_table up, struct str path)
{
    for (size_t i = 0; i < path.len; i++)
        hash = hash_unit(hash, upcase_of(up, path.s[i]));
    return hash;
}

static uint64_t slot(const struct checked_names *names, uint64_t at)
{
    return atomic_load_explicit(&names->slot[at % CHECKED_SLOTS], memory_order_relaxed);
}

static bool has(const struct checked_names *names, uint64_t hash)
{
    return slot(names, hash) == hash || slot(names, hash ^ 1) == hash;
}

/* Into the free place of the two, else into either. */
static void add(struct checked_names *names, uint64_t hash)
{
    bool second = slot(names, hash) && (!slot(names, hash ^ 1) || hash >> 63);
    if (!has(names, hash))
        atomic_store_explicit(&names->slot[(hash ^ second) % CHECKED_SLOTS], hash, memory_order_relaxed);
}

void checked_add(struct checked_names *names, upcase_table up, struct str path)
{
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < path.len; i++) {
        if (path.s[i] == '\\')
            add(names, hash);
        hash = hash_unit(hash, upcase_of(up, path.s[i]));
    }
    add(names, hash);
}

bool checked_has(const struct checked_names *names, upcase_table up, struct str path)
{
    return has(names, hash_path(HASH_START, up, path));
}

void checked_add_version(struct checked_names *names, upcase_table up, struct str path, uint64_t version)
{
    add(names, hash_path(HASH_START ^ version, up, path));
}

bool checked_has_version(const struct checked_names *names, upcase_table up, struct str path, uint64_t version)
{
    return has(names, hash_path(HASH_START ^ version, up, path));
}

static uint64_t hash_file(const uint64_t id[2], uint64_t version)
{
    return hash_unit(hash_unit(~HASH_START ^ version, id[0]), id[1]);
}

void checked_add_file(struct checked_names *names, const uint64_t id[2], uint64_t version)
{
    add(names, hash_file(id, version));
}

bool checked_has_file(const struct checked_names *names, const uint64_t id[2], uint64_t version)
{
    return has(names, hash_file(id, version));
}
