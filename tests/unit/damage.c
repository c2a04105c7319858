/* Writers that died and memory that somebody scribbled on. */
#include "support.h"

#include "delta/map_inside.h"

#define EMPTY ((struct str){NULL, 0})

static const char *const names[] = {"C", "C\\a", "C\\a\\b", "C\\a\\b\\c", "D\\x\\y", "D\\z", "H\\l\\q", "E"};
#define NAMES (sizeof(names) / sizeof(*names))

static void populate(struct delta_map *map)
{
    map_begin_rebuild(map);
    for (size_t i = 0; i < NAMES; i++)
        assert_true(map_set(map, u(names[i]), i % 2 ? MAP_META : MAP_DIR, u(i % 3 == 1 ? "H\\long" : ""), NULL));
    assert_true(map_rename(map, u("C\\a\\b"), u("F\\g"), true, MAP_DIR));
    assert_true(map_set(map, u("F\\g\\link"), MAP_LINK, u("C\\a"), NULL));
    map_remove(map, u("D\\x"));
    map_end_rebuild(map);
}

static int setup(void **state)
{
    *state = map_new(MAP_MIN_SIZE);
    populate(*state);
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void test_dead_writer(void **state)
{
    struct delta_map *map = *state;
    struct map_place place;
    map->sequence++; /* as a writer leaves it that died half way */
    map->changed |= MAP_BUSY;
    assert_false(map_resolve(map, u("C\\a"), &place));
    assert_false(map_set(map, u("C\\n"), MAP_OWN, EMPTY, NULL));
    assert_false(map_rename(map, u("C\\n"), u("C\\m"), true, MAP_DIR));
    map_remove(map, u("C\\a"));
    assert_int_equal(map_sequence(map) & 1, 1);
    populate(map);
    assert_int_equal(map_sequence(map) & 1, 0);
    assert_where(map, "C\\n", "- lower=C\\n known=1");
    map_begin_rebuild(map); /* dies, too */
    populate(map);
    assert_where(map, "F\\g", "DIR storage lower=H\\long\\b known=3");
}

/* The sequence that a reader has seen must never come back with other contents. */
static void test_rebuild_moves_the_sequence(void **state)
{
    struct delta_map *map = *state;
    uint32_t before = map_sequence(map);
    map->sequence++;
    populate(map);
    assert_int_not_equal(map_sequence(map), before);
}

static void test_touch_moves_the_sequence_alone(void **state)
{
    struct delta_map *map = *state;
    uint32_t before = map_sequence(map);
    map_touch(map);
    assert_int_not_equal(map_sequence(map), before);
    assert_int_equal(map_sequence(map) & 1, 0);
    assert_where(map, "F\\g", "DIR storage lower=H\\long\\b known=3");
}

static struct map_node *node_of(struct delta_map *map, const char *path)
{
    struct map_place place;
    assert_true(map_resolve(map, u(path), &place));
    assert_int_equal(place.known, strlen(path));
    return (struct map_node *)((char *)map + place.node);
}

static void test_loops(void **state)
{
    struct delta_map *map = *state;
    struct map_place place;
    struct map_node *node = node_of(map, "C\\a");
    word *bucket = NULL;
    uint32_t offset = (uint32_t)((char *)node - (char *)map);
    for (word *b = map->buckets; (char *)b < (char *)map + MAP_MIN_SIZE; b++)
        if (*b == offset && !bucket)
            bucket = b;
    assert_non_null(bucket);
    node->next = offset;
    node->hash ^= 1; /* so that the chain is followed */
    assert_false(map_resolve(map, u("C\\a"), &place));
    assert_int_equal(map_child(map, node->parent, u("a")), MAP_HIDDEN);
    map_remove(map, u("C"));
    assert_int_equal(map_sequence(map) & 1, 1); /* the writer found it, and calls for a rebuild */
    populate(map);
    assert_where(map, "C\\a", "META storage lower=H\\long known=3");
}

static void test_bad_offsets(void **state)
{
    static const uint32_t bad[] = {8,          4097,        MAP_MIN_SIZE,      MAP_MIN_SIZE - 8, MAP_MIN_SIZE + 8,
                                   0xFFFFFFF8, 0xFFFFFFFFu, MAP_MIN_SIZE - 79, 0x80000000};
    struct delta_map *map = *state;
    struct map_place place;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        node_of(map, "C\\a")->lower = bad[i];
        assert_false(map_resolve(map, u("C\\a"), &place));
        populate(map);
        node_of(map, "C\\a")->lower_len = bad[i] | 0x01000000;
        assert_false(map_resolve(map, u("C\\a"), &place));
        populate(map);
        node_of(map, "C\\a")->kind = bad[i];
        assert_false(map_resolve(map, u("C\\a"), &place));
        populate(map);
        node_of(map, "C\\a")->name = bad[i]; /* may be in the map, then it is another name */
        assert_true(!map_resolve(map, u("C\\a"), &place) || place.known == 1);
        populate(map);
        map_child(map, bad[i], u("a"));
        assert_true(map_has_changed_child(map, bad[i]));
    }
}

