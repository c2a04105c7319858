/* Puts the layer into a suspended process: lay the image out here, write it there once, then patch the whole range of
 * stubs with one read and one write, for each call into another process costs far more than the work on the bytes. */
#include "nt/enter.h"

#include "base/mem.h"
#include "layer/header.h"
#include "nt/stub.h"
#include "nt/wow64.h"

enum {
    PAGE = 4096,
    HEAD = 2048,          /* what the headers of an image take of it at most */
    NEAR_STEP = 16 << 20, /* between the addresses tried for the layer */
    NEAR_TRIES = 100,     /* within 2 GiB of ntdll */
    STUBS_MAX = 1 << 20,  /* of the range of stubs; 15 KiB on Windows 11, 9 KiB on Wine 8 */
    LOW_MASK = 0x7fffffff /* as zero_bits: addresses that have no other bits set */
};

struct entering {
    HANDLE process;
    struct image file;           /* the layer's file */
    struct image ntdll;          /* ours, mapped: the child has the same file at the same address */
    uint64_t target;             /* the layer's address there */
    uint8_t *copy;               /* the laid-out layer, here */
    SIZE_T copy_size;            /* bytes allocated at copy and at target */
    SIZE_T used;                 /* of them, those that are not zero when the layer begins */
    struct layer_header *header; /* in copy */
    struct layer_row *rows;      /* in copy */
    uint32_t low, high;          /* range of RVAs of the stubs in ntdll; high is behind the last one */
    uint8_t *stubs;              /* copy of that range */
    struct enter_error *error;
};

static NTSTATUS fail(struct entering *e, NTSTATUS status, const char *step)
{
    e->error->status = status;
    e->error->step = step;
    return status;
}

static NTSTATUS fail_service(struct entering *e, NTSTATUS status, const char *step, const char *service)
{
    size_t i = 0;
    for (; service[i] && i < sizeof(e->error->service) - 1; i++)
        e->error->service[i] = service[i];
    e->error->service[i] = 0;
    return fail(e, status, step);
}

/* The bytes in our copy that the target pointer leads to, NULL when it leads out of what is written there. */
static void *at_target(const struct entering *e, union target_pointer pointer, size_t size)
{
    uint64_t offset = pointer.v - e->target;
    return offset < e->used && size <= e->used - offset ? e->copy + offset : NULL;
}

static NTSTATUS allocate_at(struct entering *e, uint64_t where, ULONG_PTR zero_bits)
{
    void *address = (void *)(uintptr_t)where;
    SIZE_T size = e->copy_size;
    NTSTATUS status =
        nt.NtAllocateVirtualMemory(e->process, &address, zero_bits, &size, MEM_RESERVE | MEM_COMMIT,
                                   PAGE_EXECUTE_READWRITE); /* until the layer knows better: layer/protect.c */
    if (status >= 0)
        e->target = (uintptr_t)address;
    return status;
}

static NTSTATUS allocate(struct entering *e)
{
    e->copy_size = (e->file.image_size + PAGE - 1) & ~(SIZE_T)(PAGE - 1);
    NTSTATUS status = STATUS_NO_MEMORY;
    e->copy = memory_take(e->copy_size);
    if (!e->copy)
        return fail(e, status, "allocate a copy of the layer");

    /* In reach of a short jump, out of the program's way; else in reach of the jump to the first 4 GiB (Windows keeps the
     * memory around the 64-bit ntdll of a 32-bit process for itself). */
    uint64_t ntdll = (uintptr_t)e->ntdll.base;
    for (int i = 1; i <= NEAR_TRIES && allocate_at(e, (ntdll & ~(uint64_t)0xffff) - (uint64_t)i * NEAR_STEP, 0) < 0;
         i++)
        ;
    if (!e->target && (status = allocate_at(e, 0, LOW_MASK)) < 0)
        return fail(e, status, "allocate the layer");
    return STATUS_SUCCESS;
}

/* The image without its .bss and what the linker puts behind it, which only this file reads: exports and relocations. */
static SIZE_T used_by_layer(const struct image *mapped)
{
    const IMAGE_SECTION_HEADER *section = (const IMAGE_SECTION_HEADER *)(mapped->base + mapped->sections);
    SIZE_T used = mapped->image_size;
    for (uint32_t i = 0; i < mapped->section_count; i++)
        if (section[i].Characteristics & IMAGE_SCN_CNT_UNINITIALIZED_DATA && section[i].VirtualAddress < used)
            used = section[i].VirtualAddress;
    return used;
}

