/* The merged list. It is read once and then answers from memory, so a key with many subkeys costs about what it costs outside;
 * it is read again when the map, or one of the two keys, has changed. */
#include "layer/registry/list.h"

#include "layer/layer.h"

#define FIRST_SIZE 65536u

struct entry {
    uint32_t size;  /* bytes of the whole, 8-aligned */
    uint32_t index; /* on its side */
    uint32_t stored;
    uint32_t unused;
    FVM_KEY_NODE_INFORMATION information;
};

struct stamp {
    LONGLONG time;
    ULONG subkeys;
};

struct key_listing {
    uint32_t sequence;
    struct stamp lower, own;
    uint32_t size, used; /* bytes, with the entries behind this head */
    uint32_t count, host_count;
    uint32_t longest_name, longest_class;
    uint32_t *order; /* offsets of the entries as they are handed out; an allocation of its own */
};

void key_listing_free(struct key_listing *listing)
{
    if (!listing)
        return;
    if (listing->order)
        memory_give(listing->order);
    memory_give(listing);
}

static struct entry *entry_at(const struct key_listing *listing, uint32_t at)
{
    return (struct entry *)((uint8_t *)(uintptr_t)listing + at);
}

static bool make_room(struct key_listing **listing, uint32_t bytes)
{
    struct key_listing *old = *listing;
    if (old->size - old->used >= bytes)
        return true;
    uint32_t size = old->size * 2 + bytes;
    struct key_listing *larger = memory_take(size);
    if (!larger)
        return false;
    mem_copy(larger, old, old->used);
    larger->size = size;
    memory_give(old);
    *listing = larger;
    return true;
}

struct reading {
    struct key_listing *listing;
    bool failed;
};

static bool add(void *context, const struct key_child *child)
{
    struct reading *r = context;
    const FVM_KEY_NODE_INFORMATION *from = child->information;
    uint32_t class = from->ClassLength ? from->ClassOffset + from->ClassLength : 0;
    uint32_t bytes = (uint32_t)offsetof(FVM_KEY_NODE_INFORMATION, Name) + from->NameLength;
    if (class > bytes)
        bytes = class;
    uint32_t size = ((uint32_t)offsetof(struct entry, information) + bytes + 7) & ~7u;
    if (!make_room(&r->listing, size)) {
        r->failed = true;
        return false;
    }
    struct key_listing *listing = r->listing;
    struct entry *entry = entry_at(listing, listing->used);
    entry->size = size;
    entry->index = child->index;
    entry->stored = child->stored;
    mem_copy(&entry->information, from, bytes);
    listing->used += size;
    listing->count++;
    listing->host_count += !child->stored;
    if (from->NameLength > listing->longest_name)
        listing->longest_name = from->NameLength;
    if (from->ClassLength > listing->longest_class)
        listing->longest_class = from->ClassLength;
    return true;
}

static struct str entry_name(const struct entry *entry)
{
    return (struct str){(const char16 *)entry->information.Name, entry->information.NameLength / sizeof(char16)};
}

/* The order of the system's own lists: NT compares upper case, Wine (server/registry.c, find_subkey) lower case. They
 * differ for the characters between the two, such as '_'. */
static char16 order_fold(char16 c)
{
    char16 upper = upcase_of(layer.up, c);
    bool wine = nt.__wine_unix_spawnvp != NULL;
    return wine && upper >= 'A' && upper <= 'Z' ? (char16)(upper + ('a' - 'A')) : upper;
}

static bool comes_first(struct str a, struct str b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        char16 x = order_fold(a.s[i]), y = order_fold(b.s[i]);
        if (x != y)
            return x < y;
    }
    return a.len < b.len;
}

