/* The writer lock of a VM: a mutant that its programs and the outside share. */
#ifndef FVM_VM_LOCK_H
#define FVM_VM_LOCK_H

#include "vm/vm.h"

/* Opens (or makes) and takes it. *abandoned (may be NULL): its last owner died, so the map must be rebuilt. */
enum fvm_result lock_take(const struct vm *vm, HANDLE *lock, bool *abandoned, const char16 *operation,
                          struct fvm_error *error);
void lock_release(HANDLE lock); /* and closes it */

#endif
