/* The layer image that libfvm carries: that of its own machine, which serves 32-bit programs too (see nt/enter.h). */
#ifndef FVM_VM_LAYERS_H
#define FVM_VM_LAYERS_H

#include "layer/boot.h"

struct layer_image {
    const uint8_t *bytes;
    size_t size;
};

struct layer_image layer_image(void);

#endif
