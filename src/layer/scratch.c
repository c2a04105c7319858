/* A pool of large buffers, each allocated when it is first needed. A thread that dies inside a hook loses one. */
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

void *scratch_take(void)
{
    for (;;) {
        uint64_t seen = atomic_load(&taken);
        if (seen == UINT64_MAX) {
            wait_a_moment();
            continue;
        }
        unsigned slot = (unsigned)__builtin_ctzll(~seen);
        if (!atomic_compare_exchange_weak(&taken, &seen, seen | 1ull << slot))
            continue;
        if (slots[slot])
            return slots[slot];
        slots[slot] = memory_take(SCRATCH_SIZE);
        if (slots[slot])
            return slots[slot];
        atomic_fetch_and(&taken, ~(1ull << slot));
        wait_a_moment();
    }
}

void scratch_give(void *scratch)
{
    for (unsigned slot = 0; slot < SLOTS; slot++)
        if (slots[slot] == scratch)
            atomic_fetch_and(&taken, ~(1ull << slot));
}
