/* The input is a list of operations on a map, among them writing anything anywhere in its memory but to the words that
 * map_check vouches for. Nothing may crash or run for long, and what is returned must lie in the map. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "delta/map_inside.h"
#include "fuzz.h"

#define PATH_UNITS 24

struct input {
    const uint8_t *at;
    size_t left;
};

static uint32_t take(struct input *in, size_t bytes)
{
    uint32_t value = 0;
    for (; bytes && in->left; bytes--, in->at++, in->left--)
        value = value << 8 | *in->at;
    return value;
}

/* Any units, but most often few different letters and many separators, so that names meet. */
static struct str take_path(struct input *in, char16 *memory)
{
    size_t len = take(in, 1) % (PATH_UNITS + 1);
    for (size_t i = 0; i < len; i++) {
        uint32_t c = take(in, 1);
        memory[i] = (char16)(c < 0xF0 ? u"abA\\"[c % 4] : c << 8 | take(in, 1));
    }
    return (struct str){memory, len};
}

static void scribble(struct delta_map *map, struct input *in)
{
    uint32_t at = take(in, 2), value = take(in, 4), first = offsetof(struct delta_map, sequence) / 4;
    uint32_t arena = offsetof(struct delta_map, buckets) / 4 + 8192 + 2048;
    if (at < 0x100)
        at = first + at % (uint32_t)(offsetof(struct delta_map, upcase) / 4 - first);
    else if (at < 0x8000)
        at = arena + at % 512; /* where the first nodes are */
    else
        at = first + (at << 3) % (MAP_MIN_SIZE / 4 - first);
    if (value & 1)
        value = (arena + (value >> 8) % 512) * 4 & ~7u; /* likely a node */
    ((uint32_t *)map)[at] = value;
}

static void check_str(const struct delta_map *map, struct str s)
{
    uintptr_t from = (uintptr_t)s.s, start = (uintptr_t)map;
    CHECK(!s.len || (from >= start && from < start + MAP_MIN_SIZE && s.len <= (start + MAP_MIN_SIZE - from) / 2));
}

static void look(const struct delta_map *map, struct str path)
{
    static char16 memory[1024];
    struct map_place place;
    struct strbuf out;
    buf_init(&out, memory, 1024);
    bool found = map_resolve(map, path, &place);
    if (found) {
        CHECK(place.known <= path.len && place.lower_rest <= path.len && place.link_rest <= path.len);
        CHECK(place.kind < MAP_KINDS);
        check_str(map, place.lower_base);
        check_str(map, place.link_target);
        map_lower(&place, path, &out);
        map_child(map, place.node, path_leaf(path));
        map_has_changed_child(map, place.node);
    }
    if (map_reverse(map, path, &out))
        CHECK(out.len <= 1024);
}

static bool visit(void *context, struct str path, enum map_kind kind, struct str lower, const struct map_origin *origin)
{
    (void)origin;
    CHECK(kind < MAP_KINDS && !path.s[path.len]);
    check_str(context, lower);
    return true;
}

static void operate(struct delta_map *map, struct input *in)
{
    char16 first[PATH_UNITS], second[PATH_UNITS];
    uint32_t operation = take(in, 1);
    struct map_origin origin = {operation, 1, 2};
    struct str path = take_path(in, first);
    switch (operation % 8) {
    case 0:
    case 1:
        map_set(map, path, (enum map_kind)(operation / 8 % 8), take_path(in, second), &origin);
        break;
    case 2:
        map_rename(map, path, take_path(in, second), operation & 8, operation & 16 ? MAP_DIR : MAP_META);
        break;
    case 3:
        map_remove(map, path);
        break;
    case 4:
        scribble(map, in);
        break;
    case 5:
        map_walk(map, visit, map);
        break;
    case 6:
        map_child(map, take(in, 4), path);
        map_has_changed_child(map, take(in, 4));
        break;
    default:
        look(map, path);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct delta_map *map = fuzz_map();
    struct input in = {data, size};
    for (int i = 0; in.left && i < 64; i++) {
        operate(map, &in);
        CHECK(map_check(map, MAP_MIN_SIZE));
    }
    look(map, STR(u"a\\b\\a"));
    look(map, STR(u"b"));
    return 0;
}
