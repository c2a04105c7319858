/* Journals of registry keys, whose names may be of any characters. */
#include "support.h"

#define CAPACITY 16384

static uint8_t bytes[CAPACITY] __attribute__((aligned(8)));

/* Names that no file can have, each in a path of keys. */
static const struct {
    const char16 *units;
    size_t len;
} odd[] = {
#define ODD(text)                                                                                                      \
    {                                                                                                                  \
        text, sizeof(text) / sizeof(char16) - 1                                                                        \
    }
    ODD(u"Machine\\a\0b"),
    ODD(u"Machine\\\0"),
    ODD(u"Machine\\."),
    ODD(u"Machine\\..\\x"),
    ODD(u"Machine\\a/b"),
    ODD(u"Machine\\C:"),
    ODD(u"Machine\\*?<>|\""),
    ODD(u"Machine\\ \t\r\n"),
    ODD(u"Machine\\x "),
    ODD(u"Machine\\\xffff"),
    ODD(u"Machine\\\xd800\\\xdc00"),
    ODD(u"Machine\\x."),
};
enum { ODD_COUNT = sizeof(odd) / sizeof(*odd) };

static struct str odd_path(size_t i)
{
    return (struct str){odd[i].units, odd[i].len};
}

static struct journal_record set_key(struct str path, enum map_kind kind)
{
    return (struct journal_record){.type = JOURNAL_SET, .names = JOURNAL_KEYS, .kind = kind, .path = path};
}

static void test_valid(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "\\", "\\Machine", "Machine\\", "Machine\\\\x", "\\\\"};
    for (size_t i = 0; i < ODD_COUNT; i++)
        assert_true(key_path_valid(odd_path(i)));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(key_path_valid(u(bad[i])));
}

static void test_valid_lengths(void **state)
{
    (void)state;
    static char16 text[40000];
    for (size_t i = 0; i < 40000; i++)
        text[i] = 'k';
    assert_true(key_path_valid((struct str){text, 255}));
    assert_true(key_path_valid((struct str){text, 256})); /* Wine's limit */
    assert_false(key_path_valid((struct str){text, 257}));
    text[10] = '\\';
    assert_true(key_path_valid((struct str){text, 11 + 255}));
    assert_false(key_path_valid((struct str){text, 11 + 257}));
    for (size_t i = 200; i < 40000; i += 200)
        text[i] = '\\';
    assert_true(key_path_valid((struct str){text, 32000}));
    assert_false(key_path_valid((struct str){text, 32002}));
}

static size_t write_all(enum map_kind kind)
{
    size_t size = journal_header_for(JOURNAL_KEYS, bytes);
    for (size_t i = 0; i < ODD_COUNT; i++) {
        struct journal_record record = set_key(odd_path(i), kind);
        size_t more = journal_encode(bytes + size, CAPACITY - size, &record);
        assert_true(more > 0);
        size += more;
    }
    return size;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct journal_record record;
    size_t at = 0, size = write_all(MAP_DIR);
    for (size_t i = 0; i < ODD_COUNT; i++) {
        assert_int_equal(journal_next(bytes, size, &at, &record), JOURNAL_OK);
        assert_true(str_equal(record.path, odd_path(i)));
        assert_int_equal(record.names, JOURNAL_KEYS);
    }
    assert_int_equal(journal_next(bytes, size, &at, &record), JOURNAL_END);
}

/* What is a key's name need not be a file's: the header says which they are. */
static void test_no_names_of_files(void **state)
{
    (void)state;
    struct journal_record record = set_key(u("Machine\\a:b"), MAP_OWN), back;
    record.names = JOURNAL_FILES;
    assert_int_equal(journal_encode(bytes, CAPACITY, &record), 0);
    record.names = JOURNAL_KEYS;
    size_t at = 0, size = journal_header_for(JOURNAL_KEYS, bytes);
    size += journal_encode(bytes + size, CAPACITY - size, &record);
    assert_int_equal(journal_next(bytes, size, &at, &back), JOURNAL_OK);
    journal_header_for(JOURNAL_FILES, bytes);
    at = 0;
    assert_int_equal(journal_next(bytes, size, &at, &back), JOURNAL_TORN);
    assert_int_equal(at, JOURNAL_HEADER_SIZE);
}

static enum journal_status replay(struct delta_map *map, size_t size, size_t *good)
{
    bool full = true;
    /* a block of exactly that size, so that a sanitizer sees a read behind it */
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, bytes, size);
    map_begin_rebuild(map);
    enum journal_status status = journal_replay(map, exact, size, good, &full, NULL, NULL);
    map_end_rebuild(map);
    free(exact);
    assert_false(full);
    return status;
}

