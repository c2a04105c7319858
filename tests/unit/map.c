#include "support.h"

#define EMPTY ((struct str){NULL, 0})

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

static void test_format(void **state)
{
    struct delta_map *map = *state;
    assert_true(map_check(map, MAP_MIN_SIZE));
    assert_false(map_check(map, MAP_MIN_SIZE + 8));
    assert_false(map_format(map, MAP_MIN_SIZE - 8, test_upcase()));
    assert_memory_equal(map_upcase(map), test_upcase(), sizeof(struct upcase));
    assert_true(map_untouched(map));
    assert_int_equal(map_sequence(map) & 1, 0);
    *(unsigned char *)map ^= 1;
    assert_false(map_check(map, MAP_MIN_SIZE));
}

static void test_empty(void **state)
{
    struct delta_map *map = *state;
    assert_where(map, "C\\a\\b", "- lower=C\\a\\b known=0");
    assert_where(map, "", "- lower= known=0");
    assert_false(map_has_changed_child(map, 0));
    assert_int_equal(map_child(map, 0, u("C")), MAP_NONE);
}

static void test_own(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\a\\b", MAP_OWN, "ignored");
    assert_false(map_untouched(map));
    assert_where(map, "C\\a\\b", "OWN storage none known=5");
    assert_where(map, "c\\A\\B", "OWN storage none known=5");
    assert_where(map, "C\\a\\b\\c\\d", "- storage none known=5");
    assert_where(map, "C\\a", "PLAIN lower=C\\a known=3");
    assert_where(map, "C\\a\\bb", "- lower=C\\a\\bb known=3");
    assert_where(map, "D\\a\\b", "- lower=D\\a\\b known=0");
}

static void test_directory(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\a", MAP_DIR, "");
    assert_where(map, "C\\a", "DIR storage lower=C\\a known=3");
    assert_where(map, "C\\a\\x", "- lower=C\\a\\x known=3");
    set(map, "C\\n", MAP_DIR, "D\\old");
    assert_where(map, "C\\n", "DIR storage lower=D\\old known=3");
    assert_where(map, "C\\n\\x\\y", "- lower=D\\old\\x\\y known=3");
    set(map, "C\\n\\p", MAP_PLAIN, "");
    assert_where(map, "C\\n\\p\\q", "- lower=D\\old\\p\\q known=5");
    set(map, "C\\n\\f", MAP_META, "");
    assert_where(map, "C\\n\\f", "META storage lower=D\\old\\f known=5");
    set(map, "C\\n", MAP_DIR, "");
    assert_where(map, "C\\n\\f", "META storage lower=C\\n\\f known=5");
}

static void test_below_own(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\o", MAP_OWN, "");
    set(map, "C\\o\\p\\d", MAP_DIR, "H\\d");
    assert_where(map, "C\\o\\p", "PLAIN storage none known=5");
    assert_where(map, "C\\o\\p\\z", "- storage none known=5");
    assert_where(map, "C\\o\\p\\d", "DIR storage lower=H\\d known=7");
    assert_where(map, "C\\o\\p\\d\\x", "- lower=H\\d\\x known=7");
    set(map, "C\\o\\e", MAP_DIR, ""); /* no lower to inherit */
    assert_where(map, "C\\o\\e\\x", "- storage none known=5");
    set(map, "C\\o\\p\\d\\gone", MAP_OWN, "");
    assert_where(map, "C\\o\\p\\d\\gone\\x", "- storage none known=12");
}

static void test_link(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\PROGRA~1", MAP_LINK, "C\\Program Files");
    assert_true(map_untouched(map));
    assert_where(map, "C\\progra~1\\a\\b", "- link=C\\Program Files+a\\b lower=C\\progra~1\\a\\b known=10");
    assert_where(map, "C\\PROGRA~1", "LINK link=C\\Program Files+ lower=C\\PROGRA~1 known=10");
}