static NTSTATUS prepare_image(struct entering *e)
{
    struct image mapped;
    if (!image_layout(&e->file, e->copy) || !image_parse(&mapped, e->copy, e->copy_size, true) ||
        !image_relocate(&mapped, e->copy, e->target))
        return fail(e, STATUS_INVALID_IMAGE_FORMAT, "lay out the layer");
    uint32_t rva = image_export(&mapped, "fvm_layer_header");
    e->used = used_by_layer(&mapped);
    if (!rva || rva + sizeof(struct layer_header) > e->used)
        return fail(e, STATUS_INVALID_IMAGE_FORMAT, "find the layer's header");
    e->header = (struct layer_header *)(e->copy + rva);
    if (e->header->magic != LAYER_MAGIC || e->header->version != LAYER_VERSION)
        return fail(e, STATUS_INVALID_IMAGE_FORMAT, "find the layer's header");
    e->rows = at_target(e, e->header->rows, e->header->row_count * sizeof(struct layer_row));
    if (!e->rows)
        return fail(e, STATUS_INVALID_IMAGE_FORMAT, "find the layer's table");
    e->header->ntdll = (uintptr_t)e->ntdll.base;
    return STATUS_SUCCESS;
}

static NTSTATUS put_slot(struct entering *e, const struct layer_row *row, uint64_t value)
{
    uint8_t *slot = at_target(e, row->slot, sizeof(uint64_t));
    size_t size = e->file.machine == IMAGE_FILE_MACHINE_AMD64 ? 8 : 4;
    if (!slot)
        return fail(e, STATUS_INVALID_IMAGE_FORMAT, "find the layer's table of functions");
    mem_copy(slot, &value, size);
    return STATUS_SUCCESS;
}

/* Finds every export; slots of functions that are not intercepted lead there. */
static NTSTATUS find_exports(struct entering *e)
{
    e->low = UINT32_MAX;
    for (uint32_t i = 0; i < e->header->row_count; i++) {
        struct layer_row *row = &e->rows[i];
        const char *name = at_target(e, row->name, 1);
        row->rva = image_export(&e->ntdll, name);
        if (!row->rva && row->optional)
            continue;
        if (!row->rva)
            return fail_service(e, STATUS_ENTRYPOINT_NOT_FOUND, "find the service in ntdll", name);
        NTSTATUS status = put_slot(e, row, (uintptr_t)e->ntdll.base + row->rva);
        if (status < 0)
            return status;
        if (!row->hook.v || row->replaced)
            continue;
        if (row->rva < e->low)
            e->low = row->rva;
        if (row->rva + STUB_MAX > e->high)
            e->high = row->rva + STUB_MAX;
    }
    for (uint32_t i = 0; i < e->header->row_count; i++) /* another page costs less than another write */
        if (e->rows[i].replaced && e->rows[i].rva >= e->high && e->rows[i].rva < e->high + PAGE)
            e->high = e->rows[i].rva + STUB_MAX;
    if (e->high <= e->low || e->high - e->low > STUBS_MAX)
        return fail(e, STATUS_INVALID_IMAGE_FORMAT, "find the range of stubs in ntdll");
    return STATUS_SUCCESS;
}

static bool in_range(const struct entering *e, const struct layer_row *row)
{
    return row->rva >= e->low && row->rva < e->high;
}

/* In the copies: a trampoline for each intercepted service, and the jump over its stub. */
static NTSTATUS hook_stub(struct entering *e, struct layer_row *row, uint8_t *trampoline, uint64_t trampoline_target)
{
    const char *name = at_target(e, row->name, 1);
    uint8_t *code = e->stubs + (row->rva - e->low);
    uint64_t at = (uintptr_t)e->ntdll.base + row->rva;
    if (row->replaced)
        return stub_jump(code, at, row->hook.v, e->file.machine)
                   ? STATUS_SUCCESS
                   : fail_service(e, STATUS_CONFLICTING_ADDRESSES, "reach the hook from the function", name);
    size_t length = stub_length(code, STUB_MAX, e->file.machine);
    if (!length) {
        e->error->bytes_count = STUB_MAX;
        mem_copy(e->error->bytes, code, STUB_MAX);
        return fail_service(e, STATUS_INVALID_IMAGE_FORMAT, "recognize the system service stub", name);
    }
    mem_copy(trampoline, code, length);
    NTSTATUS status = put_slot(e, row, trampoline_target);
    if (status < 0)
        return status;
    if (!stub_jump(code, at, row->hook.v, e->file.machine))
        return fail_service(e, STATUS_CONFLICTING_ADDRESSES, "reach the hook from the stub", name);
    return STATUS_SUCCESS;
}

