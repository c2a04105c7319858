#include "support.h"

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

static void set(struct delta_map *map, const char *path, enum map_kind kind, const char *lower)
{
    assert_true(map_set(map, u(path), kind, u(lower), NULL));
}

static void rename_(struct delta_map *map, const char *from, const char *to, bool cover)
{
    assert_true(map_rename(map, u(from), u(to), cover, MAP_DIR));
}

static void test_untouched_host_name(void **state)
{
    struct delta_map *map = *state;
    rename_(map, "C\\a\\old", "D\\b\\new", true);
    assert_where(map, "D\\b\\new", "DIR storage lower=C\\a\\old known=7");
    assert_where(map, "D\\b\\new\\x", "- lower=C\\a\\old\\x known=7");
    assert_where(map, "C\\a\\old", "OWN storage none known=7");
    assert_where(map, "C\\a\\old\\x", "- storage none known=7");
    assert_true(map_rename(map, u("C\\f"), u("C\\g"), true, MAP_META));
    assert_where(map, "C\\g", "META storage lower=C\\f known=3");
}

static void test_twice_keeps_the_first_lower(void **state)
{
    struct delta_map *map = *state;
    rename_(map, "C\\a", "C\\b", true);
    rename_(map, "C\\b", "C\\c", false);
    assert_where(map, "C\\a", "OWN storage none known=3");
    assert_where(map, "C\\b", "- lower=C\\b known=1");
    assert_where(map, "C\\c\\x", "- lower=C\\a\\x known=3");
    rename_(map, "C\\c\\x", "C\\y", true); /* a part of what was renamed */
    assert_where(map, "C\\y\\z", "- lower=C\\a\\x\\z known=3");
    assert_where(map, "C\\c\\x\\z", "- storage none known=5");
}

static void test_subtree_moves_along(void **state)
{
    struct delta_map *map = *state;
    struct map_origin origin = {7, 8, 9};
    set(map, "C\\a", MAP_DIR, "");
    set(map, "C\\a\\own", MAP_OWN, "");
    assert_true(map_set(map, u("C\\a\\p\\meta"), MAP_META, u(""), &origin));
    set(map, "C\\a\\far", MAP_DIR, "H\\far");
    rename_(map, "C\\a", "D\\z", true);
    assert_where(map, "D\\z\\own", "OWN storage none known=7");
    assert_where(map, "D\\z\\p\\meta", "META storage lower=C\\a\\p\\meta known=10 id=7");
    assert_where(map, "D\\z\\far\\x", "- lower=H\\far\\x known=7");
    assert_where(map, "C\\a\\own", "- storage none known=3");
    assert_where(map, "C\\a\\p\\meta", "- storage none known=3");
}

static void test_own_loses_and_gains_no_lower(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\o", MAP_OWN, "");
    rename_(map, "C\\o", "C\\p", false);
    assert_where(map, "C\\p\\x", "- storage none known=3");
    assert_where(map, "C\\o", "- lower=C\\o known=1");
    rename_(map, "C\\p\\x", "C\\q\\x", false); /* no node, below OWN */
    assert_where(map, "C\\q\\x", "OWN storage none known=5");
    assert_where(map, "C\\p\\x", "- storage none known=3");
    set(map, "C\\p\\e", MAP_DIR, ""); /* has no lower to keep */
    rename_(map, "C\\p\\e", "C\\q\\e", false);
    assert_where(map, "C\\q\\e", "OWN storage none known=5");
    set(map, "C\\p\\i\\n", MAP_META, "H\\n"); /* i is PLAIN, below OWN */
    rename_(map, "C\\p\\i", "C\\q\\i", false);
    assert_where(map, "C\\q\\i", "OWN storage none known=5");
    assert_where(map, "C\\q\\i\\n", "META storage lower=H\\n known=7");
}

static void test_within_own_needs_no_node(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\o", MAP_OWN, "");
    set(map, "C\\o\\b", MAP_META, "H\\b");
    rename_(map, "C\\o\\a", "C\\o\\b", true);
    assert_where(map, "C\\o\\b", "- storage none known=3");
    assert_where(map, "C\\o\\a", "- storage none known=3");
    rename_(map, "C\\o\\a", "C\\o\\c\\d", true);
    assert_where(map, "C\\o\\c\\d", "- storage none known=3");
}

static void test_replaces(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\to", MAP_OWN, "");
    set(map, "C\\to\\x", MAP_META, "H\\x");
    set(map, "C\\from", MAP_DIR, "");
    rename_(map, "C\\from", "C\\TO", true);
    assert_where(map, "C\\to\\x", "- lower=C\\from\\x known=4");
    map_remove(map, u("C"));
    assert_true(map_untouched(map));
}

static void test_plain_is_like_no_node(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\p\\o", MAP_OWN, "");
    rename_(map, "C\\p", "C\\q", true);
    assert_where(map, "C\\q", "DIR storage lower=C\\p known=3");
    assert_where(map, "C\\q\\o", "OWN storage none known=5");
    assert_where(map, "C\\p", "OWN storage none known=3");
}

static void test_link_is_like_no_node(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\l", MAP_LINK, "D\\target");
    rename_(map, "C\\l", "C\\m", true);
    assert_where(map, "C\\m", "DIR storage lower=C\\l known=3");
    assert_where(map, "C\\l", "OWN storage none known=3");
}

