/* The merged list. The subkeys of each of the two keys are read once, in growing parts as they are asked for, and kept while that
 * key is unchanged. So a key with many subkeys costs about what it costs outside, also for who deletes the first one until there is
 * none; what the VM sees of them is put together again when the map has changed. */
#include "layer/registry/list.h"

#define FIRST_SIZE 65536u /* bytes */
#define FIRST_PART 8u     /* subkeys */

struct entry {
    uint32_t size;  /* bytes of the whole, 8-aligned */
    uint32_t index; /* on its side */
    uint32_t pass;  /* in which it was read */
    uint32_t unused;
    FVM_KEY_NODE_INFORMATION information;
};

/* What the key itself says about when it changed. */
struct stamp {
    LONGLONG time;
    ULONG subkeys;
};

/* The subkeys of one of the two, in the system's order. */
struct side {
    struct stamp stamp;
    uint8_t *entries;
    uint32_t size, used; /* bytes */
    uint32_t count;
    uint32_t part; /* entries to read again at once */
    bool complete;
};

struct key_listing {
    struct side sides[2]; /* by key_child.stored */
    uint32_t pass;        /* counts how often the list was begun */
    uint32_t sequence;    /* of the map when what follows was put together */
    uint32_t at[2];       /* how far each side was used */
    uint32_t *order;      /* entries as they are handed out: place in their side, which is 8-aligned, + side */
    uint32_t count, room;
    uint32_t longest_name, longest_class;
};

void key_listing_free(struct key_listing *listing)
{
    if (!listing)
        return;
    for (int stored = 0; stored < 2; stored++)
        if (listing->sides[stored].entries)
            memory_give(listing->sides[stored].entries);
    if (listing->order)
        memory_give(listing->order);
    memory_give(listing);
}

static struct str entry_name(const struct entry *entry)
{
    return (struct str){(const char16 *)entry->information.Name, entry->information.NameLength / sizeof(char16)};
}

/* ---- one side ---- */

static struct stamp stamp_of(HANDLE key)
{
    FVM_KEY_CACHED_INFORMATION information;
    ULONG length;
    NTSTATUS status = nt.NtQueryKey(key, KeyCachedInformationClass, &information, sizeof(information), &length);
    if (status < 0 && status != STATUS_BUFFER_OVERFLOW)
        return (struct stamp){0};
    return (struct stamp){information.LastWriteTime.QuadPart, information.SubKeys};
}

/* Memory that holds `used` bytes, made to hold `bytes` more. */
static void *make_room(void *memory, uint32_t *size, uint32_t used, uint32_t bytes)
{
    if (*size - used >= bytes)
        return memory;
    uint32_t larger = *size ? *size * 2 + bytes : FIRST_SIZE + bytes;
    void *made = memory_take(larger);
    if (!made)
        return NULL;
    if (memory) {
        mem_copy(made, memory, used);
        memory_give(memory);
    }
    *size = larger;
    return made;
}

static uint32_t bytes_of(const FVM_KEY_NODE_INFORMATION *from)
{
    uint32_t class = from->ClassLength ? from->ClassOffset + from->ClassLength : 0;
    uint32_t name = (uint32_t)offsetof(FVM_KEY_NODE_INFORMATION, Name) + from->NameLength;
    return class > name ? class : name;
}

static NTSTATUS add(struct side *side, const FVM_KEY_NODE_INFORMATION *from, uint32_t pass)
{
    uint32_t bytes = bytes_of(from);
    uint32_t size = ((uint32_t)offsetof(struct entry, information) + bytes + 7) & ~7u;
    uint8_t *entries = make_room(side->entries, &side->size, side->used, size);
    if (!entries)
        return STATUS_INSUFFICIENT_RESOURCES;
    side->entries = entries;
    struct entry *entry = (struct entry *)(entries + side->used);
    entry->size = size;
    entry->index = side->count++;
    entry->pass = pass;
    mem_copy(&entry->information, from, bytes);
    side->used += size;
    return STATUS_SUCCESS;
}

