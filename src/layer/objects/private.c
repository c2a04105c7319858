/* Private name spaces. The system finds one by its boundary: a set of names and identifiers. A VM's boundaries have one name
 * more, the VM's own, so its private name spaces are not those of the host. (Not on Wine: its services are stubs.) */
#include "layer/objects/objects.h"

enum { BOUNDARY_NAME = 1, BOUNDARY_VERSION = 1 };

/* OBJECT_BOUNDARY_DESCRIPTOR, followed by its entries, each 8-aligned. Source: phnt, ntobapi.h. */
struct boundary {
    ULONG version, items, total_size, flags;
};

struct boundary_entry {
    ULONG type, size; /* with this head */
};

#define ALIGN 8u

/* A copy with the VM's name at its end, in a scratch block. */
static NTSTATUS own_boundary(const void *program, struct boundary *own)
{
    struct boundary head;
    struct str name = path_leaf(object_root());
    ULONG bytes = (ULONG)(name.len * sizeof(char16)), size = (ULONG)sizeof(struct boundary_entry) + bytes;
    if (!guard_read(&head, program, sizeof(head)))
        return STATUS_ACCESS_VIOLATION;
    if (head.version != BOUNDARY_VERSION || head.total_size < sizeof(head) || head.items == UINT32_MAX)
        return STATUS_INVALID_PARAMETER;
    if (head.total_size > SCRATCH_SIZE / 2)
        return log_refusal("boundary that is too long", (struct str){0}, STATUS_NAME_TOO_LONG);
    if (!guard_read(own, program, head.total_size))
        return STATUS_ACCESS_VIOLATION;
    ULONG end = (head.total_size + ALIGN - 1) & ~(ULONG)(ALIGN - 1);
    struct boundary_entry *entry = (struct boundary_entry *)((uint8_t *)own + end);
    *entry = (struct boundary_entry){BOUNDARY_NAME, size};
    mem_copy(entry + 1, name.s, bytes);
    head.items++;
    head.total_size = (end + size + ALIGN - 1) & ~(ULONG)(ALIGN - 1);
    *own = head;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI fvm_NtCreatePrivateNamespace(HANDLE *handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes,
                                            void *boundary)
{
    layer_attach();
    void *own = scratch_take();
    struct object_name name;
    OBJECT_ATTRIBUTES *at;
    NTSTATUS status = object_resolve(attributes, OBJECT_CREATE, &name, &at);
    if (status >= 0)
        status = own_boundary(boundary, own);
    if (status >= 0)
        status = nt.NtCreatePrivateNamespace(handle, access, at, own);
    scratch_give(own);
    return status;
}

NTSTATUS NTAPI fvm_NtOpenPrivateNamespace(HANDLE *handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes,
                                          void *boundary)
{
    layer_attach();
    void *own = scratch_take();
    NTSTATUS status = own_boundary(boundary, own);
    if (status >= 0)
        status = nt.NtOpenPrivateNamespace(handle, access, attributes, own);
    scratch_give(own);
    return status;
}
