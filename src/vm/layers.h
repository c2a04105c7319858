/* The layer images that libfvm carries. */
#ifndef FVM_VM_LAYERS_H
#define FVM_VM_LAYERS_H

#include "layer/boot.h"

struct layer_image {
    const uint8_t *bytes;
    size_t size; /* 0: not carried */
};

struct layer_image layer_image(enum layer_machine machine);
/* The layer for programs of IMAGE_FILE_MACHINE_<machine>; size 0 when there is none. */
struct layer_image layer_for(uint16_t machine);

#endif
