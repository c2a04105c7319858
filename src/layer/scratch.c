/* A pool of large buffers, each allocated when it is first needed. Who finds all of them taken gets one that is freed again, and does not
 * wait: it may have the lock that all the others wait for. A thread that dies inside a hook loses one. */
#include <stdatomic.h>

#include "layer/layer.h"

#define SLOTS 64

static _Atomic uint64_t taken;
static void *slots[SLOTS];

static void wait_a_moment(void)
{
    LARGE_INTEGER interval = {.QuadPart = -10000}; /* 1 ms */
    nt.NtDelayExecution(FALSE, &interval);
}

static void *allocate(void)
{
    void *memory;
    while (!(memory = memory_take(SCRATCH_SIZE)))
        wait_a_moment();
    return memory;
}

void *scratch_take(void)
{
    uint64_t seen = atomic_load(&taken);
    while (seen != UINT64_MAX) {
        unsigned slot = (unsigned)__builtin_ctzll(~seen);
        if (!atomic_compare_exchange_weak(&taken, &seen, seen | 1ull << slot))
            continue;
        if (!slots[slot])
            slots[slot] = allocate();
        return slots[slot];
    }
    return allocate();
}

void scratch_give(void *scratch)
{
    for (unsigned slot = 0; slot < SLOTS; slot++)
        if (slots[slot] == scratch) {
            atomic_fetch_and(&taken, ~(1ull << slot));
            return;
        }
    memory_give(scratch);
}
