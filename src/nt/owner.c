/* Opening keys that are the user's own, whatever rights a program of a VM gave them. */
#include "nt/owner.h"

NTSTATUS owner_open_key(const OBJECT_ATTRIBUTES *attributes, ACCESS_MASK access, HANDLE *key, void *memory)
{
    SECURITY_DESCRIPTOR open = {.Revision = SECURITY_DESCRIPTOR_REVISION, .Control = SE_DACL_PRESENT};
    HANDLE owner;
    ULONG length;
    NTSTATUS denied = nt.NtOpenKey(key, access, attributes);
    if (denied != STATUS_ACCESS_DENIED ||
        nt.NtOpenKey(&owner, READ_CONTROL | WRITE_DAC | (access & (KEY_WOW64_32KEY | KEY_WOW64_64KEY)), attributes) < 0)
        return denied;
    NTSTATUS status =
        nt.NtQuerySecurityObject(owner, DACL_SECURITY_INFORMATION, memory, OWNER_DESCRIPTOR_SIZE, &length);
    if (status >= 0)
        status = nt.NtSetSecurityObject(owner, DACL_SECURITY_INFORMATION, &open);
    if (status >= 0) {
        status = nt.NtOpenKey(key, access, attributes);
        nt.NtSetSecurityObject(owner, DACL_SECURITY_INFORMATION, memory);
    }
    nt.NtClose(owner);
    return status < 0 ? denied : status;
}

void owner_delete_guard(HANDLE guard)
{
    FVM_KEY_CACHED_INFORMATION information;
    ULONG length;
    NTSTATUS status = nt.NtQueryKey(guard, KeyCachedInformationClass, &information, sizeof(information), &length);
    if ((status >= 0 || status == STATUS_BUFFER_OVERFLOW) && !information.Values && !information.SubKeys)
        nt.NtDeleteKey(guard);
}