/* A short name's link below a directory leads to the directory's old name: better to find out anew. */
static void test_links_below_are_forgotten(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\d\\LONGNA~1", MAP_LINK, "C\\d\\long name");
    set(map, "C\\d\\s\\LONGNA~2", MAP_LINK, "C\\d\\s\\long name");
    set(map, "C\\LONGNA~3", MAP_LINK, "C\\long name");
    rename_(map, "C\\d", "C\\e", true);
    assert_where(map, "C\\e\\LONGNA~1", "- lower=C\\d\\LONGNA~1 known=3");
    assert_where(map, "C\\e\\s\\LONGNA~2", "- lower=C\\d\\s\\LONGNA~2 known=5");
    assert_where(map, "C\\LONGNA~3", "LINK link=C\\long name+ lower=C\\LONGNA~3 known=10");
}

static bool first_path(void *context, struct str path, enum map_kind kind, struct str lower,
                       const struct map_origin *origin)
{
    (void)kind, (void)lower, (void)origin;
    strcpy(context, a(path));
    return false;
}

static void test_case_only(void **state)
{
    struct delta_map *map = *state;
    char spelled[64];
    rename_(map, "C\\readme", "C\\README", true);
    assert_where(map, "C\\readme", "DIR storage lower=C\\readme known=8");
    map_walk(map, first_path, spelled);
    assert_string_equal(spelled, "C\\README");
    set(map, "C\\readme\\x", MAP_OWN, "");
    rename_(map, "C\\readme", "c\\ReadMe", true);
    map_walk(map, first_path, spelled);
    assert_string_equal(spelled, "C\\ReadMe");
    assert_where(map, "C\\readme\\x", "OWN storage none known=10");
    rename_(map, "C\\readme", "C\\other", false);
    assert_where(map, "C\\other", "DIR storage lower=C\\readme known=7");
}

static void test_refused(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\a\\b", MAP_DIR, "");
    uint32_t sequence = map_sequence(map);
    assert_false(map_rename(map, u("C\\a"), u("C\\A\\b\\c"), true, MAP_DIR));
    assert_false(map_rename(map, u("C\\a"), u("c\\a\\x"), true, MAP_DIR));
    assert_false(map_rename(map, u("C\\a\\b"), u("c\\A"), true, MAP_DIR));
    assert_false(map_rename(map, u(""), u("C\\x"), true, MAP_DIR));
    assert_false(map_rename(map, u("C\\a"), u(""), true, MAP_DIR));
    assert_false(map_rename(map, u("C\\a"), u("C\\b"), true, MAP_NONE));
    assert_int_equal(map_sequence(map), sequence);
    assert_true(map_rename(map, u("C\\a"), u("C\\ab"), true, MAP_DIR)); /* not below */
}

static void test_hidden_stays(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\h", MAP_HIDDEN, "");
    rename_(map, "C\\h", "C\\x", true);
    rename_(map, "C\\h\\y", "C\\x", true);
    rename_(map, "C\\y", "C\\h", true);
    assert_where(map, "C\\h", "HIDDEN hidden lower=C\\h known=3");
    assert_where(map, "C\\x", "- lower=C\\x known=1");
    assert_where(map, "C\\y", "- lower=C\\y known=1");
}

static void test_hidden_moves_with_its_directory(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\app\\fvm", MAP_HIDDEN, "");
    rename_(map, "C\\app", "C\\other", true);
    assert_where(map, "C\\other\\fvm\\x", "- hidden lower=C\\app\\fvm\\x known=11");
}

static void test_reverse_follows(void **state)
{
    struct delta_map *map = *state;
    char16 memory[64];
    struct strbuf out;
    buf_init(&out, memory, 64);
    rename_(map, "C\\a", "D\\b", true);
    set(map, "E\\dir", MAP_DIR, "");
    rename_(map, "D\\b", "E\\dir\\c", false);
    rename_(map, "E\\dir", "F\\g", true);
    assert_true(map_reverse(map, u("C\\a\\x"), &out));
    assert_str(buf_str(&out), "F\\g\\c\\x");
    assert_true(map_reverse(map, u("E\\dir\\y"), &out));
    assert_str(buf_str(&out), "F\\g\\y");
    map_remove(map, u("F\\g"));
    assert_false(map_reverse(map, u("C\\a\\x"), &out));
}

/* O(1): a directory with thousands of nodes below it moves as fast as an empty one; here, that it moves at all. */
static void test_large_subtree(void **state)
{
    struct delta_map *map = *state;
    char name[] = "C\\d\\0000";
    for (int i = 0; i < 2000; i++) {
        for (int k = 7, n = i; k > 3; k--, n /= 10)
            name[k] = (char)('0' + n % 10);
        set(map, name, MAP_OWN, "");
    }
    for (int i = 0; i < 1000; i++)
        rename_(map, i % 2 ? "E\\e" : "C\\d", i % 2 ? "C\\d" : "E\\e", true);
    assert_where(map, "C\\d\\1234", "OWN storage none known=8");
    assert_where(map, "C\\d\\x", "- lower=C\\d\\x known=3");
    assert_where(map, "E\\e\\1234", "- storage none known=3");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_untouched_host_name),
        TEST(test_twice_keeps_the_first_lower),
        TEST(test_subtree_moves_along),
        TEST(test_own_loses_and_gains_no_lower),
        TEST(test_within_own_needs_no_node),
        TEST(test_replaces),
        TEST(test_plain_is_like_no_node),
        TEST(test_link_is_like_no_node),
        TEST(test_links_below_are_forgotten),
        TEST(test_case_only),
        TEST(test_refused),
        TEST(test_hidden_stays),
        TEST(test_hidden_moves_with_its_directory),
        TEST(test_reverse_follows),
        TEST(test_large_subtree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
