#include "support.h"

#include "delta/checked.h"

#include <stdio.h>
#include <stdlib.h>

static struct checked_names names;

static int empty(void **state)
{
    (void)state;
    memset(&names, 0, sizeof names);
    return 0;
}

static void test_path_and_what_is_above(void **state)
{
    (void)state;
    upcase_table up = test_upcase();
    assert_false(checked_has(&names, up, u("C\\Windows")));
    checked_add(&names, up, u("C\\Windows\\System32"));
    assert_true(checked_has(&names, up, u("C")));
    assert_true(checked_has(&names, up, u("c\\WINDOWS")));
    assert_true(checked_has(&names, up, u("C\\windows\\SYSTEM32")));
    assert_false(checked_has(&names, up, u("C\\Win")));
    assert_false(checked_has(&names, up, u("C\\Windows\\System")));
    assert_false(checked_has(&names, up, u("C\\Windows\\System32\\drivers")));
    assert_false(checked_has(&names, up, u("D\\Windows")));
    assert_false(checked_has(&names, up, u("Windows\\System32")));
}

/* It forgets when it is full, but what it has it was given. */
static void test_full(void **state)
{
    (void)state;
    upcase_table up = test_upcase();
    char text[32];
    unsigned kept = 0;
    for (unsigned i = 0; i < 3 * CHECKED_SLOTS; i++) {
        snprintf(text, sizeof text, "C\\directory %u", i);
        checked_add(&names, up, u(text));
        assert_true(checked_has(&names, up, u(text)));
    }
    for (unsigned i = 0; i < 6 * CHECKED_SLOTS; i++) {
        snprintf(text, sizeof text, "C\\directory %u", i);
        bool has = checked_has(&names, up, u(text));
        kept += has;
        assert_false(has && i >= 3 * CHECKED_SLOTS);
    }
    assert_in_range(kept, CHECKED_SLOTS * 3 / 4, CHECKED_SLOTS);
}

static void test_version(void **state)
{
    (void)state;
    upcase_table up = test_upcase();
    checked_add_version(&names, up, u("C\\a\\file"), 1ull << 32 | 7);
    assert_true(checked_has_version(&names, up, u("c\\A\\FILE"), 1ull << 32 | 7));
    assert_false(checked_has_version(&names, up, u("C\\a\\file"), 1ull << 32 | 8));
    assert_false(checked_has_version(&names, up, u("C\\a\\file"), 2ull << 32 | 7));
    assert_false(checked_has_version(&names, up, u("C\\a"), 1ull << 32 | 7));
    assert_false(checked_has(&names, up, u("C\\a\\file")));
}

static void test_file(void **state)
{
    (void)state;
    const uint64_t id[2] = {3, 0x123456789ull}, other[2] = {3, 0x123456788ull}, elsewhere[2] = {4, 0x123456789ull};
    checked_add_file(&names, id, 7);
    assert_true(checked_has_file(&names, id, 7));
    assert_false(checked_has_file(&names, id, 8));
    assert_false(checked_has_file(&names, other, 7));
    assert_false(checked_has_file(&names, elsewhere, 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_path_and_what_is_above, empty),
        cmocka_unit_test_setup(test_full, empty),
        cmocka_unit_test_setup(test_version, empty),
        cmocka_unit_test_setup(test_file, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
