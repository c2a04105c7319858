/* The layer image, see layers.S. */
#include "vm/layers.h"

extern const uint8_t fvm_layer_begin[], fvm_layer_end[];

struct layer_image layer_image(void)
{
    return (struct layer_image){fvm_layer_begin, (size_t)(fvm_layer_end - fvm_layer_begin)};
}
