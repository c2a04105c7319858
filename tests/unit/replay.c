/* Replay, and what it does with a damaged journal: exactly the records before the damage. */
#include "support.h"

#define CAPACITY 8192

struct log {
    uint8_t bytes[CAPACITY];
    size_t size;
    size_t starts[64]; /* of the records; starts[count] = size */
    size_t count;
};

static void begin(struct log *log)
{
    log->size = journal_header(log->bytes);
    log->count = 0;
    log->starts[0] = log->size;
}

static void append(struct log *log, struct journal_record record)
{
    size_t size = journal_encode(log->bytes + log->size, CAPACITY - log->size, &record);
    assert_true(size > 0);
    log->size += size;
    log->starts[++log->count] = log->size;
}

static void set(struct log *log, const char *path, enum map_kind kind, const char *lower)
{
    append(log, (struct journal_record){.type = JOURNAL_SET, .kind = kind, .path = u(path), .other = u(lower)});
}

static void rename_(struct log *log, const char *from, const char *to)
{
    append(log, (struct journal_record){
                    .type = JOURNAL_RENAME, .kind = MAP_DIR, .cover = true, .path = u(from), .other = u(to)});
}

static enum journal_status replay(struct delta_map *map, const uint8_t *bytes, size_t size, size_t *good)
{
    bool full = true;
    map_begin_rebuild(map);
    enum journal_status status = journal_replay(map, bytes, size, good, &full, NULL, NULL);
    map_end_rebuild(map);
    assert_false(full);
    return status;
}

static bool list(void *context, struct str path, enum map_kind kind, struct str lower, const struct map_origin *origin)
{
    char line[256];
    (void)origin;
    strcat(strcat(strcat(strcpy(line, kind_name(kind)), " "), a(path)), "<");
    strcat(strcat(line, a(lower)), ";");
    strcat(context, line);
    return true;
}

static const char *contents(const struct delta_map *map)
{
    static char text[8][4096];
    static unsigned turn;
    char *to = text[turn++ % 8];
    to[0] = 0;
    map_walk(map, list, to);
    return to;
}

/* One record of each kind, so that every prefix of the log gives another map. */
static void sample(struct log *log)
{
    begin(log);
    set(log, "C\\a", MAP_DIR, "");
    set(log, "C\\a\\file", MAP_META, "D\\original");
    set(log, "C\\a\\gone", MAP_OWN, "");
    rename_(log, "C\\a", "C\\b");
    append(log, (struct journal_record){.type = JOURNAL_REMOVE, .path = u("C\\b\\gone")});
    rename_(log, "C\\x\\y", "E\\z");
    set(log, "E\\z\\deep", MAP_OWN, "");
}

static void test_replay(void **state)
{
    struct delta_map *map = *state;
    struct log log;
    size_t good;
    sample(&log);
    assert_int_equal(replay(map, log.bytes, log.size, &good), JOURNAL_END);
    assert_int_equal(good, log.size);
    assert_where(map, "C\\b\\file", "META storage lower=D\\original known=8");
    assert_where(map, "C\\b\\gone", "- lower=C\\a\\gone known=3");
    assert_where(map, "C\\a", "OWN storage none known=3");
    assert_where(map, "E\\z\\deep", "OWN storage none known=8");
    assert_where(map, "E\\z\\f", "- lower=C\\x\\y\\f known=3");
}

/* The maps after 0, 1, 2 ... records of the sample. */
static void after_each(struct delta_map *map, const struct log *log, char texts[][4096])
{
    size_t good;
    for (size_t n = 0; n <= log->count; n++) {
        assert_int_equal(replay(map, log->bytes, log->starts[n], &good), JOURNAL_END);
        assert_int_equal(good, log->starts[n]);
        strcpy(texts[n], contents(map));
        if (n)
            assert_string_not_equal(texts[n], texts[n - 1]);
    }
}

static size_t records_before(const struct log *log, size_t byte)
{
    size_t n = 0;
    while (n < log->count && log->starts[n + 1] <= byte)
        n++;
    return n;
}

/* The bytes go into a block of exactly their size, so that a sanitizer sees a read behind them. */
static void assert_replay(struct delta_map *map, const struct log *log, size_t size, enum journal_status status,
                          size_t good, const char *text)
{
    uint8_t *exact = malloc(size ? size : 1);
    size_t good_now;
    memcpy(exact, log->bytes, size);
    assert_int_equal(replay(map, exact, size, &good_now), status);
    assert_int_equal(good_now, good);
    assert_string_equal(contents(map), text);
    free(exact);
}

static void test_cut_at_every_byte(void **state)
{
    static char texts[16][4096];
    struct log log;
    sample(&log);
    after_each(*state, &log, texts);
    for (size_t size = 0; size < log.size; size++) {
        if (size < JOURNAL_HEADER_SIZE) {
            assert_replay(*state, &log, size, size ? JOURNAL_TORN : JOURNAL_END, 0, "");
            continue;
        }
        size_t n = records_before(&log, size);
        assert_replay(*state, &log, size, size == log.starts[n] ? JOURNAL_END : JOURNAL_TORN, log.starts[n], texts[n]);
    }
}

