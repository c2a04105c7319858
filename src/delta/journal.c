/* The journal's bytes. All numbers are little-endian; all sizes are multiples of 8 bytes.
 *
 *   header   0  8  "FVMDELTA"
 *            8  4  version
 *           12  4  zero: names of files; "KEYS": of registry keys
 *   record   0  4  CRC-32 of the record from byte 4 on
 *            4  4  size of the record in bytes
 *            8  1  type
 *            9  1  kind
 *           10  1  cover
 *           11  1  zero
 *           12  2  units of path
 *           14  2  units of other
 *           16 24  origin: file id, size, write time
 *           40     path, other, zeros up to the size
 *
 * A field that a type does not use is zero, and a record has one encoding only, so damage that happens to leave the
 * checksum right has little room. */
#include "delta/journal.h"

#include "base/mem.h"
#include "delta/map_inside.h"

#define JOURNAL_VERSION 1u
#define RECORD_FIXED 40u

static const uint8_t headers[][JOURNAL_HEADER_SIZE] = {
    [JOURNAL_FILES] = {'F', 'V', 'M', 'D', 'E', 'L', 'T', 'A', JOURNAL_VERSION},
    [JOURNAL_KEYS] = {'F', 'V', 'M', 'D', 'E', 'L', 'T', 'A', JOURNAL_VERSION, 0, 0, 0, 'K', 'E', 'Y', 'S'},
};

static void put(uint8_t *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *in, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)in[i] << 8 * i;
    return value;
}

static bool origin_is_zero(const struct map_origin *origin)
{
    return !origin->file_id && !origin->size && !origin->write_time;
}

static size_t record_size(size_t path_units, size_t other_units)
{
    return (RECORD_FIXED + 2 * (path_units + other_units) + 7) & ~(size_t)7;
}

static bool record_valid(const struct journal_record *r)
{
    bool (*valid)(struct str path) = r->names == JOURNAL_KEYS ? key_path_valid : path_valid;
    switch (r->type) {
    case JOURNAL_SET:
        return valid(r->path) && kind_is_delta(r->kind) && !r->cover &&
               (r->kind == MAP_OWN ? !r->other.len : !r->other.len || valid(r->other));
    case JOURNAL_REMOVE:
        return valid(r->path) && r->kind == MAP_NONE && !r->cover && !r->other.len && origin_is_zero(&r->origin);
    case JOURNAL_RENAME:
        return valid(r->path) && valid(r->other) && kind_is_delta(r->kind) && origin_is_zero(&r->origin);
    case JOURNAL_ABORT:
        return !r->path.len && !r->other.len && r->kind == MAP_NONE && !r->cover && origin_is_zero(&r->origin);
    }
    return false;
}

/* The record with the fields only that its type uses. */
static struct journal_record record_normal(const struct journal_record *r)
{
    struct journal_record normal = {.type = r->type, .names = r->names};
    if (r->type == JOURNAL_ABORT)
        return normal;
    normal.path = r->path;
    if (r->type == JOURNAL_REMOVE)
        return normal;
    normal.other = r->other;
    normal.kind = r->kind;
    if (r->type == JOURNAL_RENAME)
        normal.cover = r->cover;
    else
        normal.origin = r->origin;
    return normal;
}

size_t journal_header_for(enum journal_names names, uint8_t *out)
{
    mem_copy(out, headers[names], JOURNAL_HEADER_SIZE);
    return JOURNAL_HEADER_SIZE;
}

/* What a journal's names are, from as much of its header as there is. False when that is no header. */
static bool header_names(const uint8_t *data, size_t size, enum journal_names *names)
{
    size_t there = size < JOURNAL_HEADER_SIZE ? size : JOURNAL_HEADER_SIZE;
    *names = JOURNAL_FILES;
    if (mem_equal(data, headers[JOURNAL_FILES], there))
        return true;
    *names = JOURNAL_KEYS;
    return mem_equal(data, headers[JOURNAL_KEYS], there);
}

size_t journal_encode(uint8_t *out, size_t cap, const struct journal_record *record)
{
    struct journal_record r = record_normal(record);
    if (!record_valid(&r))
        return 0;
    size_t size = record_size(r.path.len, r.other.len);
    if (size > cap)
        return 0;
    mem_zero(out, size);
    put(out + 4, size, 4);
    put(out + 8, r.type, 1);
    put(out + 9, r.kind, 1);
    put(out + 10, r.cover, 1);
    put(out + 12, r.path.len, 2);
    put(out + 14, r.other.len, 2);
    put(out + 16, r.origin.file_id, 8);
    put(out + 24, r.origin.size, 8);
    put(out + 32, r.origin.write_time, 8);
    uint8_t *text = out + RECORD_FIXED;
    for (size_t i = 0; i < r.path.len; i++, text += 2)
        put(text, r.path.s[i], 2);
    for (size_t i = 0; i < r.other.len; i++, text += 2)
        put(text, r.other.s[i], 2);
    put(out, crc32_of(0, out + 4, size - 4), 4);
    return size;
}

