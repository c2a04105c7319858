/* PE images as bytes: checked, laid out, relocated, looked into. Images can come from untrusted files, so every offset
 * is checked. Works for 32- and 64-bit images on either. */
#ifndef FVM_NT_IMAGE_H
#define FVM_NT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image {
    const uint8_t *base;                   /* headers; sections where `mapped` says */
    size_t size;                           /* of the file, or of the mapped image */
    bool mapped;                           /* sections at their virtual addresses (else at their file offsets) */
    uint16_t machine;                      /* IMAGE_FILE_MACHINE_* */
    uint32_t image_size;                   /* SizeOfImage, bytes */
    uint64_t preferred;                    /* ImageBase */
    uint32_t sections, section_count;      /* offset of the section table */
    uint32_t directories, directory_count; /* offset of the data directories */
};

/* False when the bytes are no PE image. */
bool image_parse(struct image *image, const uint8_t *base, size_t size, bool mapped);
/* Copies headers and sections of a file image to where they belong in out[image_size] (zeroed by the caller). */
bool image_layout(const struct image *file, uint8_t *out);
/* Relocates a laid-out image for the address `target`. */
bool image_relocate(const struct image *mapped, uint8_t *bytes, uint64_t target);
/* RVA of an export of a mapped image, 0 when there is none (forwarders count as none). */
uint32_t image_export(const struct image *mapped, const char *name);
/* Where the table of exports is, with the names in it. False when there is none. */
bool image_exports(const struct image *mapped, uint32_t *rva, uint32_t *size);
/* IMAGE_FILE_MACHINE_* of the first bytes of a file, 0 when it is no Windows program. */
uint16_t image_machine(const uint8_t *head, size_t size);

#endif
