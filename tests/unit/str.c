#include "support.h"

static void test_of_from_head(void **state)
{
    (void)state;
    assert_int_equal(str_of(u"").len, 0);
    assert_str(str_of(u"abc"), "abc");
    assert_str(STR(u"abc"), "abc");
    assert_str(str_from(u("abc"), 1), "bc");
    assert_str(str_from(u("abc"), 3), "");
    assert_str(str_from(u("abc"), 9), "");
    assert_str(str_head(u("abc"), 2), "ab");
    assert_str(str_head(u("abc"), 9), "abc");
    assert_int_equal(str_from((struct str){NULL, 0}, 5).len, 0);
}

static void test_compare(void **state)
{
    (void)state;
    upcase_table up = test_upcase();
    assert_true(str_equal(u("abc"), u("abc")));
    assert_false(str_equal(u("abc"), u("abC")));
    assert_false(str_equal(u("abc"), u("ab")));
    assert_true(str_equal((struct str){NULL, 0}, u("")));
    assert_true(str_equal_fold(up, u("aBc"), u("AbC")));
    assert_true(str_equal_fold(up, STR(u"\xE4"), STR(u"\xC4")));
    assert_false(str_equal_fold(up, u("abc"), u("abd")));
    assert_false(str_equal_fold(up, u("abc"), u("abcd")));
    assert_false(str_equal_fold(up, u("["), u("{")));
    assert_true(str_prefix_fold(up, u("ABCdef"), u("abc")));
    assert_true(str_prefix_fold(up, u("ABC"), u("")));
    assert_false(str_prefix_fold(up, u("ab"), u("abc")));
}

static void test_upcase_pages(void **state)
{
    (void)state;
    static struct upcase table, copy;
    char16 units[UPCASE_PAGE];
    for (unsigned page = 0; page < UPCASE_PAGES - 1; page++) {
        for (unsigned i = 0; i < UPCASE_PAGE; i++)
            units[i] = (char16)(page * 3 * UPCASE_PAGE + (i ^ 1u));
        assert_true(upcase_add(&table, (uint8_t)(page * 3), units));
    }
    upcase_copy(&copy, &table);
    for (unsigned c = 0; c < 65536; c++) {
        bool paired = c / UPCASE_PAGE % 3 == 0 && c / UPCASE_PAGE / 3 < UPCASE_PAGES - 1;
        assert_int_equal(upcase_of(&copy, (char16)c), paired ? c ^ 1u : c);
    }
    assert_false(upcase_add(&table, 1, units));
    for (unsigned i = 0; i < UPCASE_PAGE; i++)
        units[i] = (char16)(2 * UPCASE_PAGE + i);
    assert_true(upcase_add(&table, 2, units)); /* needs no room */
    memset(table.page, 0xff, sizeof(table.page));
    upcase_of(&table, 0x1234); /* stays within the table */
}

static void test_hash(void **state)
{
    (void)state;
    upcase_table up = test_upcase();
    assert_int_equal(str_hash_fold(up, 7, u("Program Files")), str_hash_fold(up, 7, u("pROGRAM fILES")));
    assert_int_not_equal(str_hash_fold(up, 7, u("a")), str_hash_fold(up, 8, u("a")));
    assert_int_not_equal(str_hash_fold(up, 7, u("ab")), str_hash_fold(up, 7, u("ba")));
    assert_int_not_equal(str_hash_fold(up, 7, u("abc")), str_hash_fold(up, 7, u("acb")));
    assert_int_not_equal(str_hash_fold(up, 0, u("")), str_hash_fold(up, 0, (struct str){u"\0", 1}));
}

/* Names that differ little must not fall together: files are often numbered. */
static void test_hash_spreads(void **state)
{
    (void)state;
    enum { NAMES = 4096 };
    static unsigned char used[NAMES];
    unsigned filled = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        char name[32];
        const char digits[] = {(char)('0' + i / 1000), (char)('0' + i / 100 % 10), (char)('0' + i / 10 % 10),
                               (char)('0' + i % 10), 0};
        strcpy(name, "file");
        strcat(name, digits);
        uint32_t slot = str_hash_fold(test_upcase(), 0, u(name)) * 0x85EBCA6Bu >> 20;
        filled += !used[slot];
        used[slot] = 1;
    }
    assert_true(filled > NAMES / 2); /* chance gives 63 % */
}

static void test_find(void **state)
{
    (void)state;
    assert_int_equal(str_find(u("a\\b\\c"), '\\'), 1);
    assert_int_equal(str_rfind(u("a\\b\\c"), '\\'), 3);
    assert_int_equal(str_find(u("abc"), '\\'), 3);
    assert_int_equal(str_rfind(u("abc"), '\\'), 3);
    assert_int_equal(str_rfind(u("\\abc"), '\\'), 0);
    assert_int_equal(str_find(u(""), '\\'), 0);
}

static void test_buffer(void **state)
{
    (void)state;
    char16 *memory = malloc(6 * sizeof(char16)); /* exact, so that a sanitizer sees one unit too many */
    struct strbuf b;
    buf_init(&b, memory, 6);
    buf_add(&b, u("ab"));
    buf_add_char(&b, '-');
    assert_str(buf_str(&b), "ab-");
    assert_true(buf_terminate(&b));
    assert_int_equal(memory[3], 0);
    assert_int_equal(b.len, 3);
    buf_add(&b, u("cde"));
    assert_str(buf_str(&b), "ab-cde");
    assert_false(b.overflow);
    assert_false(buf_terminate(&b));
    buf_add_char(&b, 'x');
    assert_true(b.overflow);
    b.len = 0;
    buf_add_char(&b, 'x');
    assert_int_equal(b.len, 0); /* sticks */
    buf_set(&b, u("uvwxyz"));
    assert_false(b.overflow);
    buf_set(&b, str_from(buf_str(&b), 2)); /* overlaps, to the left */
    assert_str(buf_str(&b), "wxyz");
    buf_set(&b, u("1234567"));
    assert_true(b.overflow);
    free(memory);
}

static void test_buffer_overlap_right(void **state)
{
    (void)state;
    char16 memory[8] = {'a', 'b', 'c', 'd', 'e'};
    struct strbuf b;
    buf_init(&b, memory + 2, 6);
    buf_set(&b, (struct str){memory, 5});
    assert_str(buf_str(&b), "abcde");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_from_head), cmocka_unit_test(test_compare),
        cmocka_unit_test(test_upcase_pages), cmocka_unit_test(test_hash),
        cmocka_unit_test(test_hash_spreads), cmocka_unit_test(test_find),
        cmocka_unit_test(test_buffer),       cmocka_unit_test(test_buffer_overlap_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
