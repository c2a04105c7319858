/* What the unit tests share: names as C literals, a case table, maps of any size. */
#ifndef FVM_TESTS_UNIT_SUPPORT_H
#define FVM_TESTS_UNIT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delta/journal.h"
#include "delta/map.h"

#define NAME_UNITS 512

/* A UTF-16 copy of an ASCII literal, good for the next 64 calls in this thread. */
struct str u(const char *ascii);
/* An ASCII copy, good for the next 64 calls in this thread; '?' for what is not ASCII. */
const char *a(struct str s);
#define assert_str(s, ascii) assert_string_equal(a(s), ascii)

upcase_table test_upcase(void); /* folds ASCII and Latin-1 */

struct delta_map *map_new(size_t size);

/* Resolves, which must succeed, and renders the place in one line, such as
 * "DIR storage lower=C\\x known=4 id=7" - fields that are not set are left out; no lower: "none". */
const char *where(const struct delta_map *map, const char *path);
#define assert_where(map, path, line) assert_string_equal(where(map, path), line)

const char *kind_name(enum map_kind kind);

/* Deterministic random numbers. */
struct dice {
    uint64_t state;
};
uint32_t roll(struct dice *d, uint32_t sides);

#endif
