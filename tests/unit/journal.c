#include "support.h"

static uint8_t bytes[JOURNAL_RECORD_MAX + 64] __attribute__((aligned(8)));

static struct journal_record set_record(const char *path, enum map_kind kind, const char *lower)
{
    return (struct journal_record){.type = JOURNAL_SET,
                                   .kind = kind,
                                   .path = u(path),
                                   .other = u(lower),
                                   .origin = {0x1122334455667788, UINT64_MAX, 42}};
}

static void assert_same(const struct journal_record *x, const struct journal_record *y)
{
    assert_int_equal(x->type, y->type);
    assert_int_equal(x->kind, y->kind);
    assert_int_equal(x->cover, y->cover);
    assert_true(str_equal(x->path, y->path));
    assert_true(str_equal(x->other, y->other));
    assert_memory_equal(&x->origin, &y->origin, sizeof(x->origin));
}

static void assert_round_trip(const struct journal_record *record)
{
    struct journal_record back;
    size_t at = 0, size = journal_header(bytes);
    assert_int_equal(size, JOURNAL_HEADER_SIZE);
    size_t record_size = journal_encode(bytes + size, sizeof(bytes) - size, record);
    assert_true(record_size > 0 && record_size % 8 == 0 && record_size <= JOURNAL_RECORD_MAX);
    assert_int_equal(journal_encode(bytes + size, record_size - 1, record), 0);
    size += record_size;
    assert_int_equal(journal_next(bytes, size, &at, &back), JOURNAL_OK);
    assert_same(record, &back);
    assert_int_equal(at, size);
    assert_int_equal(journal_next(bytes, size, &at, &back), JOURNAL_END);
}

static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(crc32_of(0, "123456789", 9), 0xCBF43926);
    assert_int_equal(crc32_of(crc32_of(0, "1234", 4), "56789", 5), 0xCBF43926);
    assert_int_equal(crc32_of(0, "", 0), 0);
}

/* The format is on disks: it must not change by accident. */
static void test_bytes(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        'F',  'V',  'M',  'D',  'E', 'L', 'T', 'A', 1,   0, 0,    0, 0,   0, 0,   0, /* header */
        0x78, 0xAD, 0x33, 0x94, 56,  0,   0,   0,   1,   5, 0,    0, 3,   0, 2,   0, /* 40 + 2 * 5, padded */
        8,    7,    6,    5,    4,   3,   2,   1,   9,   0, 0,    0, 0,   0, 0,   0, /* origin */
        10,   0,    0,    0,    0,   0,   0,   0,   'C', 0, '\\', 0, 'a', 0, 'H', 0, 'i', 0, 0, 0, 0, 0, 0, 0,
    };
    struct journal_record record = {.type = JOURNAL_SET,
                                    .kind = MAP_META,
                                    .path = u("C\\a"),
                                    .other = u("Hi"),
                                    .origin = {0x0102030405060708, 9, 10}};
    size_t size = journal_header(bytes);
    assert_int_equal(journal_encode(bytes + size, sizeof(bytes) - size, &record), sizeof(expected) - size);
    assert_memory_equal(bytes, expected, sizeof(expected));
}

static void test_round_trip(void **state)
{
    (void)state;
    struct journal_record record = set_record("C\\a\\b", MAP_META, "D\\x");
    assert_round_trip(&record);
    record = set_record("C", MAP_DIR, "");
    assert_round_trip(&record);
    record = set_record("C\\a", MAP_OWN, "");
    assert_round_trip(&record);
    record = (struct journal_record){.type = JOURNAL_REMOVE, .path = u("C\\a\\b")};
    assert_round_trip(&record);
    record = (struct journal_record){
        .type = JOURNAL_RENAME, .kind = MAP_DIR, .cover = true, .path = u("C\\a"), .other = u("D\\b")};
    assert_round_trip(&record);
    record = (struct journal_record){.type = JOURNAL_ABORT};
    assert_round_trip(&record);
}

static void test_longest(void **state)
{
    (void)state;
    static char16 text[32000];
    for (size_t i = 0; i < 32000; i++)
        text[i] = i % 200 == 199 ? '\\' : 0xD7FF;
    text[31999] = 'x';
    struct journal_record record = {
        .type = JOURNAL_RENAME, .kind = MAP_META, .path = {text, 32000}, .other = {text, 32000}};
    assert_round_trip(&record);
}

