/* Reads the two directories behind a merged one.
 *
 * Lower first, then storage: a file that is copied up in between is seen twice, and the storage's entry wins; the
 * other way round it would not be seen at all. Both are read through handles of our own, with the program's mask and
 * in the class that it asked for, so the records are the system's. */
#include "layer/files/list.h"

#define READ_SIZE 65536u

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
    return place->kind != MAP_NONE && place->kind != MAP_META &&
           map_has_changed_child(layer_map(&layer.files), place->node);
}

static enum map_kind child_kind(const struct map_place *place, struct str name)
{
    if (place->kind == MAP_NONE || list_is_dots(name))
        return MAP_NONE;
    enum map_kind kind = map_child(layer_map(&layer.files), place->node, name);
    if (kind != MAP_HIDDEN)
        return kind;
    /* Hidden, or the map could not be read: its writer died. */
    layer_lock();
    kind = map_child(layer_map(&layer.files), place->node, name);
    layer_unlock();
    return kind;
}

static bool counts(const struct map_place *place, enum list_side side, struct str name)
{
    enum map_kind kind = child_kind(place, name);
    if (kind == MAP_HIDDEN)
        return false;
    if (list_is_dots(name) || !place->has_lower)
        return true;
    return is_changed(kind) == (side == LIST_STORAGE);
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

static NTSTATUS open_side(const struct reader *reader, enum list_side side, HANDLE *directory)
{
    char16 *memory = scratch_take();
    struct strbuf path;
    IO_STATUS_BLOCK io;
    buf_init(&path, memory, PATH_UNITS);
    if (side == LIST_LOWER)
        file_lower_path(reader->name, &reader->place, &path);
    else
        name_storage(buf_str(&reader->name->path), &path);
    struct path_attributes at = path_attributes(buf_str(&path));
    NTSTATUS status =
        path.overflow ? STATUS_NAME_TOO_LONG
                      : nt.NtOpenFile(directory, FILE_LIST_DIRECTORY | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL,
                                      FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT);
    scratch_give(memory);
    if (side == LIST_LOWER && status >= 0 && !map_current(layer_map(&layer.files), &reader->place)) {
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

/* A copy keeps the file id of its original. */
static void keep_id(const struct reader *reader, uint8_t *record, struct str name)
{
    char16 *memory = scratch_take();
    struct strbuf path;
    struct map_place place;
    struct str directory = buf_str(&reader->name->path);
    buf_init(&path, memory, PATH_UNITS);
    buf_add(&path, list_is_dots(name) && name.len == 2 ? path_parent(directory) : directory);
    if (!list_is_dots(name)) {
        buf_add_char(&path, '\\');
        buf_add(&path, name);
    }
    if (!path.overflow && path.len && map_resolve(layer_map(&layer.files), buf_str(&path), &place) &&
        is_changed(place.kind) && place.origin.file_id)
        mem_copy(record + reader->format->id_at, &place.origin.file_id, sizeof(place.origin.file_id));
    scratch_give(memory);
}

static NTSTATUS take(struct reader *reader, enum list_side side, uint8_t *record, struct str name)
{
    uint8_t *copy;
    reader->found |= !list_is_dots(name);
    if (!reader->listing)
        return STATUS_SUCCESS;
    if (side == LIST_LOWER && !list_is_dots(name) && reader->format->class != FileNamesInformation &&
        !file_alias_entry(buf_str(&reader->name->path), name, record))
        return STATUS_SUCCESS;
    NTSTATUS status = listing_append(&reader->listing, side, record, &copy);
    if (status >= 0 && reader->format->id_at && side == LIST_STORAGE)
        keep_id(reader, copy, name);
    return status;
}

static NTSTATUS take_records(struct reader *reader, enum list_side side, uint8_t *record)
{
    for (;;) {
        struct str name = list_name(reader->format, record);
        uint32_t next;
        mem_copy(&next, record, sizeof(next));
        NTSTATUS status = counts(&reader->place, side, name) ? take(reader, side, record, name) : STATUS_SUCCESS;
        if (status < 0)
            return status;
        if (!next)
            return STATUS_SUCCESS;
        record += next;
    }
}

static NTSTATUS read_directory(struct reader *reader, enum list_side side, HANDLE directory)
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
static NTSTATUS read_side(struct reader *reader, enum list_side side, bool *absent)
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
    if (!map_resolve(layer_map(&layer.files), buf_str(&name->path), &reader.place) || reader.place.hidden ||
        reader.place.link)
        return false;
    if (reader.place.has_lower && read_side(&reader, LIST_LOWER, &absent) < 0)
        return false;
    if (!reader.found && reader.place.in_storage && read_side(&reader, LIST_STORAGE, &absent) < 0)
        return false;
    return !reader.found;
}

/* A mask that is one name and nothing else: no wildcards (in any of their forms), no dots, no short name. */
static bool is_name(struct str mask)
{
    struct str wild = STR(u"*?<>\"~");
    for (size_t i = 0; i < mask.len; i++)
        if (str_find(wild, mask.s[i]) < wild.len)
            return false;
    return mask.len && mask.s[mask.len - 1] != '.' && mask.s[mask.len - 1] != ' ';
}

/* Whoever asks for one name, as most do, needs only the side that can have it. */
static NTSTATUS read_if_needed(struct reader *reader, enum list_side side, bool *absent)
{
    bool needed = side == LIST_LOWER ? reader->place.has_lower : reader->place.in_storage;
    if (!needed)
        return STATUS_SUCCESS;
    if (is_name(reader->mask) && !counts(&reader->place, side, reader->mask)) {
        *absent = false;
        return STATUS_SUCCESS;
    }
    return read_side(reader, side, absent);
}

static NTSTATUS read_both(struct reader *reader)
{
    bool absent = true, no_lower = true;
    NTSTATUS status = listing_start(&reader->listing, reader->format, reader->mask);
    if (status >= 0)
        status = read_if_needed(reader, LIST_LOWER, &no_lower);
    if (status >= 0)
        listing_end_lower(reader->listing, !no_lower);
    if (status >= 0)
        status = read_if_needed(reader, LIST_STORAGE, &absent);
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
        bool whole = map_resolve(layer_map(&layer.files), buf_str(&name->path), &reader.place) && !reader.place.link;
        NTSTATUS status = whole ? read_both(&reader) : STATUS_RETRY;
        whole = whole && map_resolve(layer_map(&layer.files), buf_str(&name->path), &after) &&
                same_place(&reader.place, &after);
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
