/* What the fuzz targets share. */
#ifndef FVM_TESTS_FUZZ_FUZZ_H
#define FVM_TESTS_FUZZ_FUZZ_H

#include "delta/map.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The one map of the process, empty and whole whatever the last input did to it; MAP_MIN_SIZE bytes in a block of its own. */
struct delta_map *fuzz_map(void);

#endif