/* Fills the record from `left` bytes; returns its size, 0 when it is not a whole and valid one. */
static size_t record_decode(const uint8_t *in, size_t left, enum journal_names names, struct journal_record *r)
{
    if (left < RECORD_FIXED)
        return 0;
    size_t path_units = (size_t)get(in + 12, 2), other_units = (size_t)get(in + 14, 2);
    size_t size = record_size(path_units, other_units);
    if (get(in + 4, 4) != size || size > left || get(in, 4) != crc32_of(0, in + 4, size - 4))
        return 0;
    if (in[10] > 1 || in[11])
        return 0;
    const char16 *text = (const char16 *)(const void *)(in + RECORD_FIXED);
    *r = (struct journal_record){
        .type = (enum journal_type)in[8],
        .names = names,
        .kind = (enum map_kind)in[9],
        .cover = in[10],
        .path = {text, path_units},
        .other = {text + path_units, other_units},
        .origin = {get(in + 16, 8), get(in + 24, 8), get(in + 32, 8)},
    };
    for (size_t i = RECORD_FIXED + 2 * (path_units + other_units); i < size; i++)
        if (in[i])
            return 0;
    return record_valid(r) ? size : 0;
}

enum journal_status journal_next(const uint8_t *data, size_t size, size_t *at, struct journal_record *record)
{
    enum journal_names names;
    if (!size)
        return JOURNAL_END;
    if ((uintptr_t)data % sizeof(char16) || !header_names(data, size, &names))
        return JOURNAL_BAD_HEADER;
    if (*at < JOURNAL_HEADER_SIZE) {
        if (size < JOURNAL_HEADER_SIZE)
            return JOURNAL_TORN;
        *at = JOURNAL_HEADER_SIZE;
    }
    if (*at == size)
        return JOURNAL_END;
    if (*at % 8 || *at > size)
        return JOURNAL_TORN;
    size_t record_bytes = record_decode(data + *at, size - *at, names, record);
    if (!record_bytes)
        return JOURNAL_TORN;
    *at += record_bytes;
    return JOURNAL_OK;
}

static bool apply(struct delta_map *map, const struct journal_record *r)
{
    switch (r->type) {
    case JOURNAL_SET:
        return map_set(map, r->path, r->kind, r->other, &r->origin);
    case JOURNAL_REMOVE:
        map_remove(map, r->path);
        return true;
    case JOURNAL_RENAME:
        return map_rename(map, r->path, r->other, r->cover, r->kind);
    case JOURNAL_ABORT:
        return true;
    }
    return true;
}

/* A directory cannot be moved below itself, nor over one that it is in. Only the map's table knows what is equal. */
static bool rename_impossible(const struct delta_map *map, const struct journal_record *r)
{
    upcase_table up = map_upcase(map);
    return r->type == JOURNAL_RENAME && !str_equal_fold(up, r->path, r->other) &&
           (path_under_fold(up, r->path, r->other) || path_under_fold(up, r->other, r->path));
}

/* One record is held back until the next one is known, since that may take it back. */
enum journal_status journal_replay(struct delta_map *map, const uint8_t *data, size_t size, size_t *good, bool *full,
                                   bool (*happened)(void *context, struct str from, struct str to), void *context)
{
    struct journal_record held = {.type = JOURNAL_ABORT}, next;
    size_t at = 0, held_at = 0;
    enum journal_status status;
    *full = false;
    for (;;) {
        size_t before = at < JOURNAL_HEADER_SIZE ? JOURNAL_HEADER_SIZE : at;
        status = journal_next(data, size, &at, &next);
        if (status == JOURNAL_OK && rename_impossible(map, &next)) {
            status = JOURNAL_TORN;
            at = before;
        }
        if (status != JOURNAL_OK)
            break;
        if (held.type == JOURNAL_RENAME && next.type == JOURNAL_ABORT)
            held = next;
        if (!*full)
            *full = !apply(map, &held);
        held = next;
        held_at = before;
    }
    *good = at;
    if (held.type == JOURNAL_RENAME && happened && !happened(context, held.path, held.other))
        *good = held_at;
    else if (!*full)
        *full = !apply(map, &held);
    return status;
}
