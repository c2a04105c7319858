/* The layer images, as bytes inside libfvm: fvm_layer_x64_begin to fvm_layer_x64_end, and the same for x86. A layer
 * that was not built is empty. */
#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define SYMBOL(name) CONCAT(__USER_LABEL_PREFIX__, name)

    .section .rdata, "dr"

    .globl SYMBOL(fvm_layer_x64_begin), SYMBOL(fvm_layer_x64_end)
    .balign 16
SYMBOL(fvm_layer_x64_begin):
#ifdef FVM_LAYER_X64
    .incbin FVM_LAYER_X64
#endif
SYMBOL(fvm_layer_x64_end):

    .globl SYMBOL(fvm_layer_x86_begin), SYMBOL(fvm_layer_x86_end)
    .balign 16
SYMBOL(fvm_layer_x86_begin):
#ifdef FVM_LAYER_X86
    .incbin FVM_LAYER_X86
#endif
SYMBOL(fvm_layer_x86_end):
    .byte 0
