/* The layer image's only export: what enter.c must fill in before the layer can run. */
#ifndef FVM_LAYER_HEADER_H
#define FVM_LAYER_HEADER_H

#include "layer/boot.h"

#define LAYER_MAGIC 0x464d564cu
#define LAYER_VERSION 3u

/* A pointer of the target process: 8 bytes in 32 and 64 bit, so that either can enter the other. */
union target_pointer {
    const void *p;
    uint64_t v;
};

/* One native function: its name, where the layer keeps its address, and, for an intercepted service, the hook. */
struct layer_row {
    union target_pointer name; /* terminated ASCII */
    union target_pointer slot; /* of the function pointer to fill */
    union target_pointer hook; /* 0: not intercepted */
    uint16_t optional;         /* 1: the platform may lack it */
    uint16_t replaced;         /* 1: the hook never calls it, so it need not be a stub */
    uint32_t rva;              /* filled in: of the export in ntdll; 0: absent */
};

struct layer_header {
    uint32_t magic, version;
    uint32_t row_count;
    uint32_t ready;                   /* filled in: 1 */
    union target_pointer rows;        /* struct layer_row[row_count] */
    union target_pointer trampolines; /* STUB_MAX bytes a row, executable */
    uint64_t ntdll;                   /* filled in: its base in this process */
    struct layer_boot boot;           /* filled in */
};

#endif