static void assert_in_map(const struct delta_map *map, struct str s)
{
    if (!s.len)
        return;
    assert_in_range((uintptr_t)s.s, (uintptr_t)map, (uintptr_t)map + MAP_MIN_SIZE - 1);
    assert_true(s.len <= ((uintptr_t)map + MAP_MIN_SIZE - (uintptr_t)s.s) / 2);
}

static bool visit(void *context, struct str path, enum map_kind kind, struct str lower, const struct map_origin *origin)
{
    (void)kind, (void)origin;
    assert_int_equal(path.s[path.len], 0);
    assert_in_map(context, lower);
    return true;
}

static void use_all(struct delta_map *map, struct dice *d)
{
    static char16 memory[40000];
    struct map_place place;
    struct strbuf out;
    buf_init(&out, memory, 40000);
    for (size_t i = 0; i < NAMES; i++) {
        struct str path = u(names[i]);
        bool found = map_resolve(map, path, &place);
        assert_in_map(map, place.lower_base);
        assert_in_map(map, place.link_target);
        assert_true(place.known <= path.len && place.lower_rest <= path.len && place.link_rest <= path.len);
        if (found)
            map_lower(&place, path, &out);
        map_child(map, place.node, u("a"));
        map_has_changed_child(map, place.node);
        map_reverse(map, path, &out);
    }
    map_walk(map, visit, map);
    map_rename(map, u(names[roll(d, NAMES)]), u(names[roll(d, NAMES)]), roll(d, 2), MAP_META);
    map_set(map, u(names[roll(d, NAMES)]), MAP_OWN, EMPTY, NULL);
    map_set(map, u(names[roll(d, NAMES)]), MAP_DIR, u("A\\b\\c"), NULL);
    map_remove(map, u(names[roll(d, NAMES)]));
}

/* Anything may stand anywhere but in the words that map_check vouches for. */
static void test_scribble(void **state)
{
    struct delta_map *map = *state;
    struct dice d = {1};
    for (int round = 0; round < 3000; round++) {
        uint32_t used = map->arena_top / 4, *words = (uint32_t *)map;
        uint32_t upcase = offsetof(struct delta_map, upcase) / 4, buckets = offsetof(struct delta_map, buckets) / 4;
        for (uint32_t i = 1 + roll(&d, 8); i > 0; i--) {
            uint32_t at = roll(&d, 4) ? used - 1 - roll(&d, 400) : roll(&d, 2) ? 4 + roll(&d, upcase - 4) : 0;
            if (!at)
                at = buckets + roll(&d, used - buckets);
            switch (roll(&d, 4)) {
            case 0:
                words[at] = words[used - 1 - roll(&d, 400)];
                break;
            case 1:
                words[at] = (used - 1 - roll(&d, 400)) * 4 & ~7u;
                break;
            case 2:
                words[at] ^= 1u << roll(&d, 32);
                break;
            default:
                words[at] = roll(&d, UINT32_MAX);
            }
        }
        map->rebuilding = roll(&d, 2);
        use_all(map, &d);
        populate(map);
        assert_where(map, "F\\g\\c", "META storage lower=H\\long\\b\\c known=5");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_dead_writer),
        TEST(test_rebuild_moves_the_sequence),
        TEST(test_touch_moves_the_sequence_alone),
        TEST(test_loops),
        TEST(test_bad_offsets),
        TEST(test_scribble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