/* How many of the odd names, from the first on, the map has; none may be behind a gap. */
static size_t count_in(const struct delta_map *map)
{
    struct map_place place;
    size_t count = 0;
    for (size_t i = 0; i < ODD_COUNT; i++) {
        assert_true(map_resolve(map, odd_path(i), &place));
        if (place.kind != MAP_OWN)
            continue;
        assert_int_equal(count, i);
        count++;
    }
    return count;
}

static void test_replay(void **state)
{
    struct delta_map *map = *state;
    struct map_place place;
    size_t good, size = write_all(MAP_OWN);
    assert_int_equal(replay(map, size, &good), JOURNAL_END);
    assert_int_equal(good, size);
    assert_int_equal(count_in(map), ODD_COUNT);
    assert_true(map_resolve(map, (struct str){u"mACHINE\\A\0B", 11}, &place));
    assert_int_equal(place.kind, MAP_OWN);
    assert_true(map_resolve(map, (struct str){u"Machine\\a", 9}, &place)); /* a NUL ends no name */
    assert_int_equal(place.kind, MAP_NONE);
}

static void test_rename(void **state)
{
    struct delta_map *map = *state;
    struct str to = {u"Machine\\new\0name", 16};
    struct journal_record records[] = {set_key(odd_path(0), MAP_OWN),
                                       {.type = JOURNAL_RENAME,
                                        .names = JOURNAL_KEYS,
                                        .kind = MAP_DIR,
                                        .cover = true,
                                        .path = odd_path(0),
                                        .other = to}};
    struct map_place place;
    size_t good, size = journal_header_for(JOURNAL_KEYS, bytes);
    for (size_t i = 0; i < 2; i++)
        size += journal_encode(bytes + size, CAPACITY - size, &records[i]);
    assert_int_equal(replay(map, size, &good), JOURNAL_END);
    assert_true(map_resolve(map, to, &place));
    assert_int_equal(place.kind, MAP_OWN);
}

/* How many records end at or before that byte. */
static size_t records_whole(const size_t *ends, size_t byte)
{
    size_t count = 0;
    while (count < ODD_COUNT && ends[count] <= byte)
        count++;
    return count;
}

static void find_ends(size_t size, size_t *ends)
{
    struct journal_record record;
    size_t at = 0;
    for (size_t i = 0; i < ODD_COUNT; i++) {
        assert_int_equal(journal_next(bytes, size, &at, &record), JOURNAL_OK);
        ends[i] = at;
    }
}

static void test_cut_at_every_byte(void **state)
{
    struct delta_map *map = *state;
    size_t ends[ODD_COUNT], good, whole = write_all(MAP_OWN);
    find_ends(whole, ends);
    for (size_t size = JOURNAL_HEADER_SIZE; size < whole; size++) {
        size_t count = records_whole(ends, size), end = count ? ends[count - 1] : JOURNAL_HEADER_SIZE;
        assert_int_equal(replay(map, size, &good), size == end ? JOURNAL_END : JOURNAL_TORN);
        assert_int_equal(good, end);
        assert_int_equal(count_in(map), count);
    }
}

static void test_damage_of_every_byte(void **state)
{
    struct delta_map *map = *state;
    size_t ends[ODD_COUNT], good, size = write_all(MAP_OWN);
    find_ends(size, ends);
    for (size_t at = JOURNAL_HEADER_SIZE; at < size; at++) {
        size_t count = records_whole(ends, at);
        bytes[at] ^= 0x20;
        assert_int_equal(replay(map, size, &good), JOURNAL_TORN);
        assert_int_equal(good, count ? ends[count - 1] : JOURNAL_HEADER_SIZE);
        assert_int_equal(count_in(map), count);
        bytes[at] ^= 0x20;
    }
}

static int make_map(void **state)
{
    *state = map_new(MAP_MIN_SIZE);
    return 0;
}

static int free_map(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_valid_lengths),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_no_names_of_files),
        cmocka_unit_test_setup_teardown(test_replay, make_map, free_map),
        cmocka_unit_test_setup_teardown(test_rename, make_map, free_map),
        cmocka_unit_test_setup_teardown(test_cut_at_every_byte, make_map, free_map),
        cmocka_unit_test_setup_teardown(test_damage_of_every_byte, make_map, free_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
