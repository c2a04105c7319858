/* The layer's image as bytes inside libfvm: fvm_layer_begin to fvm_layer_end. */
#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define SYMBOL(name) CONCAT(__USER_LABEL_PREFIX__, name)

    .section .rdata, "dr"
    .globl SYMBOL(fvm_layer_begin), SYMBOL(fvm_layer_end)
    .balign 16
SYMBOL(fvm_layer_begin):
    .incbin FVM_LAYER
SYMBOL(fvm_layer_end):
    .byte 0
