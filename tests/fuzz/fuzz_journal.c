/* Any bytes as a journal: what is good of it replays into a map, and encoding it again gives the same bytes and, replayed,
 * the same map. Nothing that comes out may be a name that files, or registry keys, cannot have. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "delta/journal.h"
#include "fuzz.h"

static uint32_t digest;
static bool keys; /* what the header says that the names are */

static bool valid(struct str path)
{
    return keys ? key_path_valid(path) : path_valid(path);
}

static bool add_to_digest(void *context, struct str path, enum map_kind kind, struct str lower,
                          const struct map_origin *origin)
{
    uint32_t words[3] = {kind, (uint32_t)path.len, (uint32_t)lower.len};
    (void)context;
    CHECK(valid(path) || path.len > 32000); /* renames may nest directories deeper than a record may say */
    CHECK(!lower.len || lower.len <= 32767);
    digest ^=
        crc32_of(crc32_of(crc32_of(crc32_of(0, words, sizeof(words)), path.s, path.len * 2), lower.s, lower.len * 2),
                 origin, sizeof(*origin));
    return true;
}

static bool happened(void *context, struct str from, struct str to)
{
    CHECK(valid(from) && valid(to));
    return *(const bool *)context;
}

static uint32_t replay(struct delta_map *map, const uint8_t *data, size_t size, size_t *good, bool answer)
{
    bool full;
    map_begin_rebuild(map);
    enum journal_status status = journal_replay(map, data, size, good, &full, happened, &answer);
    map_end_rebuild(map);
    CHECK(status == JOURNAL_END || status == JOURNAL_TORN || status == JOURNAL_BAD_HEADER);
    CHECK(*good <= size && (status != JOURNAL_END || *good == size || !answer));
    digest = 0;
    map_walk(map, add_to_digest, NULL);
    return digest;
}

static void check_encoding(const uint8_t *data, size_t good)
{
    struct journal_record record;
    uint8_t *again = malloc(JOURNAL_RECORD_MAX);
    size_t at = 0, before = JOURNAL_HEADER_SIZE;
    while (journal_next(data, good, &at, &record) == JOURNAL_OK) {
        size_t size = journal_encode(again, JOURNAL_RECORD_MAX, &record);
        CHECK(size == at - before && !memcmp(again, data + before, size));
        before = at;
    }
    CHECK(at == good || (!good && !at));
    free(again);
}

/* Checksums are out of a fuzzer's reach: the first byte of the input says whether they are made right for it. */
static void mend_checksums(uint8_t *data, size_t size)
{
    if (size < JOURNAL_HEADER_SIZE)
        return;
    journal_header_for(keys ? JOURNAL_KEYS : JOURNAL_FILES, data);
    for (size_t at = JOURNAL_HEADER_SIZE; size - at >= 40;) {
        size_t units = (size_t)(data[at + 12] | data[at + 13] << 8) + (size_t)(data[at + 14] | data[at + 15] << 8);
        size_t record = (40 + 2 * units + 7) & ~(size_t)7;
        if (record > size - at)
            return;
        for (int i = 0; i < 4; i++)
            data[at + 4 + (size_t)i] = (uint8_t)(record >> 8 * i);
        uint32_t crc = crc32_of(0, data + at + 4, record - 4);
        for (int i = 0; i < 4; i++)
            data[at + (size_t)i] = (uint8_t)(crc >> 8 * i);
        at += record;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct delta_map *map = fuzz_map();
    size_t good, good_again;
    if (!size)
        return 0;
    bool mend = input[0] & 1, answer = input[0] & 2;
    uint8_t *data = malloc(size); /* aligned, and exactly as long */
    size--;
    memcpy(data, input + 1, size);
    keys = input[0] & 4;
    if (mend)
        mend_checksums(data, size);
    keys = size >= JOURNAL_HEADER_SIZE && !memcmp(data + JOURNAL_HEADER_SIZE - 4, "KEYS", 4);
    uint32_t first = replay(map, data, size, &good, answer);
    check_encoding(data, good);
    uint32_t second = replay(map, data, good, &good_again, true);
    CHECK(first == second && good == good_again);
    free(data);
    return 0;
}
