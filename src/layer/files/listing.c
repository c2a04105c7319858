/* A listing: the entries of the two directories behind a merged one, and the order in which they are handed out.
 *
 * One block of memory: this head, the mask, the lower's entries, the storage's entries, both as the system sorted
 * them. It is merged while it is read. */
#include "layer/files/list.h"

#include "layer/pool.h"

#define FIRST_ROOM 65536u

struct listing {
    const struct list_format *format; /* NULL: a struct unread */
    SIZE_T room;                      /* bytes of the block */
    uint32_t end[LIST_SIDES];         /* where each side's entries end; the storage's begin where the lower's end */
    bool has_lower;                   /* and it was there */
    uint32_t mask_units;
    struct listing_position next;
};

struct unread {
    const struct list_format *format; /* NULL */
    uint32_t sequence;
    uint32_t units;
    char16 path[];
};

/* An entry is its record, 8-aligned, behind: */
struct entry {
    uint32_t size; /* bytes to the next entry */
    uint32_t unused;
};

enum { /* Windows 11 22H2, phnt */
       FileId64ExtdDirectoryInformationClass = 78,
       FileId64ExtdBothDirectoryInformationClass = 79,
       FileIdAllExtdDirectoryInformationClass = 80,
       FileIdAllExtdBothDirectoryInformationClass = 81
};

static const struct list_format formats[] = {
    {FileDirectoryInformation, 64, 60, 0},
    {FileFullDirectoryInformation, 68, 60, 0},
    {FileBothDirectoryInformation, 94, 60, 0},
    {FileNamesInformation, 12, 8, 0},
    {FileIdBothDirectoryInformation, 104, 60, 96},
    {FileIdFullDirectoryInformation, 80, 60, 72},
    {FileIdGlobalTxDirectoryInformation, 92, 60, 64},
    {FileIdExtdDirectoryInformationClass, 88, 60, 72},
    {FileIdExtdBothDirectoryInformationClass, 114, 60, 72},
    {FileId64ExtdDirectoryInformationClass, 80, 60, 72},
    {FileId64ExtdBothDirectoryInformationClass, 106, 60, 72},
    {FileIdAllExtdDirectoryInformationClass, 96, 60, 72},
    {FileIdAllExtdBothDirectoryInformationClass, 122, 60, 72},
};

const struct list_format *list_format(FILE_INFORMATION_CLASS class)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (formats[i].class == (int)class)
            return &formats[i];
    return NULL;
}

struct str list_name(const struct list_format *format, const uint8_t *record)
{
    uint32_t bytes;
    mem_copy(&bytes, record + format->name_length_at, sizeof(bytes));
    return (struct str){(const char16 *)(record + format->name_at), bytes / sizeof(char16)};
}

bool list_is_dots(struct str name)
{
    return name.len && name.len <= 2 && name.s[0] == '.' && name.s[name.len - 1] == '.';
}

/* ---- filling ---- */

static NTSTATUS grow(struct listing **listing, SIZE_T room, uint32_t used)
{
    struct listing *memory = memory_take(room);
    if (!memory)
        return STATUS_NO_MEMORY;
    if (*listing) {
        mem_copy(memory, *listing, used);
        listing_free(*listing);
    }
    *listing = memory;
    (*listing)->room = room;
    return STATUS_SUCCESS;
}

static uint32_t first_entry(const struct listing *listing)
{
    return (uint32_t)((sizeof(*listing) + listing->mask_units * sizeof(char16) + 7) & ~(size_t)7);
}

NTSTATUS listing_start(struct listing **out, const struct list_format *format, struct str mask)
{
    uint32_t bytes = (uint32_t)(mask.len * sizeof(char16));
    *out = NULL;
    NTSTATUS status = grow(out, FIRST_ROOM + bytes, 0);
    if (status < 0)
        return status;
    struct listing *listing = *out;
    listing->format = format;
    listing->mask_units = (uint32_t)mask.len;
    mem_copy(listing + 1, mask.s, bytes);
    listing->end[LIST_LOWER] = listing->next.at[LIST_LOWER] = first_entry(listing);
    return STATUS_SUCCESS;
}

void listing_end_lower(struct listing *listing, bool was_there)
{
    listing->has_lower = was_there;
    listing->next.at[LIST_STORAGE] = listing->end[LIST_STORAGE] = listing->end[LIST_LOWER];
}

