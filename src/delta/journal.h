/* The delta journal: the durable form of a delta map. A VM has two: `delta.log` for its files, `registry.log` for its
 * registry keys.
 *
 * An append-only file: a header, then records. The journal is written before the map; it is the truth about which names
 * of the delta tree count. Each record carries its length and a CRC-32 over everything behind the checksum; what
 * follows the first bad record is a torn tail and is cut off. Pure: the caller does the input and output.
 *
 * The file comes from a VM, so from an untrusted program: every name passes the check for
 * its kind of names (path_valid, key_path_valid), every kind and length is
 * checked; a record that is not valid ends the journal as a torn one does.
 */
#ifndef FVM_DELTA_JOURNAL_H
#define FVM_DELTA_JOURNAL_H

#include "delta/map.h"

enum journal_names { JOURNAL_FILES, JOURNAL_KEYS }; /* what the names in a journal are; its header says so */

enum journal_type {
    JOURNAL_SET = 1, /* path has kind (OWN, DIR, META), explicit lower (may be empty) and origin */
    JOURNAL_REMOVE,  /* path's node and all below it are forgotten */
    JOURNAL_RENAME,  /* path -> other; written before the storage is renamed */
    JOURNAL_ABORT    /* the RENAME right before did not happen; has no names. Elsewhere it means nothing */
};

struct journal_record {
    enum journal_type type;
    enum journal_names names;
    enum map_kind kind; /* SET: the kind; RENAME: kind_if_none of map_rename */
    bool cover;         /* RENAME: see map_rename */
    struct str path;
    struct str other; /* SET: explicit lower; RENAME: the new path. Points into the journal's bytes when decoded */
    struct map_origin origin;
};

#define JOURNAL_HEADER_SIZE 16u
#define JOURNAL_RECORD_MAX (2u * 2u * 32768u + 64u)

/* The file's header (magic "FVMDELTA", version, names). Returns JOURNAL_HEADER_SIZE. */
size_t journal_header_for(enum journal_names names, uint8_t *out);
static inline size_t journal_header(uint8_t *out)
{
    return journal_header_for(JOURNAL_FILES, out);
}
/* Encodes a record; returns its size in bytes (a multiple of 8), or 0 when cap is too small or the record not valid:
 * names that are not valid, a kind that is not OWN, DIR or META, a lower for OWN. Fields that the type does not use
 * are not looked at. */
size_t journal_encode(uint8_t *out, size_t cap, const struct journal_record *record);

enum journal_status { JOURNAL_OK, JOURNAL_END, JOURNAL_TORN, JOURNAL_BAD_HEADER };

/* Decodes the record at *at (start with *at = 0: checks and passes the header) and moves *at behind it. data is 2-aligned.
 * An empty file is JOURNAL_END. JOURNAL_TORN leaves *at where the good part ends; 0 when the header itself is torn (then the
 * file is written anew). JOURNAL_BAD_HEADER: not a journal, or of a version not known. */
enum journal_status journal_next(const uint8_t *data, size_t size, size_t *at, struct journal_record *record);

/* Applies every good record to the map (between map_begin_rebuild and map_end_rebuild). *good = bytes of the good part:
 * the caller must truncate the file to it before it appends. A RENAME directly followed by ABORT is not applied; a RENAME
 * that is the last record is applied only if `happened(context, from, to)` says the storage was renamed (NULL: yes), and
 * does not count as good if not. A RENAME of a name to below itself or to above itself ends the good part.
 * Returns JOURNAL_END, JOURNAL_TORN or JOURNAL_BAD_HEADER; *full is set when the map overflowed (what follows is then
 * checked, but not applied). */
enum journal_status journal_replay(struct delta_map *map, const uint8_t *data, size_t size, size_t *good, bool *full,
                                   bool (*happened)(void *context, struct str from, struct str to), void *context);

uint32_t crc32_of(uint32_t crc, const void *data, size_t size); /* CRC-32/ISO-HDLC; start with 0 */

#endif