static void test_hidden(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\home\\fvm", MAP_HIDDEN, "");
    assert_true(map_untouched(map));
    assert_where(map, "C\\home\\fvm", "HIDDEN hidden lower=C\\home\\fvm known=10");
    assert_where(map, "C\\home\\FVM\\vms\\x", "- hidden lower=C\\home\\FVM\\vms\\x known=10");
    assert_where(map, "C\\home\\fvm2", "- lower=C\\home\\fvm2 known=6");
}

static void test_caches_give_way(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\d", MAP_DIR, "");
    set(map, "C\\d", MAP_PLAIN, "");
    assert_where(map, "C\\d", "DIR storage lower=C\\d known=3");
    set(map, "C\\d", MAP_LINK, "C\\e");
    assert_where(map, "C\\d", "DIR storage lower=C\\d known=3");
    set(map, "C\\p\\o", MAP_OWN, "");
    set(map, "C\\p", MAP_LINK, "C\\e");
    assert_where(map, "C\\p\\o", "OWN storage none known=5");
    set(map, "C\\q", MAP_LINK, "C\\e");
    set(map, "C\\q", MAP_PLAIN, "");
    assert_where(map, "C\\q", "PLAIN lower=C\\q known=3");
}

static void test_own_drops_children(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\a\\b\\c", MAP_OWN, "");
    set(map, "C\\a\\b\\d", MAP_META, "H\\x");
    set(map, "C\\a", MAP_DIR, "");
    assert_where(map, "C\\a\\b\\c", "OWN storage none known=7");
    set(map, "C\\a", MAP_OWN, "");
    assert_where(map, "C\\a\\b\\c", "- storage none known=3");
    set(map, "C\\a", MAP_DIR, "");
    assert_where(map, "C\\a\\b\\d", "- lower=C\\a\\b\\d known=3");
}

static void test_remove(void **state)
{
    struct delta_map *map = *state;
    set(map, "C\\a\\b", MAP_OWN, "");
    set(map, "C\\a\\c\\d", MAP_META, "");
    map_remove(map, u("C\\a\\x"));
    map_remove(map, u("c\\A\\B"));
    assert_where(map, "C\\a\\b", "- lower=C\\a\\b known=3");
    assert_false(map_untouched(map));
    map_remove(map, u("C\\a"));
    assert_where(map, "C\\a\\c\\d", "- lower=C\\a\\c\\d known=1");
    assert_true(map_untouched(map));
}

static void test_origin(void **state)
{
    struct delta_map *map = *state;
    struct map_place place;
    struct map_origin origin = {0x1122334455667788, UINT64_MAX, 1};
    assert_true(map_set(map, u("C\\a"), MAP_OWN, EMPTY, &origin));
    assert_true(map_resolve(map, u("C\\a"), &place));
    assert_memory_equal(&place.origin, &origin, sizeof(origin));
    assert_true(map_resolve(map, u("C\\a\\b"), &place));
    assert_int_equal(place.origin.file_id, 0);
    set(map, "C\\a", MAP_OWN, "");
    assert_true(map_resolve(map, u("C\\a"), &place));
    assert_int_equal(place.origin.file_id, 0);
}

static void test_children(void **state)
{
    struct delta_map *map = *state;
    struct map_place place;
    set(map, "C\\a\\p", MAP_PLAIN, "");
    set(map, "C\\a\\l", MAP_LINK, "C\\x");
    assert_true(map_resolve(map, u("C\\a"), &place));
    assert_false(map_has_changed_child(map, place.node));
    assert_int_equal(map_child(map, place.node, u("P")), MAP_PLAIN);
    assert_int_equal(map_child(map, place.node, u("L")), MAP_LINK);
    assert_int_equal(map_child(map, place.node, u("Q")), MAP_NONE);
    static const enum map_kind changed[] = {MAP_OWN, MAP_DIR, MAP_META, MAP_HIDDEN};
    for (int i = 0; i < 4; i++) {
        set(map, "C\\a\\q", changed[i], "");
        assert_true(map_has_changed_child(map, place.node));
        assert_int_equal(map_child(map, place.node, u("Q")), changed[i]);
        map_remove(map, u("C\\a\\q"));
        assert_false(map_has_changed_child(map, place.node));
    }
    set(map, "C\\a\\p\\deep", MAP_OWN, "");
    assert_false(map_has_changed_child(map, place.node)); /* direct children only */
}

