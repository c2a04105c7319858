#include "support.h"

#include <assert.h>
#include <stdio.h>

#define RING 64

struct str u(const char *ascii)
{
    static _Thread_local char16 ring[RING][NAME_UNITS];
    static _Thread_local unsigned turn;
    char16 *to = ring[turn++ % RING];
    size_t len = strlen(ascii);
    assert(len < NAME_UNITS);
    for (size_t i = 0; i < len; i++)
        to[i] = (unsigned char)ascii[i];
    to[len] = 0;
    return (struct str){to, len};
}

const char *a(struct str s)
{
    static _Thread_local char ring[RING][NAME_UNITS];
    static _Thread_local unsigned turn;
    char *to = ring[turn++ % RING];
    assert(s.len < NAME_UNITS);
    for (size_t i = 0; i < s.len; i++)
        to[i] = s.s[i] < 128 ? (char)s.s[i] : '?';
    to[s.len] = 0;
    return to;
}

upcase_table test_upcase(void)
{
    static struct upcase table;
    char16 latin[UPCASE_PAGE];
    for (unsigned i = 0; i < UPCASE_PAGE; i++)
        latin[i] = (char16)((i >= 'a' && i <= 'z') || (i >= 0xE0 && i <= 0xFE && i != 0xF7) ? i - 32 : i);
    if (!table.pages)
        assert_true(upcase_add(&table, 0, latin));
    return &table;
}

struct delta_map *map_new(size_t size)
{
    struct delta_map *map = calloc(1, size);
    assert_non_null(map);
    assert_true(map_format(map, size, test_upcase()));
    return map;
}

const char *kind_name(enum map_kind kind)
{
    static const char *const names[MAP_KINDS] = {"-", "PLAIN", "LINK", "OWN", "DIR", "META", "HIDDEN"};
    return kind < MAP_KINDS ? names[kind] : "?";
}

const char *where(const struct delta_map *map, const char *ascii)
{
    static char line[4 * NAME_UNITS];
    char16 memory[NAME_UNITS];
    struct strbuf lower;
    struct map_place place;
    struct str path = u(ascii);
    assert_true(map_resolve(map, path, &place));
    buf_init(&lower, memory, NAME_UNITS);
    map_lower(&place, path, &lower);
    assert_false(lower.overflow);
    assert_true(map_current(map, &place));
    int at = snprintf(line, sizeof(line), "%s", kind_name(place.kind));
    if (place.hidden)
        at += snprintf(line + at, sizeof(line) - (size_t)at, " hidden");
    if (place.link)
        at += snprintf(line + at, sizeof(line) - (size_t)at, " link=%s+%s", a(place.link_target),
                       a(str_from(path, place.link_rest)));
    if (place.in_storage)
        at += snprintf(line + at, sizeof(line) - (size_t)at, " storage");
    if (place.has_lower)
        at += snprintf(line + at, sizeof(line) - (size_t)at, " lower=%s", a(buf_str(&lower)));
    else
        at += snprintf(line + at, sizeof(line) - (size_t)at, " none");
    at += snprintf(line + at, sizeof(line) - (size_t)at, " known=%zu", place.known);
    if (place.origin.file_id)
        snprintf(line + at, sizeof(line) - (size_t)at, " id=%llu", (unsigned long long)place.origin.file_id);
    return line;
}

uint32_t roll(struct dice *d, uint32_t sides)
{
    d->state = d->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(d->state >> 33) % sides;
}
