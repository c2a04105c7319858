/* PE images: parse, lay out, relocate, look up exports. Only what FVM's own image and ntdll need. */
#include "nt/image.h"

#include "base/mem.h"

enum {
    DOS_MAGIC = 0x5a4d,
    PE_MAGIC = 0x4550,
    OPTIONAL_32 = 0x10b,
    OPTIONAL_64 = 0x20b,
    SECTION_SIZE = 40,
    DIRECTORY_EXPORT = 0,
    DIRECTORY_RELOCATION = 5,
    RELOCATION_HIGHLOW = 3,
    RELOCATION_DIR64 = 10
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static bool inside(size_t size, uint64_t at, uint64_t length)
{
    return at <= size && length <= size - at;
}

/* Offset of the PE header, 0 when there is none. */
static uint32_t pe_offset(const uint8_t *base, size_t size)
{
    if (!inside(size, 0, 64) || get16(base) != DOS_MAGIC)
        return 0;
    uint32_t pe = get32(base + 60);
    return inside(size, pe, 24 + 2) && get32(base + pe) == PE_MAGIC ? pe : 0;
}

uint16_t image_machine(const uint8_t *head, size_t size)
{
    uint32_t pe = pe_offset(head, size);
    return pe ? get16(head + pe + 4) : 0;
}

bool image_parse(struct image *image, const uint8_t *base, size_t size, bool mapped)
{
    uint32_t pe = pe_offset(base, size);
    if (!pe)
        return false;
    uint32_t optional = pe + 24;
    bool wide = get16(base + optional) == OPTIONAL_64;
    uint32_t fixed = wide ? 112 : 96;
    if ((!wide && get16(base + optional) != OPTIONAL_32) || !inside(size, optional, fixed))
        return false;
    *image = (struct image){
        .base = base,
        .size = size,
        .mapped = mapped,
        .machine = get16(base + pe + 4),
        .image_size = get32(base + optional + 56),
        .preferred = wide ? get64(base + optional + 24) : get32(base + optional + 28),
        .sections = optional + get16(base + pe + 20),
        .section_count = get16(base + pe + 6),
        .directories = optional + fixed,
        .directory_count = get32(base + optional + fixed - 4),
    };
    return image->directory_count <= 16 && inside(size, image->directories, image->directory_count * 8u) &&
           inside(size, image->sections, (uint64_t)image->section_count * SECTION_SIZE);
}

bool image_layout(const struct image *file, uint8_t *out)
{
    uint32_t headers = file->sections + file->section_count * SECTION_SIZE;
    if (headers > file->image_size)
        return false;
    mem_copy(out, file->base, headers);
    for (uint32_t i = 0; i < file->section_count; i++) {
        const uint8_t *section = file->base + file->sections + i * SECTION_SIZE;
        uint32_t virtual_size = get32(section + 8), rva = get32(section + 12), raw = get32(section + 16);
        uint32_t length = raw < virtual_size ? raw : virtual_size;
        if (!inside(file->size, get32(section + 20), length) || !inside(file->image_size, rva, virtual_size))
            return false;
        mem_copy(out + rva, file->base + get32(section + 20), length);
    }
    return true;
}

static bool directory(const struct image *image, uint32_t index, uint32_t *rva, uint32_t *size)
{
    if (index >= image->directory_count)
        return false;
    *rva = get32(image->base + image->directories + index * 8);
    *size = get32(image->base + image->directories + index * 8 + 4);
    return *rva && inside(image->size, *rva, *size);
}

static bool relocate_block(const struct image *image, uint8_t *bytes, const uint8_t *block, uint32_t size,
                           uint64_t delta)
{
    uint32_t page = get32(block);
    for (uint32_t i = 8; i + 2 <= size; i += 2) {
        uint16_t entry = get16(block + i);
        uint32_t at = page + (entry & 0xfff), kind = entry >> 12;
        if (!kind)
            continue;
        if ((kind != RELOCATION_DIR64 && kind != RELOCATION_HIGHLOW) || !inside(image->size, at, 8))
            return false;
        uint64_t value = (kind == RELOCATION_DIR64 ? get64(bytes + at) : get32(bytes + at)) + delta;
        put32(bytes + at, (uint32_t)value);
        if (kind == RELOCATION_DIR64)
            put32(bytes + at + 4, (uint32_t)(value >> 32));
    }
    return true;
}

bool image_relocate(const struct image *mapped, uint8_t *bytes, uint64_t target)
{
    uint32_t at, size;
    if (!directory(mapped, DIRECTORY_RELOCATION, &at, &size))
        return false;
    uint32_t end = at + size;
    while (at + 8 <= end) {
        uint32_t block = get32(mapped->base + at + 4);
        if (block < 8 || block > end - at)
            return false;
        if (!relocate_block(mapped, bytes, mapped->base + at, block, target - mapped->preferred))
            return false;
        at += block;
    }
    return true;
}

/* Compares a terminated name inside the image; <0, 0, >0 as strcmp does, and >0 when it runs out of the image. */
static int name_compare(const struct image *image, uint32_t rva, const char *name)
{
    for (;; rva++, name++) {
        if (rva >= image->size)
            return 1;
        int difference = image->base[rva] - (uint8_t)*name;
        if (difference || !*name)
            return difference;
    }
}

bool image_exports(const struct image *mapped, uint32_t *rva, uint32_t *size)
{
    return directory(mapped, DIRECTORY_EXPORT, rva, size) && *size >= 40;
}

uint32_t image_export(const struct image *mapped, const char *name)
{
    uint32_t at, size;
    if (!image_exports(mapped, &at, &size))
        return 0;
    const uint8_t *exports = mapped->base + at;
    uint32_t functions = get32(exports + 28), function_count = get32(exports + 20);
    uint32_t names = get32(exports + 32), ordinals = get32(exports + 36), name_count = get32(exports + 24);
    if (!inside(mapped->size, functions, (uint64_t)function_count * 4) ||
        !inside(mapped->size, names, (uint64_t)name_count * 4) ||
        !inside(mapped->size, ordinals, (uint64_t)name_count * 2))
        return 0;
    uint32_t low = 0, high = name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = name_compare(mapped, get32(mapped->base + names + middle * 4), name);
        if (!order) {
            uint32_t ordinal = get16(mapped->base + ordinals + middle * 2);
            uint32_t rva = ordinal < function_count ? get32(mapped->base + functions + ordinal * 4) : 0;
            return rva >= at && rva < at + size ? 0 : rva;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}