static void test_beside(void **state)
{
    struct delta_map *map = *state;
    assert_false(map_beside(map, u("C\\a\\b"), u("node")));
    set(map, "C\\a\\Node\\deep", MAP_OWN, "");
    assert_true(map_beside(map, u("c\\A"), u("nODE")));
    assert_true(map_beside(map, u("C\\a\\b\\c"), u("node")));
    assert_true(map_beside(map, u("C\\a\\node"), u("node")));
    assert_true(map_beside(map, u("C\\a\\node"), u("deep")));
    assert_false(map_beside(map, u("C\\a"), u("deep")));
    assert_false(map_beside(map, u("C"), u("node")));
    assert_false(map_beside(map, u("D\\a\\b"), u("node")));
    assert_true(map_beside(map, EMPTY, u("c")));
    map_remove(map, u("C\\a\\Node"));
    assert_false(map_beside(map, u("C\\a\\b"), u("node")));
}

static void test_reverse(void **state)
{
    struct delta_map *map = *state;
    char16 memory[64];
    struct strbuf out;
    buf_init(&out, memory, 64);
    assert_false(map_reverse(map, u("C\\old\\x"), &out));
    set(map, "D\\new", MAP_DIR, "C\\old");
    set(map, "D\\other\\deep", MAP_DIR, "C\\old\\sub");
    set(map, "D\\link", MAP_LINK, "C\\links");
    assert_true(map_reverse(map, u("c\\OLD\\x\\y"), &out));
    assert_str(buf_str(&out), "D\\new\\x\\y");
    assert_true(map_reverse(map, u("C\\old"), &out));
    assert_str(buf_str(&out), "D\\new");
    assert_true(map_reverse(map, u("C\\old\\Sub\\x"), &out));
    assert_str(buf_str(&out), "D\\other\\deep\\x");
    assert_false(map_reverse(map, u("C\\older"), &out));
    assert_false(map_reverse(map, u("C"), &out));
    assert_false(map_reverse(map, u("C\\links\\x"), &out));
    set(map, "D\\new", MAP_OWN, "");
    assert_false(map_reverse(map, u("C\\old\\x"), &out));
    buf_init(&out, memory, 4);
    assert_true(map_reverse(map, u("C\\old\\sub"), &out));
    assert_true(out.overflow);
}

static bool collect(void *context, struct str path, enum map_kind kind, struct str lower,
                    const struct map_origin *origin)
{
    char *text = context;
    assert_int_equal(path.s[path.len], 0);
    strcat(strcat(strcat(strcat(text, kind_name(kind)), " "), a(path)), lower.len ? "<" : "");
    strcat(strcat(text, a(lower)), origin->size ? "!;" : ";");
    return !strstr(text, "stop");
}

static void test_walk(void **state)
{
    struct delta_map *map = *state;
    struct map_origin origin = {0, 5, 0};
    char text[512] = "";
    map_walk(map, collect, text);
    assert_string_equal(text, "");
    set(map, "C\\a\\b", MAP_OWN, "");
    set(map, "C\\a\\b\\c", MAP_META, "H\\c");
    assert_true(map_set(map, u("C\\a\\b\\c\\D"), MAP_DIR, EMPTY, &origin));
    set(map, "E\\hidden", MAP_HIDDEN, "");
    set(map, "E\\l", MAP_LINK, "C");
    map_walk(map, collect, text);
    assert_string_equal(text, "OWN C\\a\\b;META C\\a\\b\\c<H\\c;DIR C\\a\\b\\c\\D!;");
    set(map, "Z\\stop", MAP_OWN, "");
    set(map, "Z\\stop\\x", MAP_OWN, "");
    text[0] = 0;
    map_walk(map, collect, text);
    assert_non_null(strstr(text, "OWN Z\\stop;"));
    assert_null(strstr(text, "stop\\x"));
}

