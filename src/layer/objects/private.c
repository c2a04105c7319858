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

/* A copy with the VM's name at its end, in a scratch block; NULL when the system can say what is wrong with it. */
static struct boundary *own_boundary(const void *program, void *memory)
{
    struct boundary *own = memory;
    struct str name = path_leaf(object_root());
    ULONG bytes = (ULONG)(name.len * sizeof(char16)), size = (ULONG)sizeof(struct boundary_entry) + bytes;
    if (!guard_read(own, program, sizeof(*own)) || own->version != BOUNDARY_VERSION || own->total_size < sizeof(*own) ||
        own->total_size > SCRATCH_SIZE / 2 || own->items == UINT32_MAX || !guard_read(own, program, own->total_size))
        return NULL;
    ULONG end = (own->total_size + ALIGN - 1) & ~(ULONG)(ALIGN - 1);
    struct boundary_entry *entry = (struct boundary_entry *)((uint8_t *)memory + end);
    *entry = (struct boundary_entry){BOUNDARY_NAME, size};
    mem_copy(entry + 1, name.s, bytes);
    own->items++;
    own->total_size = (end + size + ALIGN - 1) & ~(ULONG)(ALIGN - 1);
    return own;
}

NTSTATUS NTAPI fvm_NtCreatePrivateNamespace(HANDLE *handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes,
                                            void *boundary)
{
    layer_attach();
    void *memory = scratch_take(), *own = own_boundary(boundary, memory);
    NTSTATUS status = nt.NtCreatePrivateNamespace(handle, access, attributes, own ? own : boundary);
    scratch_give(memory);
    return status;
}

NTSTATUS NTAPI fvm_NtOpenPrivateNamespace(HANDLE *handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes,
                                          void *boundary)
{
    layer_attach();
    void *memory = scratch_take(), *own = own_boundary(boundary, memory);
    NTSTATUS status = nt.NtOpenPrivateNamespace(handle, access, attributes, own ? own : boundary);
    scratch_give(memory);
    return status;
}