static void test_unused_fields_are_not_written(void **state)
{
    (void)state;
    struct journal_record record = set_record("C\\a", MAP_META, "D\\x"), back;
    size_t at = 0, size = journal_header(bytes);
    record.type = JOURNAL_REMOVE;
    record.cover = true;
    size += journal_encode(bytes + size, sizeof(bytes) - size, &record);
    assert_int_equal(journal_next(bytes, size, &at, &back), JOURNAL_OK);
    struct journal_record plain = {.type = JOURNAL_REMOVE, .path = u("C\\a")};
    assert_same(&back, &plain);
}

static void test_invalid_records(void **state)
{
    (void)state;
    struct journal_record bad[] = {
        set_record("", MAP_META, ""),
        set_record("C\\..\\x", MAP_META, ""),
        set_record("C\\a:s", MAP_META, ""),
        set_record("C\\a", MAP_META, "D\\.."),
        set_record("C\\a", MAP_OWN, "D\\low"),
        set_record("C\\a", MAP_PLAIN, ""),
        set_record("C\\a", MAP_LINK, "D"),
        set_record("C\\a", MAP_HIDDEN, ""),
        set_record("C\\a", MAP_NONE, ""),
        set_record("C\\a", MAP_KINDS, ""),
        {.type = JOURNAL_REMOVE},
        {.type = 0, .path = u("C")},
        {.type = 5, .path = u("C")},
        {.type = JOURNAL_RENAME, .kind = MAP_DIR, .path = u("C")},
        {.type = JOURNAL_RENAME, .path = u("C"), .other = u("D")},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(journal_encode(bytes, sizeof(bytes), &bad[i]), 0);
}

/* A hostile writer can make a checksum too. */
static void test_forged_records(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } forged[] = {{8, 0},  {8, 2},  {8, 4},   {8, 9},   {9, MAP_HIDDEN}, {9, MAP_OWN}, {9, 0xFF}, {10, 1},   {10, 2},
                  {11, 1}, {12, 0}, {12, 99}, {14, 99}, {40, 0},         {42, '/'},    {44, ':'}, {46, '/'}, {51, 1}};
    struct journal_record record = set_record("C\\a", MAP_META, "Hi"), back;
    for (size_t i = 0; i < sizeof(forged) / sizeof(*forged); i++) {
        size_t at = 0, size = journal_header(bytes);
        size += journal_encode(bytes + size, sizeof(bytes) - size, &record);
        bytes[16 + forged[i].at] = forged[i].value;
        uint32_t crc = crc32_of(0, bytes + 20, size - 20);
        for (int k = 0; k < 4; k++)
            bytes[16 + k] = (uint8_t)(crc >> 8 * k);
        assert_int_equal(journal_next(bytes, size, &at, &back), JOURNAL_TORN);
        assert_int_equal(at, JOURNAL_HEADER_SIZE);
    }
}

static void test_header(void **state)
{
    (void)state;
    struct journal_record record;
    size_t at = 0;
    journal_header(bytes);
    assert_int_equal(journal_next(bytes, 0, &at, &record), JOURNAL_END);
    for (size_t size = 1; size < JOURNAL_HEADER_SIZE; size++) {
        at = 0;
        assert_int_equal(journal_next(bytes, size, &at, &record), JOURNAL_TORN);
        assert_int_equal(at, 0);
    }
    at = 0;
    assert_int_equal(journal_next(bytes, JOURNAL_HEADER_SIZE, &at, &record), JOURNAL_END);
    assert_int_equal(at, JOURNAL_HEADER_SIZE);
    for (size_t i = 0; i < JOURNAL_HEADER_SIZE; i++) {
        bytes[i] ^= 0x40;
        at = 0;
        assert_int_equal(journal_next(bytes, JOURNAL_HEADER_SIZE, &at, &record), JOURNAL_BAD_HEADER);
        bytes[i] ^= 0x40;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_unused_fields_are_not_written),
        cmocka_unit_test(test_invalid_records),
        cmocka_unit_test(test_forged_records),
        cmocka_unit_test(test_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
