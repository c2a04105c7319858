/* Reads the two directories behind a merged one.
 *
 * Lower first, then storage: a file that is copied up in between is seen twice, and the storage's entry wins; the other
 * way round it would not be seen at all. Both are read through handles of our own, with the program's mask and in the
 * class that it asked for, so the records are the system's. */
#include "layer/files/list.h"

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

enum { READ_SIZE = 65536, FIRST_ROOM = 65536 };
enum side { LOWER, STORAGE, SIDES };

struct listing {
    const struct list_format *format;
    SIZE_T room;         /* bytes, with this head */
    uint32_t end[SIDES]; /* where each side's entries end; STORAGE begins where LOWER ends */
    bool has_lower;      /* and it was there */
    uint32_t mask_units;
    struct listing_position next;
};

/* An entry is its record, 8-aligned, behind: */
struct entry {
    uint32_t size; /* bytes to the next entry */
    uint32_t unused;
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

static bool is_dots(struct str name)
{
    return name.len && name.len <= 2 && name.s[0] == '.' && name.s[name.len - 1] == '.';
}

/* ---- which entries count ---- */

static bool is_changed(enum map_kind kind)
{
    return kind == MAP_OWN || kind == MAP_DIR || kind == MAP_META;
}

bool listing_needed(const struct map_place *place, bool from_storage)
{
    if (place->kind == MAP_DIR)
        return true;
    if (from_storage != !place->has_lower) /* opened before the directory was changed, deleted or renamed */
        return true;
    return place->kind != MAP_NONE && place->kind != MAP_META && map_has_changed_child(layer.map, place->node);
}

static enum map_kind child_kind(const struct map_place *place, struct str name)
{
    if (place->kind == MAP_NONE || is_dots(name))
        return MAP_NONE;
    enum map_kind kind = map_child(layer.map, place->node, name);
    if (kind != MAP_HIDDEN)
        return kind;
    /* Hidden, or the map could not be read: its writer died. */
    layer_lock();
    kind = map_child(layer.map, place->node, name);
    layer_unlock();
    return kind;
}

static bool counts(const struct map_place *place, enum side side, struct str name)
{
    enum map_kind kind = child_kind(place, name);
    if (kind == MAP_HIDDEN)
        return false;
    if (is_dots(name) || !place->has_lower)
        return true;
    return is_changed(kind) == (side == STORAGE);
}

/* ---- reading a directory ---- */

struct reader {
    const struct file_name *name;
    struct map_place place;
    const struct list_format *format;
    struct str mask;
    struct listing *listing; /* NULL: only whether there is an entry is asked */
    bool found;
};

static NTSTATUS open_side(const struct reader *reader, enum side side, HANDLE *directory)
{
    char16 *memory = scratch_take();
    struct strbuf path;
    IO_STATUS_BLOCK io;
    buf_init(&path, memory, PATH_UNITS);
    if (side == LOWER)
        file_lower_path(reader->name, &reader->place, &path);
    else
        name_storage(buf_str(&reader->name->path), &path);
    struct path_attributes at = path_attributes(buf_str(&path));
    NTSTATUS status = path.overflow ? STATUS_NAME_TOO_LONG
                                    : nt.NtOpenFile(directory, FILE_LIST_DIRECTORY | SYNCHRONIZE, path_object(&at), &io,
                                                    SHARE_ALL,
                                                    FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT |
                                                        FILE_OPEN_FOR_BACKUP_INTENT);
    scratch_give(memory);
    if (side == LOWER && status >= 0 && !map_current(layer.map, &reader->place)) {
        nt.NtClose(*directory);
        return STATUS_RETRY;
    }
    return status;
}

static bool is_absent(NTSTATUS status)
{
    return status == STATUS_OBJECT_NAME_NOT_FOUND || status == STATUS_OBJECT_PATH_NOT_FOUND ||
           status == STATUS_NO_SUCH_FILE || status == STATUS_NOT_A_DIRECTORY || status == STATUS_DELETE_PENDING;
}

static NTSTATUS grow(struct listing **listing, SIZE_T room, uint32_t used)
{
    void *memory = NULL;
    NTSTATUS status =
        nt.NtAllocateVirtualMemory(NT_CURRENT_PROCESS, &memory, 0, &room, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (status < 0)
        return status;
    if (*listing) {
        mem_copy(memory, *listing, used);
        listing_free(*listing);
    }
    *listing = memory;
    (*listing)->room = room;
    return STATUS_SUCCESS;
}

/* A copy keeps the file id of its original. */
static void keep_id(const struct reader *reader, uint8_t *record, struct str name)
{
    char16 *memory = scratch_take();
    struct strbuf path;
    struct map_place place;
    struct str directory = buf_str(&reader->name->path);
    buf_init(&path, memory, PATH_UNITS);
    buf_add(&path, is_dots(name) && name.len == 2 ? path_parent(directory) : directory);
    if (!is_dots(name)) {
        buf_add_char(&path, '\\');
        buf_add(&path, name);
    }
    if (!path.overflow && path.len && map_resolve(layer.map, buf_str(&path), &place) && is_changed(place.kind) &&
        place.origin.file_id)
        mem_copy(record + reader->format->id_at, &place.origin.file_id, sizeof(place.origin.file_id));
    scratch_give(memory);
}

static NTSTATUS append(struct reader *reader, enum side side, const uint8_t *record, struct str name)
{
    struct listing *listing = reader->listing;
    uint32_t at = listing->end[side], bytes = reader->format->name_at + (uint32_t)(name.len * sizeof(char16));
    struct entry entry = {.size = (uint32_t)sizeof(entry) + ((bytes + 7u) & ~7u)};
    if (entry.size > listing->room - at) {
        if (listing->room > UINT32_MAX / 4)
            return STATUS_INSUFFICIENT_RESOURCES;
        NTSTATUS status = grow(&reader->listing, listing->room * 2, at);
        if (status < 0)
            return status;
        listing = reader->listing;
    }
    uint8_t *out = (uint8_t *)listing + at;
    mem_copy(out, &entry, sizeof(entry));
    mem_copy(out + sizeof(entry), record, bytes);
    mem_zero(out + sizeof(entry), sizeof(ULONG)); /* NextEntryOffset */
    if (reader->format->id_at && side == STORAGE)
        keep_id(reader, out + sizeof(entry), name);
    listing->end[side] = at + entry.size;
    return STATUS_SUCCESS;
}

static NTSTATUS take_records(struct reader *reader, enum side side, const uint8_t *record)
{
    for (;;) {
        struct str name = list_name(reader->format, record);
        uint32_t next;
        mem_copy(&next, record, sizeof(next));
        if (counts(&reader->place, side, name)) {
            reader->found |= !is_dots(name);
            NTSTATUS status = reader->listing ? append(reader, side, record, name) : STATUS_SUCCESS;
            if (status < 0)
                return status;
        }
        if (!next)
            return STATUS_SUCCESS;
        record += next;
    }
}

static NTSTATUS read_directory(struct reader *reader, enum side side, HANDLE directory)
{
    uint8_t *buffer = scratch_take();
    struct str mask = reader->mask;
    UNICODE_STRING string = {(USHORT)(mask.len * sizeof(char16)), (USHORT)(mask.len * sizeof(char16)), (WCHAR *)mask.s};
    NTSTATUS status;
    BOOLEAN first = TRUE;
    do {
        IO_STATUS_BLOCK io;
        status = nt.NtQueryDirectoryFile(directory, NULL, NULL, NULL, &io, buffer, READ_SIZE,
                                         (FILE_INFORMATION_CLASS)reader->format->class, FALSE,
                                         mask.len ? &string : NULL, first);
        first = FALSE;
        if (status >= 0)
            status = take_records(reader, side, buffer);
    } while (status >= 0);
    scratch_give(buffer);
    return status == STATUS_NO_MORE_FILES || status == STATUS_NO_SUCH_FILE ? STATUS_SUCCESS : status;
}

/* absent: the directory is not there at all. */
static NTSTATUS read_side(struct reader *reader, enum side side, bool *absent)
{
    HANDLE directory;
    NTSTATUS status = open_side(reader, side, &directory);
    *absent = is_absent(status);
    if (status < 0)
        return *absent ? STATUS_SUCCESS : status;
    status = read_directory(reader, side, directory);
    nt.NtClose(directory);
    return status;
}

/* [locked] */
bool list_is_empty(const struct file_name *name)
{
    struct reader reader = {.name = name, .format = list_format(FileNamesInformation)};
    bool absent;
    if (!map_resolve(layer.map, buf_str(&name->path), &reader.place) || reader.place.hidden || reader.place.link)
        return false;
    if (reader.place.has_lower && read_side(&reader, LOWER, &absent) < 0)
        return false;
    if (!reader.found && reader.place.in_storage && read_side(&reader, STORAGE, &absent) < 0)
        return false;
    return !reader.found;
}

/* ---- listings ---- */

static uint32_t first_entry(const struct listing *listing)
{
    return (uint32_t)((sizeof(*listing) + listing->mask_units * sizeof(char16) + 7) & ~(size_t)7);
}

static NTSTATUS start_listing(struct reader *reader)
{
    uint32_t bytes = (uint32_t)(reader->mask.len * sizeof(char16));
    NTSTATUS status = grow(&reader->listing, FIRST_ROOM + sizeof(struct listing) + bytes, 0);
    if (status < 0)
        return status;
    struct listing *listing = reader->listing;
    listing->format = reader->format;
    listing->mask_units = (uint32_t)reader->mask.len;
    mem_copy(listing + 1, reader->mask.s, bytes);
    listing->end[LOWER] = first_entry(listing);
    return STATUS_SUCCESS;
}

static NTSTATUS read_both(struct reader *reader)
{
    bool absent = true, no_lower = true;
    NTSTATUS status = start_listing(reader);
    if (status >= 0 && reader->place.has_lower)
        status = read_side(reader, LOWER, &no_lower);
    if (status < 0)
        return status;
    struct listing *listing = reader->listing;
    listing->has_lower = !no_lower;
    listing->next.at[LOWER] = first_entry(listing);
    listing->next.at[STORAGE] = listing->end[STORAGE] = listing->end[LOWER];
    if (reader->place.in_storage)
        status = read_side(reader, STORAGE, &absent);
    return status >= 0 && absent && no_lower ? STATUS_NO_SUCH_FILE : status;
}

static bool same_place(const struct map_place *a, const struct map_place *b)
{
    return a->kind == b->kind && a->node == b->node && a->generation == b->generation && a->has_lower == b->has_lower &&
           a->in_storage == b->in_storage;
}

NTSTATUS listing_read(const struct file_name *name, const struct list_format *format, struct str mask,
                      struct listing **listing)
{
    enum { FREE_TRIES = 3 }; /* then nobody else may change the map meanwhile */
    for (int tries = 1;; tries++) {
        struct reader reader = {.name = name, .format = format, .mask = mask};
        struct map_place after;
        bool locked = tries > FREE_TRIES;
        if (locked)
            layer_lock();
        bool whole = map_resolve(layer.map, buf_str(&name->path), &reader.place) && !reader.place.link;
        NTSTATUS status = whole ? read_both(&reader) : STATUS_RETRY;
        whole = whole && map_resolve(layer.map, buf_str(&name->path), &after) && same_place(&reader.place, &after);
        if (locked)
            layer_unlock();
        *listing = reader.listing;
        if ((whole && status != STATUS_RETRY) || locked) {
            if (status >= 0)
                return status;
            listing_free(*listing);
            return status;
        }
        listing_free(*listing);
    }
}

void listing_free(struct listing *listing)
{
    void *memory = listing;
    SIZE_T all = 0;
    if (memory)
        nt.NtFreeVirtualMemory(NT_CURRENT_PROCESS, &memory, &all, MEM_RELEASE);
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

static const uint8_t *side_head(const struct listing *listing, enum side side)
{
    uint32_t at = listing->next.at[side];
    return at < listing->end[side] ? (const uint8_t *)listing + at + sizeof(struct entry) : NULL;
}

static void pass_entry(struct listing *listing, enum side side)
{
    struct entry entry;
    mem_copy(&entry, (const uint8_t *)listing + listing->next.at[side], sizeof(entry));
    listing->next.at[side] += entry.size;
}

static int rank(struct str name)
{
    return is_dots(name) ? (int)name.len : 3;
}

static int compare(struct str a, struct str b)
{
    if (rank(a) != rank(b) || rank(a) < 3)
        return rank(a) - rank(b);
    size_t shorter = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < shorter; i++) {
        int difference = (int)layer.up[a.s[i]] - (int)layer.up[b.s[i]];
        if (difference)
            return difference;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

/* Which side has the next entry; SIDES at the end. */
static enum side next_side(struct listing *listing)
{
    for (;;) {
        const uint8_t *lower = side_head(listing, LOWER), *storage = side_head(listing, STORAGE);
        if (!storage)
            return lower ? LOWER : SIDES;
        struct str name = list_name(listing->format, storage);
        int order = lower ? compare(list_name(listing->format, lower), name) : 1;
        if (lower && !order)
            pass_entry(listing, LOWER); /* the storage's has the VM's times */
        else if (listing->has_lower && is_dots(name) && order)
            pass_entry(listing, STORAGE); /* a drive's root has no dots, but its mirror has */
        else
            return order < 0 ? LOWER : STORAGE;
        if (!order)
            return STORAGE;
    }
}

const uint8_t *listing_head(struct listing *listing)
{
    enum side side = next_side(listing);
    return side == SIDES ? NULL : side_head(listing, side);
}

void listing_advance(struct listing *listing)
{
    enum side side = next_side(listing);
    if (side == SIDES)
        return;
    pass_entry(listing, side);
    listing->next.count++;
}

void listing_skip(struct listing *listing, uint32_t count)
{
    while (count-- && listing_head(listing))
        listing_advance(listing);
}
