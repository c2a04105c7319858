#include "support.h"

static void test_parts(void **state)
{
    (void)state;
    assert_str(path_first(u("C\\a\\b")), "C");
    assert_str(path_rest(u("C\\a\\b")), "a\\b");
    assert_str(path_parent(u("C\\a\\b")), "C\\a");
    assert_str(path_leaf(u("C\\a\\b")), "b");
    assert_str(path_first(u("C")), "C");
    assert_str(path_rest(u("C")), "");
    assert_str(path_parent(u("C")), "");
    assert_str(path_leaf(u("C")), "C");
    assert_str(path_parent(u("")), "");
    assert_str(path_leaf(u("")), "");
}

static void test_under(void **state)
{
    (void)state;
    upcase_table up = test_upcase();
    assert_true(path_under_fold(up, u("C\\Users\\x"), u("c\\users")));
    assert_true(path_under_fold(up, u("C\\Users"), u("c\\users")));
    assert_true(path_under_fold(up, u("C\\Users"), u("")));
    assert_false(path_under_fold(up, u("C\\Users2"), u("c\\users")));
    assert_false(path_under_fold(up, u("C"), u("c\\users")));
}

static void test_valid(void **state)
{
    (void)state;
    static const char *const good[] = {"C",     "C\\a",      "C\\...",    "C\\.a", "C\\a.",
                                       "C\\a ", "UNC\\s\\x", "unix\\etc", "C\\..a"};
    static const char *const bad[] = {"",      "\\",       "\\C",    "C\\", "C\\\\a", "C\\.",   "C\\..",  ".",
                                      "..\\C", "C\\..\\a", "C\\./a", "a/b", "C:",     "C\\a:s", "C\\.\\a"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(path_valid(u(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(path_valid(u(bad[i])));
    assert_false(path_valid((struct str){u"a\0b", 3}));
}

static void test_valid_lengths(void **state)
{
    (void)state;
    static char16 text[40000];
    for (size_t i = 0; i < 40000; i++)
        text[i] = 'x';
    assert_true(path_valid((struct str){text, 255}));
    assert_false(path_valid((struct str){text, 256}));
    for (size_t i = 200; i < 40000; i += 200)
        text[i] = '\\';
    assert_true(path_valid((struct str){text, 32000}));
    assert_false(path_valid((struct str){text, 32002}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_under),
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_valid_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
