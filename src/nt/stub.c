/* Stub shapes as rows of a table. A new system with a new shape is a new row; what matches no row is never patched. */
#include "nt/stub.h"

#define ANY 0x100u /* a byte that varies: service number or address */

enum { MACHINE_X86 = 0x014c, MACHINE_X64 = 0x8664 };

struct shape {
    uint16_t machine;
    uint8_t length;
    uint16_t code[STUB_MAX];
};

static const struct shape shapes[] = {
    /* Windows 10 and 11, x64 */
    {MACHINE_X64, 24, {0x4c, 0x8b, 0xd1, 0xb8, ANY,  ANY,  ANY,  ANY,  0xf6, 0x04, 0x25, 0x08,
                       0x03, 0xfe, 0x7f, 0x01, 0x75, 0x03, 0x0f, 0x05, 0xc3, 0xcd, 0x2e, 0xc3}},
    /* Wine 8 and 10, x64 */
    {MACHINE_X64, 32, {0x4c, 0x8b, 0xd1, 0xb8, ANY,  ANY,  ANY,  ANY,  0xf6, 0x04, 0x25, 0x08, 0x03, 0xfe, 0x7f, 0x01,
                       0x75, 0x03, 0x0f, 0x05, 0xc3, 0xeb, 0x01, 0xc3, 0xff, 0x14, 0x25, 0x00, 0x10, 0xfe, 0x7f, 0xc3}},
    /* NT 5.2 kernel (ReactOS), x64 */
    {MACHINE_X64, 11, {0xb8, ANY, ANY, ANY, ANY, 0x49, 0x89, 0xca, 0x0f, 0x05, 0xc3}},
    /* WOW64 on Windows 10 and 11, and Wine 10, x86 */
    {MACHINE_X86, 15, {0xb8, ANY, ANY, ANY, ANY, 0xba, ANY, ANY, ANY, ANY, 0xff, 0xd2, 0xc2, ANY, ANY}},
    {MACHINE_X86, 13, {0xb8, ANY, ANY, ANY, ANY, 0xba, ANY, ANY, ANY, ANY, 0xff, 0xd2, 0xc3}},
};

static bool matches(const struct shape *shape, const uint8_t *code)
{
    for (size_t i = 0; i < shape->length; i++)
        if (shape->code[i] != ANY && shape->code[i] != code[i])
            return false;
    return true;
}

size_t stub_length(const uint8_t *code, size_t available, uint16_t machine)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (shapes[i].machine == machine && shapes[i].length <= available && matches(&shapes[i], code))
            return shapes[i].length;
    return 0;
}

static void put32(uint8_t *code, uint64_t value)
{
    for (unsigned i = 0; i < 4; i++)
        code[i] = (uint8_t)(value >> (8 * i));
}

size_t stub_jump(uint8_t *code, uint64_t from, uint64_t to, uint16_t machine)
{
    int64_t distance = (int64_t)(to - from - 5);
    if (machine == MACHINE_X86 || distance == (int32_t)distance) {
        code[0] = 0xe9; /* jmp rel32; wraps around in 32 bit */
        put32(code + 1, (uint64_t)distance);
        return 5;
    }
    if (to != (uint32_t)to)
        return 0;
    code[0] = 0xb8; /* mov eax, imm32; clears the upper half of rax */
    put32(code + 1, to);
    code[5] = 0xff; /* jmp rax */
    code[6] = 0xe0;
    return 7;
}
