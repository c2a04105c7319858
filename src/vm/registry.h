/* The VM's registry keys as seen from outside: HKCU\Software\FVM\<name>-<time of creation>, with the VM's own names below it
 * (Machine\Software\..., User\S-1-...\...). What lies there was written by programs that are not trusted. */
#ifndef FVM_VM_REGISTRY_H
#define FVM_VM_REGISTRY_H

#include "vm/vm.h"

/* Names behind \REGISTRY\, in `out` (VM_PATH_MAX units); empty when the system does not tell the user's. */
struct str registry_home(char16 out[VM_PATH_MAX]);
struct str registry_root(const struct vm *vm, char16 out[VM_PATH_MAX]);

/* Opens a name behind \REGISTRY\; the key itself if it is a link. */
NTSTATUS registry_open(struct str path, ACCESS_MASK access, HANDLE *key);
/* The same for a VM's stored keys, whatever rights its programs gave them. */
NTSTATUS registry_open_own(struct str path, ACCESS_MASK access, HANDLE *key);
/* Whether the VM has a stored key of that name. */
bool registry_stored(const struct vm *vm, struct str path);
/* Removes what stands beside a stored key while that is renamed. */
void registry_remove_guard(const struct vm *vm, struct str path);
/* Removes all keys of the VM, and FVM's own when it holds no other VM's. */
NTSTATUS registry_delete(const struct vm *vm);

#endif