static NTSTATUS hook_stubs(struct entering *e)
{
    SIZE_T size = e->high - e->low, done = 0;
    e->stubs = memory_take(size);
    if (!e->stubs)
        return fail(e, STATUS_NO_MEMORY, "allocate a copy of the stubs");
    NTSTATUS status = nt.NtReadVirtualMemory(e->process, e->ntdll.base + e->low, e->stubs, size, &done);
    if (status < 0 || done != size)
        return fail(e, status < 0 ? status : STATUS_PARTIAL_COPY, "read the stubs");
    uint8_t *trampoline = at_target(e, e->header->trampolines, e->header->row_count * STUB_MAX);
    if (!trampoline)
        return fail(e, STATUS_INVALID_IMAGE_FORMAT, "find the layer's trampolines");
    for (uint32_t i = 0; i < e->header->row_count; i++)
        if (e->rows[i].hook.v && in_range(e, &e->rows[i])) {
            status = hook_stub(e, &e->rows[i], trampoline + i * STUB_MAX, e->header->trampolines.v + i * STUB_MAX);
            if (status < 0)
                return status;
        }
    return STATUS_SUCCESS;
}

/* What a process gets of each: to use it, not to change who may. In the order of struct layer_boot. */
static const ACCESS_MASK boot_access[LAYER_BOOT_HANDLES] = {
    SECTION_MAP_READ | SECTION_MAP_WRITE | SECTION_QUERY,
    SYNCHRONIZE | MUTANT_QUERY_STATE,
    DIRECTORY_QUERY | DIRECTORY_TRAVERSE | DIRECTORY_CREATE_OBJECT | DIRECTORY_CREATE_SUBDIRECTORY,
};

static NTSTATUS give_handles(struct entering *e, const struct layer_boot *boot)
{
    const uint64_t *from = (const uint64_t *)boot;
    uint64_t *to = (uint64_t *)&e->header->boot;
    for (unsigned i = 0; i < LAYER_BOOT_HANDLES; i++) {
        HANDLE handle = NULL;
        NTSTATUS status = nt.NtDuplicateObject(NT_CURRENT_PROCESS, (HANDLE)(uintptr_t)from[i], e->process, &handle,
                                               boot_access[i], 0, 0);
        if (status < 0)
            return fail(e, status, "give the process the VM's handles");
        to[i] = (uintptr_t)handle;
    }
    e->header->boot.pid = boot->pid;
    ULONG_PTR peb32;
    NTSTATUS status = wow64_peb(e->process, &peb32);
    e->header->boot.narrow = peb32 != 0;
    return status < 0 ? fail(e, status, "ask whether it is a 32-bit program") : status;
}

static NTSTATUS write_there(struct entering *e, uint64_t address, const void *bytes, SIZE_T size, const char *step)
{
    SIZE_T done = 0;
    NTSTATUS status = nt.NtWriteVirtualMemory(e->process, (void *)(uintptr_t)address, bytes, size, &done);
    return status < 0 || done != size ? fail(e, status < 0 ? status : STATUS_PARTIAL_COPY, step) : STATUS_SUCCESS;
}

static NTSTATUS protect_there(struct entering *e, uint64_t address, SIZE_T size, ULONG protect, ULONG *old)
{
    void *at = (void *)(uintptr_t)address;
    NTSTATUS status = nt.NtProtectVirtualMemory(e->process, &at, &size, protect, old);
    return status < 0 ? fail(e, status, "protect memory") : STATUS_SUCCESS;
}

static NTSTATUS write_layer(struct entering *e)
{
    e->header->ready = 1;
    return write_there(e, e->target, e->copy, e->used, "write the layer");
}

/* Wine writes to read-only code as a debugger does; Windows wants it made writable first. */
static NTSTATUS write_code(struct entering *e, uint64_t address, const void *code, SIZE_T size)
{
    if (write_there(e, address, code, size, "write the stubs") >= 0)
        return STATUS_SUCCESS;
    ULONG old, ignored;
    NTSTATUS status = protect_there(e, address, size, PAGE_EXECUTE_READWRITE, &old);
    if (status >= 0)
        status = write_there(e, address, code, size, "write the stubs");
    return status < 0 ? status : protect_there(e, address, size, old, &ignored);
}

static NTSTATUS write_stubs(struct entering *e)
{
    uint64_t ntdll = (uintptr_t)e->ntdll.base;
    uint8_t code[STUB_JUMP_MAX];
    NTSTATUS status = write_code(e, ntdll + e->low, e->stubs, e->high - e->low);
    for (uint32_t i = 0; i < e->header->row_count && status >= 0; i++) {
        const struct layer_row *row = &e->rows[i];
        size_t length;
        if (!row->replaced || !row->rva || in_range(e, row))
            continue;
        if (!(length = stub_jump(code, ntdll + row->rva, row->hook.v, e->file.machine)))
            return fail(e, STATUS_CONFLICTING_ADDRESSES, "reach the hook of a replaced function");
        status = write_code(e, ntdll + row->rva, code, length);
    }
    return status;
}

/* ---- the 32-bit ntdll ---- */

