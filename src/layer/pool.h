/* Small memory of the layer: blocks that live longer than a hook. Lock-free; a thread that dies loses what it holds. */
#ifndef FVM_LAYER_POOL_H
#define FVM_LAYER_POOL_H

#include <stddef.h>

/* At least `size` bytes, 16-aligned, not zeroed; NULL without memory. */
void *pool_take(size_t size);
void pool_give(void *block); /* NULL is allowed */

#endif