/* What a walk reports for a name is what the VM called it last. */
static void test_spelling(void **state)
{
    struct delta_map *map = *state;
    char text[512] = "";
    set(map, "C\\readme", MAP_PLAIN, "");
    set(map, "C\\README", MAP_OWN, "");
    set(map, "C\\readME", MAP_PLAIN, "");
    map_walk(map, collect, text);
    assert_string_equal(text, "OWN C\\README;");
}

static void test_bad_arguments(void **state)
{
    struct delta_map *map = *state;
    uint32_t sequence = map_sequence(map);
    assert_false(map_set(map, EMPTY, MAP_OWN, EMPTY, NULL));
    assert_false(map_set(map, u("C"), MAP_NONE, EMPTY, NULL));
    assert_false(map_set(map, u("C"), MAP_KINDS, EMPTY, NULL));
    map_remove(map, EMPTY);
    assert_int_equal(map_sequence(map), sequence);
    set(map, "C", MAP_OWN, "");
    assert_int_equal(map_sequence(map), sequence + 2);
}

static unsigned fill(struct delta_map *map, enum map_kind kind)
{
    char name[16] = "C\\f00000";
    unsigned made = 0;
    for (;; made++) {
        for (unsigned i = 7, n = made; i > 2; i--, n /= 10)
            name[i] = (char)('0' + n % 10);
        if (!map_set(map, u(name), kind, EMPTY, NULL))
            return made;
    }
}

static void test_full(void **state)
{
    struct delta_map *map = *state;
    unsigned plain = fill(map, MAP_PLAIN);
    assert_in_range(plain, 4000, 20000);
    assert_true(map_untouched(map));
    map_begin_rebuild(map);
    map_end_rebuild(map);
    unsigned own = fill(map, MAP_OWN);
    assert_in_range(own, plain * 5 / 4, plain * 3 / 2);
    /* A refusal changes nothing, not even what it would have had room for. */
    uint32_t sequence = map_sequence(map);
    assert_false(map_set(map, u("D\\a\\b\\c"), MAP_OWN, EMPTY, NULL));
    assert_false(map_rename(map, u("C\\f00000"), u("D\\a\\b\\c"), true, MAP_DIR));
    assert_int_equal(map_sequence(map), sequence);
    assert_where(map, "D\\a", "- lower=D\\a known=0");
    assert_where(map, "C\\f00000", "OWN storage none known=8");
    /* Nodes and names that are given back can be used again. */
    map_remove(map, u("C"));
    assert_true(map_untouched(map));
}

static void test_redirects(void **state)
{
    struct delta_map *map = *state;
    assert_false(map_has_redirects(map));
    assert_true(map_set(map, u("C\\own"), MAP_OWN, EMPTY, NULL));
    assert_false(map_has_redirects(map));
    assert_true(map_rename(map, u("C\\here"), u("C\\there"), true, MAP_DIR));
    assert_true(map_has_redirects(map));
    map_remove(map, u("C\\there"));
    assert_false(map_has_redirects(map));
    map_begin_rebuild(map);
    assert_true(map_has_redirects(map));
    map_end_rebuild(map);
    assert_false(map_has_redirects(map));
}

/* A program that writes to a temporary name and renames it must not use the map up. */
static void test_no_leak_of_nodes(void **state)
{
    struct delta_map *map = *state;
    for (int i = 0; i < 200000; i++) {
        assert_true(map_set(map, u("C\\dir\\some temporary name"), MAP_OWN, EMPTY, NULL));
        assert_true(map_rename(map, u("C\\dir\\some temporary name"), u("C\\dir\\x"), false, MAP_META));
        if (i % 2)
            map_remove(map, u("C\\dir"));
    }
}