static NTSTATUS read_narrow(struct entering *e, const struct image *narrow, uint64_t base, uint32_t rva, uint32_t size)
{
    SIZE_T done = 0;
    if (!size || rva > narrow->size || size > narrow->size - rva)
        return fail(e, STATUS_INVALID_IMAGE_FORMAT, "read the 32-bit ntdll");
    NTSTATUS status = nt.NtReadVirtualMemory(e->process, (const void *)(uintptr_t)(base + rva),
                                             (uint8_t *)narrow->base + rva, size, &done);
    return status < 0 || done != size ? fail(e, status < 0 ? status : STATUS_PARTIAL_COPY, "read the 32-bit ntdll")
                                      : STATUS_SUCCESS;
}

/* The exports and the stubs only: each page that is read becomes one of the process. */
static NTSTATUS read_stubs_narrow(struct entering *e, const struct image *narrow, uint64_t base)
{
    uint32_t at, size, low = UINT32_MAX, high = 0;
    if (!image_exports(narrow, &at, &size))
        return fail(e, STATUS_INVALID_IMAGE_FORMAT, "find the exports of the 32-bit ntdll");
    NTSTATUS status = read_narrow(e, narrow, base, at, size);
    for (uint32_t i = 0; i < e->header->row_count && status >= 0; i++) {
        const struct layer_row *row = &e->rows[i];
        uint32_t rva = row->hook.v && !row->replaced ? image_export(narrow, at_target(e, row->name, 1)) : 0;
        if (!rva)
            continue;
        if (rva < low)
            low = rva;
        if (rva > high)
            high = rva;
    }
    return status < 0 || high < low ? status : read_narrow(e, narrow, base, low, high - low + STUB_MAX);
}

static NTSTATUS patch_narrow(struct entering *e)
{
    uint8_t head[HEAD];
    struct image narrow;
    uint64_t base;
    SIZE_T done = 0;
    if (!e->header->boot.narrow)
        return STATUS_SUCCESS;
    NTSTATUS status = wow64_ntdll(e->process, &e->ntdll, &base);
    if (status < 0)
        return fail(e, status, "find the 32-bit ntdll, without which this system runs no 32-bit programs");
    status = nt.NtReadVirtualMemory(e->process, (const void *)(uintptr_t)base, head, HEAD, &done);
    if (status < 0 || done != HEAD || !image_parse(&narrow, head, HEAD, true))
        return fail(e, status < 0 ? status : STATUS_INVALID_IMAGE_FORMAT, "read the 32-bit ntdll");
    SIZE_T size = narrow.image_size;
    uint8_t *copy = memory_take(size);
    if (!copy)
        return fail(e, STATUS_NO_MEMORY, "allocate a copy of the 32-bit ntdll");
    mem_copy(copy, head, size < HEAD ? size : HEAD);
    status = image_parse(&narrow, copy, size, true) ? read_stubs_narrow(e, &narrow, base)
                                                    : fail(e, STATUS_INVALID_IMAGE_FORMAT, "read the 32-bit ntdll");
    for (uint32_t i = 0; i < e->header->row_count && status >= 0; i++) {
        struct wow64_patch patch;
        if (e->rows[i].hook.v && wow64_patch(&narrow, at_target(e, e->rows[i].name, 1), &patch))
            status = write_code(e, base + patch.rva, patch.code, patch.size);
    }
    memory_give(copy);
    return status;
}

bool process_can_enter(uint16_t machine)
{
    return machine == IMAGE_FILE_MACHINE_I386 || (machine == IMAGE_FILE_MACHINE_AMD64 && sizeof(void *) == 8);
}

NTSTATUS process_enter(HANDLE process, const uint8_t *file, size_t size, const struct layer_boot *boot,
                       struct enter_error *error)
{
    *error = (struct enter_error){0};
    struct entering e = {.process = process, .error = error};
    const uint8_t *ntdll = native_ntdll();
    if (!image_parse(&e.file, file, size, false) || !image_parse(&e.ntdll, ntdll, PAGE, true) ||
        !image_parse(&e.ntdll, ntdll, e.ntdll.image_size, true))
        return fail(&e, STATUS_INVALID_IMAGE_FORMAT, "read the layer's image");
    NTSTATUS status = allocate(&e);
    if (status >= 0)
        status = prepare_image(&e);
    if (status >= 0)
        status = find_exports(&e);
    if (status >= 0)
        status = hook_stubs(&e);
    if (status >= 0)
        status = give_handles(&e, boot);
    if (status >= 0)
        status = write_layer(&e);
    if (status >= 0)
        status = write_stubs(&e);
    if (status >= 0)
        status = patch_narrow(&e);
    memory_give(e.stubs);
    memory_give(e.copy);
    return status;
}