/* Reads the next part: as many again as there are. */
static NTSTATUS read_more(struct side *side, HANDLE key, uint32_t pass)
{
    FVM_KEY_NODE_INFORMATION *information = scratch_take();
    NTSTATUS status = STATUS_SUCCESS;
    if (!side->count)
        side->stamp = stamp_of(key);
    for (ULONG left = side->count + FIRST_PART, length; left && status >= 0; left--) {
        status = nt.NtEnumerateKey(key, side->count, KeyNodeInformationClass, information, SCRATCH_SIZE, &length);
        if (status >= 0)
            status = add(side, information, pass);
    }
    scratch_give(information);
    side->complete = status == STATUS_NO_MORE_ENTRIES;
    return side->complete ? STATUS_SUCCESS : status;
}

static void forget(struct side *side)
{
    side->used = side->count = 0;
    side->complete = false;
    side->stamp = (struct stamp){0};
}

/* What was read is of no use any more when its key has changed. */
static bool forget_changed(struct side *side, const struct key_merge *merge, bool stored)
{
    struct stamp now = {0};
    HANDLE key;
    if (!side->count && !side->complete)
        return false;
    key = key_merge_open(merge, stored);
    if (key) {
        now = stamp_of(key);
        nt.NtClose(key);
    }
    if (now.time == side->stamp.time && now.subkeys == side->stamp.subkeys)
        return false;
    forget(side);
    return true;
}

/* Puts what the system says now in place of an entry: false when that is of another subkey. */
static bool renew_entry(struct entry *entry, const FVM_KEY_NODE_INFORMATION *now, uint32_t pass)
{
    const FVM_KEY_NODE_INFORMATION *old = &entry->information;
    if (now->NameLength != old->NameLength || bytes_of(now) != bytes_of(old) ||
        !mem_equal(now->Name, old->Name, old->NameLength))
        return false;
    mem_copy(&entry->information, now, bytes_of(now));
    entry->pass = pass;
    return true;
}

/* Subkeys change without their key's telling: an entry of an earlier pass is read again before it is handed out, with those behind
 * it, in growing parts. False when the list does not hold any more. */
static bool read_again(struct side *side, uint32_t at, HANDLE key, uint32_t pass)
{
    FVM_KEY_NODE_INFORMATION *information = scratch_take();
    bool same = true;
    ULONG length;
    for (uint32_t left = side->part; left && at < side->used && same; left--) {
        struct entry *entry = (struct entry *)(side->entries + at);
        same = nt.NtEnumerateKey(key, entry->index, KeyNodeInformationClass, information, SCRATCH_SIZE, &length) >= 0 &&
               renew_entry(entry, information, pass);
        at += entry->size;
    }
    side->part *= 2;
    scratch_give(information);
    return same;
}

/* The next entry of the side that the VM sees; NULL after the last. */
static NTSTATUS next_of(struct key_listing *listing, const struct key_merge *merge, bool stored, struct entry **entry)
{
    struct side *side = &listing->sides[stored];
    uint32_t *at = &listing->at[stored];
    NTSTATUS status = STATUS_SUCCESS;
    HANDLE key = NULL;
    for (*entry = NULL; status >= 0; *at += (*entry)->size, *entry = NULL) {
        if (*at == side->used && !side->complete) {
            if (!key)
                key = key_merge_open(merge, stored);
            status = key ? read_more(side, key, listing->pass) : STATUS_SUCCESS;
            side->complete = side->complete || !key;
        }
        if (status < 0 || *at == side->used)
            break;
        *entry = (struct entry *)(side->entries + *at);
        if (key_merge_takes(merge, stored, entry_name(*entry)))
            break;
    }
    if (key)
        nt.NtClose(key);
    return status;
}

/* ---- both ---- */

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

static NTSTATUS append(struct key_listing *listing, bool stored, const struct entry *entry)
{
    uint32_t used = listing->count * (uint32_t)sizeof(uint32_t);
    uint32_t *order = make_room(listing->order, &listing->room, used, sizeof(uint32_t));
    if (!order)
        return STATUS_INSUFFICIENT_RESOURCES;
    listing->order = order;
    order[listing->count++] = listing->at[stored] | stored;
    listing->at[stored] += entry->size;
    if (entry->information.NameLength > listing->longest_name)
        listing->longest_name = entry->information.NameLength;
    if (entry->information.ClassLength > listing->longest_class)
        listing->longest_class = entry->information.ClassLength;
    return STATUS_SUCCESS;
}

