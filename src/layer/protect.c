/* The pages of the layer itself. Whoever starts a process leaves them writable and executable, for to change them from
 * outside costs as much as ten requests; so the layer does it, before the program's first instruction. */
#include "layer/layer.h"

#include "nt/image.h"

enum { PAGE = 4096 };

extern const uint8_t __ImageBase[]; /* the linker's */

static void protect(uint32_t from, uint32_t to, ULONG protection)
{
    void *at = (void *)(uintptr_t)(__ImageBase + from);
    SIZE_T size = to - from;
    ULONG old;
    if (!size)
        return;
    NTSTATUS status = nt.NtProtectVirtualMemory(NT_CURRENT_PROCESS, &at, &size, protection, &old);
    if (status < 0)
        layer_end_process(status);
}

void layer_protect(void)
{
    struct image image;
    uint32_t done = 0;
    if (!image_parse(&image, __ImageBase, PAGE, true))
        layer_end_process(STATUS_INVALID_IMAGE_FORMAT);
    for (uint32_t i = 0; i < image.section_count; i++) {
        const IMAGE_SECTION_HEADER *section = (const IMAGE_SECTION_HEADER *)(image.base + image.sections) + i;
        uint32_t end = (section->VirtualAddress + section->Misc.VirtualSize + PAGE - 1) & ~(uint32_t)(PAGE - 1);
        if (!(section->Characteristics & IMAGE_SCN_MEM_EXECUTE))
            continue;
        protect(done, section->VirtualAddress, PAGE_READWRITE);
        protect(section->VirtualAddress, end, PAGE_EXECUTE_READ);
        done = end;
    }
    protect(done, (image.image_size + PAGE - 1) & ~(uint32_t)(PAGE - 1), PAGE_READWRITE);
}
