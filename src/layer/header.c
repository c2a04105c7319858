/* The table of native functions and intercepted services, as enter.c reads it. */
#include "layer/layer.h"
#include "layer/symbol.h"
#include "nt/stub.h"

enum row {
#define NATIVE(result, name, ...) ROW_##name,
#define NATIVE_OPTIONAL(result, name, ...) ROW_##name,
#include "nt/native.def"
#undef NATIVE
#undef NATIVE_OPTIONAL
    ROWS
};

static struct layer_row rows[ROWS] = {
#define NATIVE(result, function, ...) [ROW_##function] = {.name.p = #function, .slot.p = &nt.function},
#define NATIVE_OPTIONAL(result, function, ...)                                                                         \
    [ROW_##function] = {.name.p = #function, .slot.p = &nt.function, .optional = 1},
#include "nt/native.def"
#undef NATIVE
#undef NATIVE_OPTIONAL
#define SERVICE(function) [ROW_##function].hook.p = (const void *)fvm_##function,
#define REPLACED(function) SERVICE(function)[ROW_##function].replaced = 1,
#include "layer/services.def"
#undef SERVICE
#undef REPLACED
};

/* Room for the copies of the stubs, in the executable section. */
extern const uint8_t fvm_trampolines[];
__asm__(".text\n"
        ".balign 32\n"
        ".globl " FVM_SYMBOL("fvm_trampolines") "\n" FVM_SYMBOL("fvm_trampolines") ":\n"
                                                                                   ".skip 256 * 32, 0xcc\n");
_Static_assert(ROWS <= 256 && STUB_MAX == 32, "room for the trampolines");

__declspec(dllexport) struct layer_header fvm_layer_header = {
    .magic = LAYER_MAGIC,
    .version = LAYER_VERSION,
    .row_count = ROWS,
    .rows.p = rows,
    .trampolines.p = fvm_trampolines,
};

const uint8_t *native_ntdll(void)
{
    return (const uint8_t *)(uintptr_t)fvm_layer_header.ntdll;
}
