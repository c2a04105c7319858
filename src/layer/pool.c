/* Chunks of 64 KiB, which is how the system aligns allocations, so a block finds its chunk by its address. A chunk holds
 * blocks of one size and is never freed; what is larger than the largest block has an allocation of its own. */
#include "layer/pool.h"

#include <stdatomic.h>

#include "layer/layer.h"

#define CHUNK_SIZE 65536u
#define HEAD_SIZE 64u /* of a chunk, so that blocks are aligned */
#define BITMAP_WORDS 4u

struct chunk {
    _Atomic uint64_t used[BITMAP_WORDS];
    struct chunk *next;
    uint32_t block; /* bytes of a block; 0: one large allocation */
};
_Static_assert(sizeof(struct chunk) <= HEAD_SIZE, "the head fits");

static const uint32_t block_sizes[] = {256, 1024, 8192};
enum { SIZES = sizeof(block_sizes) / sizeof(*block_sizes) };
static struct chunk *_Atomic chunks[SIZES];

static void *take_from(struct chunk *chunk)
{
    uint32_t count = (CHUNK_SIZE - HEAD_SIZE) / chunk->block;
    for (uint32_t word = 0; word * 64 < count; word++) {
        uint64_t usable = count - word * 64 >= 64 ? UINT64_MAX : (1ull << (count - word * 64)) - 1;
        uint64_t seen = atomic_load_explicit(&chunk->used[word], memory_order_relaxed);
        while (~seen & usable) {
            uint32_t bit = (uint32_t)__builtin_ctzll(~seen & usable);
            if (atomic_compare_exchange_weak(&chunk->used[word], &seen, seen | 1ull << bit))
                return (uint8_t *)chunk + HEAD_SIZE + (size_t)(word * 64 + bit) * chunk->block;
        }
    }
    return NULL;
}

static void *take_block(unsigned size_class)
{
    for (struct chunk *chunk = atomic_load(&chunks[size_class]); chunk; chunk = chunk->next) {
        void *block = take_from(chunk);
        if (block)
            return block;
    }
    struct chunk *chunk = memory_take(CHUNK_SIZE);
    if (!chunk)
        return NULL;
    chunk->block = block_sizes[size_class];
    void *block = take_from(chunk);
    chunk->next = atomic_load(&chunks[size_class]);
    while (!atomic_compare_exchange_weak(&chunks[size_class], &chunk->next, chunk))
        ;
    return block;
}

void *pool_take(size_t size)
{
    for (unsigned i = 0; i < SIZES; i++)
        if (size <= block_sizes[i])
            return take_block(i);
    struct chunk *chunk = memory_take(size + HEAD_SIZE);
    return chunk ? (uint8_t *)chunk + HEAD_SIZE : NULL;
}

void pool_give(void *block)
{
    if (!block)
        return;
    struct chunk *chunk = (struct chunk *)((uintptr_t)block & ~(uintptr_t)(CHUNK_SIZE - 1));
    if (!chunk->block) {
        memory_give(chunk);
        return;
    }
    size_t index = (size_t)((uint8_t *)block - (uint8_t *)chunk - HEAD_SIZE) / chunk->block;
    atomic_fetch_and(&chunk->used[index / 64], ~(1ull << index % 64));
}
