/* Who may do what with a key. The stored key has the descriptor that the program gave, so that the system judges its openings; the layer
 * gets in as the key's owner. So what would take that from it is refused. */
#include "layer/registry/registry.h"

#define KEPT (OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION)
#define OWNER_ACCESS (READ_CONTROL | WRITE_DAC)

NTSTATUS NTAPI fvm_NtQuerySecurityObject(HANDLE handle, SECURITY_INFORMATION requested, void *descriptor, ULONG length,
                                         ULONG *return_length)
{
    struct key_use use;
    HANDLE real;
    layer_attach();
    if (keys_untouched() || !key_is_key(handle))
        return nt.NtQuerySecurityObject(handle, requested, descriptor, length, return_length);
    NTSTATUS status = key_begin(&use, handle);
    if (status < 0)
        return status;
    status = key_values(&use, &real);
    if (status >= 0)
        status = nt.NtQuerySecurityObject(real, requested, descriptor, length, return_length);
    key_end(&use);
    return status;
}

static bool in_reach(struct str vm_path)
{
    HANDLE key;
    if (key_open_stored(vm_path, OWNER_ACCESS, &key) < 0)
        return false;
    nt.NtClose(key);
    return true;
}

/* [locked] */
static NTSTATUS set_checked(struct str vm_path, HANDLE real, SECURITY_INFORMATION requested, void *descriptor)
{
    HANDLE own;
    ULONG length;
    NTSTATUS status = key_open_stored(vm_path, OWNER_ACCESS | WRITE_OWNER, &own);
    if (status < 0)
        status = key_open_stored(vm_path, OWNER_ACCESS, &own);
    if (status < 0)
        return status;
    void *before = scratch_take();
    status = nt.NtQuerySecurityObject(own, KEPT, before, SCRATCH_SIZE, &length);
    if (status >= 0)
        status = nt.NtSetSecurityObject(real, requested, descriptor);
    if (status >= 0 && !in_reach(vm_path)) {
        if (nt.NtSetSecurityObject(own, KEPT, before) < 0)
            nt.NtSetSecurityObject(own, DACL_SECURITY_INFORMATION, before);
        status = log_refusal("giving a key away", vm_path, STATUS_INVALID_OWNER);
    }
    scratch_give(before);
    nt.NtClose(own);
    return status;
}

static NTSTATUS set_kept(struct str vm_path, HANDLE real, SECURITY_INFORMATION requested, void *descriptor)
{
    layer_lock();
    NTSTATUS status = set_checked(vm_path, real, requested, descriptor);
    layer_unlock();
    return status;
}

bool key_set_security(HANDLE handle, SECURITY_INFORMATION requested, void *descriptor, NTSTATUS *status)
{
    struct key_use use;
    HANDLE real;
    ACCESS_MASK access = (requested & OWNER_SECURITY_INFORMATION ? WRITE_OWNER : 0) |
                         (requested & DACL_SECURITY_INFORMATION ? WRITE_DAC : 0);
    if (!key_is_key(handle))
        return false;
    *status = key_begin_sure(&use, handle);
    if (*status < 0)
        return true;
    *status = key_change(&use, access, &real);
    if (*status >= 0 && use.state && requested & KEPT)
        *status = set_kept(key_path(&use), real, requested, descriptor);
    else if (*status >= 0)
        *status = nt.NtSetSecurityObject(real, requested, descriptor);
    key_end(&use);
    return true;
}

/* Which parts the program's descriptor has. */
static NTSTATUS parts_of(const void *descriptor, SECURITY_INFORMATION *parts)
{
    SECURITY_DESCRIPTOR_RELATIVE relative;
    SECURITY_DESCRIPTOR absolute;
    if (!guard_read(&relative, descriptor, sizeof(relative)))
        return STATUS_ACCESS_VIOLATION;
    bool self = relative.Control & SE_SELF_RELATIVE;
    if (!self && !guard_read(&absolute, descriptor, sizeof(absolute)))
        return STATUS_ACCESS_VIOLATION;
    *parts = (relative.Control & SE_DACL_PRESENT ? DACL_SECURITY_INFORMATION : 0) |
             ((self ? relative.Owner != 0 : absolute.Owner != NULL) ? OWNER_SECURITY_INFORMATION : 0) |
             ((self ? relative.Group != 0 : absolute.Group != NULL) ? GROUP_SECURITY_INFORMATION : 0);
    return STATUS_SUCCESS;
}

NTSTATUS key_give_descriptor(struct str vm_path, void *descriptor)
{
    SECURITY_INFORMATION parts;
    HANDLE own;
    NTSTATUS status = parts_of(descriptor, &parts);
    if (status < 0 || !parts)
        return status;
    status = key_open_stored(vm_path, WRITE_DAC | WRITE_OWNER, &own);
    if (status < 0)
        return status;
    status = set_kept(vm_path, own, parts, descriptor);
    nt.NtClose(own);
    return status;
}
