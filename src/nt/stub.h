/* The shapes of system service stubs, and the jump that replaces one. */
#ifndef FVM_NT_STUB_H
#define FVM_NT_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STUB_MAX 32u     /* bytes of the longest shape */
#define STUB_JUMP_MAX 7u /* bytes of the longest jump: fewer than any shape has */

/* Length in bytes of the stub at `code`, or 0 when its shape is not known. The stub is free of position-dependent code: its copy
 * elsewhere makes the same system call. machine: IMAGE_FILE_MACHINE_*. */
size_t stub_length(const uint8_t *code, size_t available, uint16_t machine);

/* Writes a jump from address `from` to `to` into code[STUB_JUMP_MAX]: its length in bytes, or 0 when `to` is out of reach,
 * which is neither within 2 GiB of `from` nor below 4 GiB. It may destroy the register that returns the status. */
size_t stub_jump(uint8_t *code, uint64_t from, uint64_t to, uint16_t machine);

#endif
