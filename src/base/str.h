/* Counted UTF-16 strings, case folding and hashing: the vocabulary of every name in FVM.
 *
 * Pure C11, no system call, no allocation: it is compiled into the layer (no C library), into fvm.exe and natively.
 * Lengths are in UTF-16 code units, never in bytes. A string is not terminated unless a function says so. */
#ifndef FVM_BASE_STR_H
#define FVM_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/upcase.h"

struct str {
    const char16 *s; /* not owned */
    size_t len;
};

/* A fixed buffer that strings are built in. `overflow` sticks: a series of appends needs one check at its end. */
struct strbuf {
    char16 *s; /* not owned */
    size_t len, cap;
    bool overflow;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) / sizeof(char16) - 1}) /* STR(u"abc") */

struct str str_of(const char16 *terminated);
struct str str_from(struct str s, size_t at);  /* the rest of s from index `at` (clamped) */
struct str str_head(struct str s, size_t len); /* the first `len` units (clamped) */
bool str_equal(struct str a, struct str b);
bool str_equal_fold(upcase_table up, struct str a, struct str b);
bool str_prefix_fold(upcase_table up, struct str s, struct str prefix);
uint32_t str_hash_fold(upcase_table up, uint32_t seed, struct str s); /* equal for strings equal under folding */
size_t str_find(struct str s, char16 c);                              /* index of the first c, or s.len */
size_t str_rfind(struct str s, char16 c); /* index of the last c, or s.len when there is none */

void buf_init(struct strbuf *b, char16 *memory, size_t cap);
void buf_add(struct strbuf *b, struct str s);
void buf_add_char(struct strbuf *b, char16 c);
void buf_add_hex(struct strbuf *b, uint64_t number, unsigned digits); /* the lowest `digits` of it */
void buf_set(struct strbuf *b, struct str s);                         /* s may overlap the buffer */
bool buf_terminate(struct strbuf *b); /* writes a 0 behind the string (not counted); false when it does not fit */
struct str buf_str(const struct strbuf *b);

/* Paths as the delta knows them: components separated by single backslashes, no leading or trailing one:
 * "C\Users\x", "UNC\server\share\x", "unix\etc\x". */
struct str path_first(struct str path);  /* the first component */
struct str path_rest(struct str path);   /* without the first component and its separator */
struct str path_parent(struct str path); /* empty for a single component */
struct str path_leaf(struct str path);
bool path_under_fold(upcase_table up, struct str path, struct str top); /* equal to, or below, top */
/* Every component is 1 to 255 units, none is "." or "..", none holds NUL, '/', '\\' or ':'; 1 to 32,000 units in all.
 * What is read from a journal or an archive must pass this before it names a file. */
bool path_valid(struct str path);
/* The same for names of registry keys: components are 1 to 256 units of anything but a backslash. */
bool key_path_valid(struct str path);

#endif
