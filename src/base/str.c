/* Strings: comparison, hashing and building. Folding goes through the caller's table, never through a C library. */
#include "base/str.h"

#include "base/mem.h"

struct str str_of(const char16 *terminated)
{
    size_t len = 0;
    while (terminated[len])
        len++;
    return (struct str){terminated, len};
}

bool str_equal(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (a.s[i] != b.s[i])
            return false;
    return true;
}

bool str_equal_fold(upcase_table up, struct str a, struct str b)
{
    return a.len == b.len && str_prefix_fold(up, a, b);
}

bool str_prefix_fold(upcase_table up, struct str s, struct str prefix)
{
    if (prefix.len > s.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++)
        if (s.s[i] != prefix.s[i] && upcase_of(up, s.s[i]) != upcase_of(up, prefix.s[i]))
            return false;
    return true;
}

/* Two units a round: the multiplication is what a look-up waits for. */
static uint32_t hash_round(uint32_t h, uint32_t pair)
{
    h = (h ^ pair) * 0xCC9E2D51u;
    return h ^ (h >> 15);
}

uint32_t str_hash_fold(upcase_table up, uint32_t seed, struct str s)
{
    uint32_t h = seed ^ ((uint32_t)s.len * 0x9E3779B1u);
    size_t i = 0;
    for (; i + 1 < s.len; i += 2)
        h = hash_round(h, upcase_of(up, s.s[i]) | (uint32_t)upcase_of(up, s.s[i + 1]) << 16);
    if (i < s.len)
        h = hash_round(h, upcase_of(up, s.s[i]));
    h = (h ^ (h >> 13)) * 0x85EBCA6Bu;
    return h ^ (h >> 16);
}

void buf_init(struct strbuf *b, char16 *memory, size_t cap)
{
    b->s = memory;
    b->len = 0;
    b->cap = cap;
    b->overflow = false;
}

void buf_add(struct strbuf *b, struct str s)
{
    if (b->overflow || s.len > b->cap - b->len) {
        b->overflow = true;
        return;
    }
    mem_copy(b->s + b->len, s.s, s.len * sizeof(char16));
    b->len += s.len;
}

void buf_add_char(struct strbuf *b, char16 c)
{
    if (b->overflow || b->len >= b->cap)
        b->overflow = true;
    else
        b->s[b->len++] = c;
}

void buf_add_hex(struct strbuf *b, uint64_t number, unsigned digits)
{
    while (digits--)
        buf_add_char(b, u"0123456789abcdef"[number >> 4 * digits & 15]);
}

void buf_set(struct strbuf *b, struct str s)
{
    b->len = 0;
    b->overflow = s.len > b->cap;
    if (b->overflow || !s.len)
        return;
    /* As numbers: s may point into another object. */
    if ((uintptr_t)s.s >= (uintptr_t)b->s)
        for (size_t i = 0; i < s.len; i++)
            b->s[i] = s.s[i];
    else
        for (size_t i = s.len; i > 0; i--)
            b->s[i - 1] = s.s[i - 1];
    b->len = s.len;
}

bool buf_terminate(struct strbuf *b)
{
    if (b->overflow || b->len >= b->cap)
        return false;
    b->s[b->len] = 0;
    return true;
}