/* Puts the list together up to the entry, or to its end. */
static NTSTATUS extend(struct key_use *use, uint32_t index)
{
    struct key_listing *listing = use->state->listing;
    struct key_merge merge;
    NTSTATUS status = STATUS_SUCCESS;
    if (listing->count > index)
        return status;
    key_merge_begin(&merge, key_path(use));
    while (status >= 0 && listing->count <= index) {
        struct entry *lower, *own;
        status = next_of(listing, &merge, false, &lower);
        if (status >= 0)
            status = next_of(listing, &merge, true, &own);
        if (status < 0 || (!lower && !own))
            break;
        bool stored = !lower || (own && comes_first(entry_name(own), entry_name(lower)));
        status = append(listing, stored, stored ? own : lower);
    }
    return status;
}

static void put_together_again(struct key_listing *listing)
{
    listing->at[0] = listing->at[1] = 0;
    listing->count = listing->longest_name = listing->longest_class = 0;
}

/* Forgets what has changed. */
static void renew(struct key_use *use)
{
    struct key_listing *listing = use->state->listing;
    uint32_t sequence = map_sequence(layer_map(&layer.keys));
    struct key_merge merge;
    bool changed = listing->sequence != sequence;
    key_merge_begin(&merge, key_path(use));
    for (int stored = 0; stored < 2; stored++)
        changed = forget_changed(&listing->sides[stored], &merge, stored) || changed;
    if (!changed)
        return;
    listing->sequence = sequence;
    put_together_again(listing);
}

static NTSTATUS take(struct key_use *use, bool from_start)
{
    struct key_listing *listing = use->state->listing;
    if (listing && !from_start && listing->sequence == map_sequence(layer_map(&layer.keys)))
        return STATUS_SUCCESS;
    if (!listing) {
        listing = memory_take(sizeof(*listing));
        if (!listing)
            return STATUS_INSUFFICIENT_RESOURCES;
        mem_zero(listing, sizeof(*listing));
        use->state->listing = listing;
    }
    if (from_start) {
        listing->pass++;
        listing->sides[0].part = listing->sides[1].part = 1;
    }
    renew(use);
    return STATUS_SUCCESS;
}

/* The entry as it is now; *entry = NULL: there is none. STATUS_RETRY: its side has changed, and was forgotten. */
static NTSTATUS current_entry(struct key_use *use, uint32_t index, bool *stored, struct entry **entry)
{
    struct key_listing *listing = use->state->listing;
    struct key_merge merge;
    *entry = NULL;
    NTSTATUS status = extend(use, index);
    if (status < 0 || index >= listing->count)
        return status;
    uint32_t at = listing->order[index] & ~1u;
    *stored = listing->order[index] & 1;
    struct side *side = &listing->sides[*stored];
    *entry = (struct entry *)(side->entries + at);
    if ((*entry)->pass == listing->pass)
        return status;
    key_merge_begin(&merge, key_path(use));
    HANDLE key = key_merge_open(&merge, *stored);
    bool same = key && read_again(side, at, key, listing->pass);
    if (key)
        nt.NtClose(key);
    if (same)
        return status;
    forget(side);
    put_together_again(listing);
    return STATUS_RETRY;
}

NTSTATUS key_listing_entry(struct key_use *use, uint32_t index, struct key_child *child)
{
    struct entry *entry = NULL;
    bool stored = false;
    NTSTATUS status = take(use, !index);
    if (status < 0)
        return status;
    do
        status = current_entry(use, index, &stored, &entry);
    while (status == STATUS_RETRY); /* what is read anew is of this pass */
    if (status < 0 || !entry)
        return status < 0 ? status : STATUS_NO_MORE_ENTRIES;
    *child = (struct key_child){
        .stored = stored, .index = entry->index, .information = &entry->information, .name = entry_name(entry)};
    return STATUS_SUCCESS;
}

NTSTATUS key_listing_totals(struct key_use *use, struct key_totals *totals)
{
    NTSTATUS status = take(use, true);
    if (status >= 0)
        status = extend(use, UINT32_MAX - 1);
    if (status < 0)
        return status;
    const struct key_listing *listing = use->state->listing;
    *totals = (struct key_totals){listing->count, listing->longest_name, listing->longest_class};
    return STATUS_SUCCESS;
}