/* Both sides are sorted: merges them into `order`. */
static bool put_in_order(struct key_listing *listing)
{
    uint32_t at[2] = {sizeof(struct key_listing), sizeof(struct key_listing)}, left[2];
    listing->order = memory_take(listing->count * sizeof(uint32_t) + 1);
    if (!listing->order)
        return false;
    left[0] = listing->host_count;
    left[1] = listing->count - listing->host_count;
    for (uint32_t i = 0; i < left[0]; i++)
        at[1] += entry_at(listing, at[1])->size;
    for (uint32_t i = 0; i < listing->count; i++) {
        unsigned side = !left[0] || (left[1] && comes_first(entry_name(entry_at(listing, at[1])),
                                                            entry_name(entry_at(listing, at[0]))));
        listing->order[i] = at[side];
        at[side] += entry_at(listing, at[side])->size;
        left[side]--;
    }
    return true;
}

/* What the key itself says about when it changed. */
static struct stamp stamp_of(HANDLE key)
{
    FVM_KEY_CACHED_INFORMATION information;
    ULONG length;
    NTSTATUS status = nt.NtQueryKey(key, KeyCachedInformationClass, &information, sizeof(information), &length);
    if (status < 0 && status != STATUS_BUFFER_OVERFLOW)
        return (struct stamp){0};
    return (struct stamp){information.LastWriteTime.QuadPart, information.SubKeys};
}

static struct stamp lower_stamp(struct str path)
{
    struct map_place place;
    struct stamp stamp = {0};
    HANDLE key;
    key_lookup(path, &place);
    if (place.has_lower && place.kind != MAP_META && key_open_lower(path, &place, KEY_QUERY_VALUE, &key) >= 0) {
        stamp = stamp_of(key);
        nt.NtClose(key);
    }
    return stamp;
}

static struct stamp own_stamp(struct str path)
{
    struct stamp stamp = {0};
    HANDLE key;
    if (key_open_stored(path, KEY_QUERY_VALUE, &key) >= 0) {
        stamp = stamp_of(key);
        nt.NtClose(key);
    }
    return stamp;
}

static bool same(struct stamp a, struct stamp b)
{
    return a.time == b.time && a.subkeys == b.subkeys;
}

static NTSTATUS read_listing(struct str path, struct key_listing **made)
{
    struct reading r = {.listing = memory_take(FIRST_SIZE)};
    if (!r.listing)
        return STATUS_INSUFFICIENT_RESOURCES;
    *r.listing = (struct key_listing){.size = FIRST_SIZE,
                                      .used = sizeof(struct key_listing),
                                      .sequence = map_sequence(layer_map(&layer.keys)),
                                      .lower = lower_stamp(path),
                                      .own = own_stamp(path)};
    NTSTATUS status = key_visit_children(path, add, &r);
    if (status >= 0 && (r.failed || !put_in_order(r.listing)))
        status = STATUS_INSUFFICIENT_RESOURCES;
    if (status < 0)
        key_listing_free(r.listing);
    else
        *made = r.listing;
    return status;
}

NTSTATUS key_listing_current(struct key_use *use, struct key_listing **listing)
{
    struct key_state *state = use->state;
    struct str path = key_path(use);
    *listing = state->listing;
    if (*listing && (*listing)->sequence == map_sequence(layer_map(&layer.keys)))
        return STATUS_SUCCESS;
    key_listing_free(state->listing);
    state->listing = NULL;
    NTSTATUS status = read_listing(path, &state->listing);
    *listing = state->listing;
    return status;
}

bool key_listing_fresh(struct key_use *use)
{
    struct key_listing *listing = use->state->listing;
    struct str path = key_path(use);
    return !listing || (same(listing->lower, lower_stamp(path)) && same(listing->own, own_stamp(path)));
}

void key_listing_forget(struct key_use *use)
{
    key_listing_free(use->state->listing);
    use->state->listing = NULL;
}

uint32_t key_listing_count(const struct key_listing *listing)
{
    return listing->count;
}

uint32_t key_listing_longest_name(const struct key_listing *listing)
{
    return listing->longest_name;
}

uint32_t key_listing_longest_class(const struct key_listing *listing)
{
    return listing->longest_class;
}

bool key_listing_entry(const struct key_listing *listing, uint32_t index, struct key_child *child)
{
    if (index >= listing->count)
        return false;
    struct entry *entry = entry_at(listing, listing->order[index]);
    *child = (struct key_child){
        .stored = entry->stored, .index = entry->index, .information = &entry->information, .name = entry_name(entry)};
    return true;
}
