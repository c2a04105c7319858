/* Keys of the user's own. */
#ifndef FVM_NT_OWNER_H
#define FVM_NT_OWNER_H

#include "nt/native.h"

/* Ends the name of the key that stands beside a stored one while that is renamed: see src/layer/registry/rename.c. */
#define KEY_GUARD u"\x01 fvm"

#define OWNER_DESCRIPTOR_SIZE 65536u /* bytes; more than an access control list can have */

/* NtOpenKey, also where the key's access control list lets nobody in: its owner may change that list, and it is put back. memory:
 * OWNER_DESCRIPTOR_SIZE bytes, 8-aligned. */
NTSTATUS owner_open_key(const OBJECT_ATTRIBUTES *attributes, ACCESS_MASK access, HANDLE *key, void *memory);

/* Deletes a guard that a rename left: an empty key, unlike nearly all that a program would call so. Needs DELETE and KEY_QUERY_VALUE. */
void owner_delete_guard(HANDLE guard);

#endif
