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

/* The rest of s from index `at` (clamped). */
static inline struct str str_from(struct str s, size_t at)
{
    if (at > s.len)
        at = s.len;
    return (struct str){at ? s.s + at : s.s, s.len - at}; /* no arithmetic on the null pointer of an empty string */
}

/* The first `len` units (clamped). */
static inline struct str str_head(struct str s, size_t len)
{
    return (struct str){s.s, len < s.len ? len : s.len};
}

/* Index of the first c, or s.len. */
static inline size_t str_find(struct str s, char16 c)
{
    size_t i = 0;
    while (i < s.len && s.s[i] != c)
        i++;
    return i;
}

/* Index of the last c, or s.len when there is none. */
static inline size_t str_rfind(struct str s, char16 c)
{
    for (size_t i = s.len; i > 0; i--)
        if (s.s[i - 1] == c)
            return i - 1;
    return s.len;
}

struct str str_of(const char16 *terminated);
bool str_equal(struct str a, struct str b);
bool str_equal_fold(upcase_table up, struct str a, struct str b);
bool str_prefix_fold(upcase_table up, struct str s, struct str prefix);
uint32_t str_hash_fold(upcase_table up, uint32_t seed, struct str s); /* equal for strings equal under folding */

void buf_init(struct strbuf *b, char16 *memory, size_t cap);
void buf_add(struct strbuf *b, struct str s);
void buf_add_char(struct strbuf *b, char16 c);
void buf_add_hex(struct strbuf *b, uint64_t number, unsigned digits); /* the lowest `digits` of it */
void buf_set(struct strbuf *b, struct str s);                         /* s may overlap the buffer */
bool buf_terminate(struct strbuf *b); /* writes a 0 behind the string (not counted); false when it does not fit */
static inline struct str buf_str(const struct strbuf *b)
{
    return (struct str){b->s, b->len};
}

/* Paths as the delta knows them: components separated by single backslashes, no leading or trailing one:
 * "C\Users\x", "UNC\server\share\x", "unix\etc\x". */

/* The first component. */
static inline struct str path_first(struct str path)
{
    return str_head(path, str_find(path, '\\'));
}

/* Without the first component and its separator. */
static inline struct str path_rest(struct str path)
{
    return str_from(path, str_find(path, '\\') + 1);
}

/* Empty for a single component. */
static inline struct str path_parent(struct str path)
{
    size_t at = str_rfind(path, '\\');
    return str_head(path, at < path.len ? at : 0);
}

static inline struct str path_leaf(struct str path)
{
    size_t at = str_rfind(path, '\\');
    return at < path.len ? str_from(path, at + 1) : path;
}

bool path_under_fold(upcase_table up, struct str path, struct str top); /* equal to, or below, top */
/* Every component is 1 to 255 units, none is "." or "..", none holds NUL, '/', '\\' or ':'; 1 to 32,000 units in all.
 * What is read from a journal or an archive must pass this before it names a file. */
bool path_valid(struct str path);
/* The same for names of registry keys: components are 1 to 256 units of anything but a backslash. */
bool key_path_valid(struct str path);

#endif