/* Lowers that were replaced come back in a rebuild, so a long history fits into a small map. */
static void test_rebuild_reuses_lowers(void **state)
{
    struct delta_map *map = *state;
    map_begin_rebuild(map);
    for (int i = 0; i < 100000; i++) {
        set(map, "C\\file", MAP_META, i % 2 ? "D\\some\\quite\\long\\path\\of\\the\\host" : "E\\another\\path");
        map_remove(map, u("C\\file"));
    }
    map_end_rebuild(map);
    int i = 0;
    while (map_set(map, u("C\\file"), MAP_META, u(i % 2 ? "D\\a\\long\\path\\of\\the\\host" : "E\\another"), NULL))
        assert_true(++i < 100000);
    map_begin_rebuild(map);
    set(map, "C\\file", MAP_META, "D\\again");
    map_end_rebuild(map);
    assert_where(map, "C\\file", "META storage lower=D\\again known=6");
}

static void test_rebuild(void **state)
{
    struct delta_map *map = *state;
    struct map_place place, before;
    set(map, "C\\a", MAP_META, "H\\a");
    assert_true(map_resolve(map, u("C\\a"), &before));
    assert_true(map_current(map, &before));
    map_begin_rebuild(map);
    assert_false(map_current(map, &before));
    assert_false(map_untouched(map)); /* or a reader would go to the host in between */
    assert_false(map_resolve(map, u("C\\a"), &place));
    assert_int_equal(map_child(map, 0, u("C")), MAP_HIDDEN);
    assert_true(map_has_changed_child(map, 0));
    map_end_rebuild(map);
    assert_true(map_untouched(map));
    assert_where(map, "C\\a", "- lower=C\\a known=0");
}

static void test_filter_of_origins(void **state)
{
    struct delta_map *map = *state;
    struct map_origin file = {.file_id = 4711, .size = 1, .write_time = 132445736000000000},
                      directory = {.file_id = 17};
    set(map, "C\\new", MAP_OWN, "");
    assert_int_equal(map_origins(map), 0);
    uint32_t version = map_origins_version(map);
    assert_true(map_set(map, u("C\\a"), MAP_DIR, EMPTY, &directory));
    assert_int_equal(map_origins_version(map), version + 1);
    assert_int_equal(map_origins(map), MAP_ORIGIN_DIRECTORIES);
    assert_true(map_maybe_origin(map, directory.file_id));
    assert_false(map_maybe_origin(map, file.file_id));
    assert_true(map_set(map, u("C\\a\\b"), MAP_META, EMPTY, &file));
    assert_int_equal(map_origins(map), MAP_ORIGIN_FILES | MAP_ORIGIN_DIRECTORIES);
    assert_true(map_maybe_origin(map, file.file_id));
    assert_true(map_maybe_origin(map, file.write_time));
    assert_false(map_maybe_origin(map, file.size));
    assert_true(map_maybe_same(map, file.write_time, file.size));
    assert_false(map_maybe_same(map, file.write_time, file.size + 1));
    unsigned hits = 0;
    for (uint64_t id = 100000; id < 200000; id++)
        hits += map_maybe_origin(map, id);
    assert_in_range(hits, 0, 100); /* 6 bits of 65,536 are set */
    map_begin_rebuild(map);
    assert_true(map_origins(map) & MAP_ORIGIN_FILES); /* or a reader would take the host's file in between */
    assert_true(map_maybe_origin(map, 100));
    map_end_rebuild(map);
    assert_int_equal(map_origins(map), 0);
    assert_false(map_maybe_origin(map, file.file_id));
    assert_int_equal(map_origins_version(map), version + 2); /* one that comes again would be taken for what it was */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_format),
        TEST(test_empty),
        TEST(test_own),
        TEST(test_directory),
        TEST(test_below_own),
        TEST(test_link),
        TEST(test_hidden),
        TEST(test_caches_give_way),
        TEST(test_own_drops_children),
        TEST(test_remove),
        TEST(test_origin),
        TEST(test_children),
        TEST(test_beside),
        TEST(test_reverse),
        TEST(test_walk),
        TEST(test_spelling),
        TEST(test_bad_arguments),
        TEST(test_full),
        TEST(test_redirects),
        TEST(test_no_leak_of_nodes),
        TEST(test_rebuild_reuses_lowers),
        TEST(test_rebuild),
        TEST(test_filter_of_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