static void test_flip_every_byte(void **state)
{
    static char texts[16][4096];
    static const uint8_t flips[] = {0x01, 0x80, 0xFF};
    struct log log;
    sample(&log);
    after_each(*state, &log, texts);
    for (size_t at = 0; at < log.size; at++) {
        for (size_t f = 0; f < sizeof(flips); f++) {
            log.bytes[at] ^= flips[f];
            size_t n = records_before(&log, at);
            if (at < JOURNAL_HEADER_SIZE)
                assert_replay(*state, &log, log.size, JOURNAL_BAD_HEADER, 0, "");
            else
                assert_replay(*state, &log, log.size, JOURNAL_TORN, log.starts[n], texts[n]);
            log.bytes[at] ^= flips[f];
        }
    }
}

/* What a file system leaves behind a file that grew when the machine stopped. */
static void test_zero_tail(void **state)
{
    struct delta_map *map = *state;
    struct log log;
    size_t good;
    sample(&log);
    memset(log.bytes + log.size, 0, 512);
    assert_int_equal(replay(map, log.bytes, log.size + 512, &good), JOURNAL_TORN);
    assert_int_equal(good, log.size);
}

static void test_abort(void **state)
{
    struct delta_map *map = *state;
    struct log log;
    size_t good;
    begin(&log);
    append(&log, (struct journal_record){.type = JOURNAL_ABORT}); /* of nothing */
    rename_(&log, "C\\a", "C\\b");
    append(&log, (struct journal_record){.type = JOURNAL_ABORT});
    append(&log, (struct journal_record){.type = JOURNAL_ABORT});
    rename_(&log, "C\\c", "C\\d");
    set(&log, "C\\e", MAP_OWN, "");
    append(&log, (struct journal_record){.type = JOURNAL_ABORT}); /* not right behind the rename */
    assert_int_equal(replay(map, log.bytes, log.size, &good), JOURNAL_END);
    assert_int_equal(good, log.size);
    assert_where(map, "C\\a", "- lower=C\\a known=1");
    assert_where(map, "C\\d", "DIR storage lower=C\\c known=3");
    assert_where(map, "C\\e", "OWN storage none known=3");
}

struct answer {
    bool happened;
    int asked;
    char names[64];
};

static bool happened(void *context, struct str from, struct str to)
{
    struct answer *answer = context;
    answer->asked++;
    strcat(strcat(strcpy(answer->names, a(from)), ">"), a(to));
    return answer->happened;
}

static void test_last_rename(void **state)
{
    struct delta_map *map = *state;
    struct log log;
    for (int i = 0; i < 4; i++) {
        struct answer answer = {.happened = i & 1};
        size_t good;
        bool full;
        begin(&log);
        rename_(&log, "C\\a", "C\\b");
        rename_(&log, "C\\c", "C\\d");
        bool torn = i & 2;
        if (torn)
            log.bytes[log.size] = 7; /* perhaps of an ABORT */
        map_begin_rebuild(map);
        assert_int_equal(journal_replay(map, log.bytes, log.size + (torn ? 1 : 0), &good, &full, happened, &answer),
                         torn ? JOURNAL_TORN : JOURNAL_END);
        map_end_rebuild(map);
        assert_int_equal(answer.asked, 1);
        assert_string_equal(answer.names, "C\\c>C\\d");
        assert_int_equal(good, answer.happened ? log.size : log.starts[1]);
        assert_where(map, "C\\b", "DIR storage lower=C\\a known=3");
        assert_where(map, "C\\d", answer.happened ? "DIR storage lower=C\\c known=3" : "- lower=C\\d known=1");
    }
}

static void test_rename_below_itself_ends_it(void **state)
{
    struct delta_map *map = *state;
    static const char *const to[] = {"c\\A\\b", "C"};
    for (int i = 0; i < 2; i++) {
        struct log log;
        size_t good;
        begin(&log);
        set(&log, "C\\x", MAP_OWN, "");
        rename_(&log, "C\\a", to[i]);
        set(&log, "C\\y", MAP_OWN, "");
        assert_int_equal(replay(map, log.bytes, log.size, &good), JOURNAL_TORN);
        assert_int_equal(good, log.starts[1]);
        assert_string_equal(contents(map), "OWN C\\x<;");
    }
}

static void test_full(void **state)
{
    struct delta_map *map = *state;
    size_t capacity = 4u << 20, size, good;
    uint8_t *bytes = malloc(capacity);
    char name[] = "C\\f00000";
    bool full = false;
    size = journal_header(bytes);
    for (unsigned i = 0; i < 20000; i++) {
        for (unsigned k = 7, n = i; k > 2; k--, n /= 10)
            name[k] = (char)('0' + n % 10);
        struct journal_record record = {.type = JOURNAL_SET, .kind = MAP_OWN, .path = u(name)};
        size += journal_encode(bytes + size, capacity - size, &record);
    }
    map_begin_rebuild(map);
    assert_int_equal(journal_replay(map, bytes, size, &good, &full, NULL, NULL), JOURNAL_END);
    map_end_rebuild(map);
    assert_true(full);
    assert_int_equal(good, size); /* the journal is good, the map is too small: nothing may be cut off */
    free(bytes);
}

static int setup(void **state)
{
    *state = map_new(MAP_MIN_SIZE);
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_replay),
        TEST(test_cut_at_every_byte),
        TEST(test_flip_every_byte),
        TEST(test_zero_tail),
        TEST(test_abort),
        TEST(test_last_rename),
        TEST(test_rename_below_itself_ends_it),
        TEST(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
