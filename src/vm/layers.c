/* The layer images, see layers.S. */
#include "vm/layers.h"

#include <windows.h>

extern const uint8_t fvm_layer_x64_begin[], fvm_layer_x64_end[], fvm_layer_x86_begin[], fvm_layer_x86_end[];

struct layer_image layer_image(enum layer_machine machine)
{
    if (machine == LAYER_X64)
        return (struct layer_image){fvm_layer_x64_begin, (size_t)(fvm_layer_x64_end - fvm_layer_x64_begin)};
    return (struct layer_image){fvm_layer_x86_begin, (size_t)(fvm_layer_x86_end - fvm_layer_x86_begin)};
}

struct layer_image layer_for(uint16_t machine)
{
    if (machine == IMAGE_FILE_MACHINE_AMD64)
        return layer_image(LAYER_X64);
    if (machine == IMAGE_FILE_MACHINE_I386)
        return layer_image(LAYER_X86);
    return (struct layer_image){0};
}