NTSTATUS listing_append(struct listing **listing, enum list_side side, const uint8_t *record, uint8_t **copy)
{
    const struct list_format *format = (*listing)->format;
    uint32_t at = (*listing)->end[side];
    uint32_t bytes = format->name_at + (uint32_t)(list_name(format, record).len * sizeof(char16));
    struct entry entry = {.size = (uint32_t)sizeof(entry) + ((bytes + 7u) & ~7u)};
    if (entry.size > (*listing)->room - at) {
        if ((*listing)->room > UINT32_MAX / 4)
            return STATUS_INSUFFICIENT_RESOURCES;
        NTSTATUS status = grow(listing, (*listing)->room * 2, at);
        if (status < 0)
            return status;
    }
    *copy = (uint8_t *)*listing + at + sizeof(entry);
    mem_copy(*copy - sizeof(entry), &entry, sizeof(entry));
    mem_copy(*copy, record, bytes);
    mem_zero(*copy, sizeof(ULONG)); /* NextEntryOffset */
    (*listing)->end[side] = at + entry.size;
    return STATUS_SUCCESS;
}

struct listing *listing_unread(struct str path, uint32_t sequence)
{
    size_t bytes = path.len * sizeof(char16);
    struct unread *unread = pool_take(sizeof(*unread) + bytes);
    if (!unread)
        return NULL;
    *unread = (struct unread){.sequence = sequence, .units = (uint32_t)path.len};
    mem_copy(unread->path, path.s, bytes);
    return (struct listing *)unread;
}

bool listing_is_unread(const struct listing *listing)
{
    return listing && !listing->format;
}

struct str listing_path(const struct listing *listing, uint32_t sequence)
{
    const struct unread *unread = (const struct unread *)listing;
    return (struct str){unread->path, unread->sequence == sequence ? unread->units : 0};
}

void listing_free(struct listing *listing)
{
    if (listing_is_unread(listing))
        pool_give(listing);
    else
        memory_give(listing);
}

void listing_release(uintptr_t listing)
{
    listing_free((struct listing *)listing);
}

const struct list_format *listing_format(const struct listing *listing)
{
    return listing->format;
}

struct str listing_mask(const struct listing *listing)
{
    return (struct str){(const char16 *)(listing + 1), listing->mask_units};
}

struct listing_position listing_position(const struct listing *listing)
{
    return listing->next;
}

void listing_seek(struct listing *listing, struct listing_position position)
{
    listing->next = position;
}

/* ---- merging, in the order in which the system sorts each of the two: . and .. first, then by upcased name ---- */

static const uint8_t *side_head(const struct listing *listing, enum list_side side)
{
    uint32_t at = listing->next.at[side];
    return at < listing->end[side] ? (const uint8_t *)listing + at + sizeof(struct entry) : NULL;
}

static void pass_entry(struct listing *listing, enum list_side side)
{
    struct entry entry;
    mem_copy(&entry, (const uint8_t *)listing + listing->next.at[side], sizeof(entry));
    listing->next.at[side] += entry.size;
}

static int rank(struct str name)
{
    return list_is_dots(name) ? (int)name.len : 3;
}

static int compare(struct str a, struct str b)
{
    if (rank(a) != rank(b) || rank(a) < 3)
        return rank(a) - rank(b);
    size_t shorter = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < shorter; i++) {
        int difference = (int)upcase_of(layer.up, a.s[i]) - (int)upcase_of(layer.up, b.s[i]);
        if (difference)
            return difference;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

/* Which side has the next entry; LIST_SIDES at the end. *both: the other has it too. */
static enum list_side next_side(struct listing *listing, bool *both)
{
    *both = false;
    for (;;) {
        const uint8_t *lower = side_head(listing, LIST_LOWER), *storage = side_head(listing, LIST_STORAGE);
        if (!storage)
            return lower ? LIST_LOWER : LIST_SIDES;
        struct str name = list_name(listing->format, storage);
        int order = lower ? compare(list_name(listing->format, lower), name) : 1;
        *both = !order; /* the storage's has the VM's times */
        if (*both || !listing->has_lower || !list_is_dots(name))
            return order < 0 ? LIST_LOWER : LIST_STORAGE;
        pass_entry(listing, LIST_STORAGE); /* a drive's root has no dots, but its mirror has */
    }
}

const uint8_t *listing_head(struct listing *listing)
{
    bool both;
    enum list_side side = next_side(listing, &both);
    return side == LIST_SIDES ? NULL : side_head(listing, side);
}

void listing_advance(struct listing *listing)
{
    bool both;
    enum list_side side = next_side(listing, &both);
    if (side == LIST_SIDES)
        return;
    pass_entry(listing, side);
    if (both)
        pass_entry(listing, LIST_LOWER);
    listing->next.count++;
}

void listing_skip(struct listing *listing, uint32_t count)
{
    while (count-- && listing_head(listing))
        listing_advance(listing);
}
