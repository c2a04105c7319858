/* Bytes without a C library: what the compiler's own memcpy would be, for code that may not call one. */
#ifndef FVM_BASE_MEM_H
#define FVM_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct __attribute__((packed, may_alias)) {
    uint64_t bytes;
} mem_word;

/* The ranges may overlap if `to` is the lower one. */
static inline void mem_copy(void *to, const void *from, size_t size)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    for (; size >= sizeof(mem_word); size -= sizeof(mem_word), out += sizeof(mem_word), in += sizeof(mem_word))
        *(mem_word *)out = *(const mem_word *)in;
    for (size_t i = 0; i < size; i++)
        out[i] = in[i];
}

static inline void mem_zero(void *at, size_t size)
{
    uint8_t *out = at;
    for (size_t i = 0; i < size; i++)
        out[i] = 0;
}

static inline bool mem_equal(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return false;
    return true;
}

#endif
