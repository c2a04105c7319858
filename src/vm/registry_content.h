/* What a key of the registry holds, in memory. */
#ifndef FVM_VM_REGISTRY_CONTENT_H
#define FVM_VM_REGISTRY_CONTENT_H

#include "vm/vm.h"

struct value {
    char16 *name; /* one allocation with the data behind it */
    size_t units;
    ULONG type, size;
    uint8_t *data; /* NULL: more than 64 MiB, which are not read */
};

struct subkey {
    char16 *name;
    size_t units;
};

struct content {
    struct value *values;
    size_t value_count;
    struct subkey *subkeys;
    size_t subkey_count;
    ACL *rights; /* NULL: not known */
};

#define CONTENT_VALUES 1u /* with the rights */
#define CONTENT_SUBKEYS 2u
#define CONTENT_ALL (CONTENT_VALUES | CONTENT_SUBKEYS)

/* Adds what the key of that name behind \REGISTRY\ has; content is zeroed at first, and freed by the caller also after an error. own: it
 * is a VM's stored key, see registry_open_own. STATUS_OBJECT_NAME_NOT_FOUND: there is no such key. */
NTSTATUS content_add(struct content *content, struct str name, bool own, unsigned what);
void content_free(struct content *content);

#endif
