#include "vm/security.h"

#include <stdlib.h>
#include <string.h>

#define DESCRIPTOR_LIMIT 65536u /* bytes; a list has at most so many */

static ACL *take_list(const SECURITY_DESCRIPTOR_RELATIVE *descriptor, size_t size)
{
    static const ACL none = {.AclRevision = 0, .AclSize = sizeof none}; /* unlike an empty list, which allows nothing */
    const ACL *list = &none;
    size_t at = descriptor->Dacl;
    if (descriptor->Control & SE_DACL_PRESENT && at) {
        if (at % sizeof(ULONG) || size < sizeof(ACL) || at > size - sizeof(ACL))
            return NULL;
        list = (const ACL *)(const void *)((const uint8_t *)descriptor + at);
        if (list->AclSize < sizeof *list || list->AclSize > size - at)
            return NULL;
    }
    ACL *copy = malloc(list->AclSize);
    if (copy)
        memcpy(copy, list, list->AclSize);
    return copy;
}

static void forget_inheritance(ACL *list)
{
    size_t at = sizeof *list;
    for (WORD i = 0; i < list->AceCount && at + sizeof(ACE_HEADER) <= list->AclSize; i++) {
        ACE_HEADER *entry = (ACE_HEADER *)(void *)((uint8_t *)list + at);
        if (entry->AceSize < sizeof *entry)
            break;
        entry->AceFlags &= (BYTE)~INHERITED_ACE;
        at += entry->AceSize;
    }
}

ACL *security_rights(HANDLE object)
{
    ULONG length;
    ACL *list = NULL;
    SECURITY_DESCRIPTOR_RELATIVE *descriptor = malloc(DESCRIPTOR_LIMIT);
    if (descriptor &&
        NT_SUCCESS(
            nt.NtQuerySecurityObject(object, DACL_SECURITY_INFORMATION, descriptor, DESCRIPTOR_LIMIT, &length)) &&
        length >= sizeof *descriptor)
        list = take_list(descriptor, length);
    free(descriptor);
    if (list)
        forget_inheritance(list);
    return list;
}

bool security_same(const ACL *a, const ACL *b)
{
    return !a || !b || (a->AclSize == b->AclSize && memcmp(a, b, a->AclSize) == 0);
}
