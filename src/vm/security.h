/* Who may do what with an object, to be compared. */
#ifndef FVM_VM_SECURITY_H
#define FVM_VM_SECURITY_H

#include "nt/native.h"

#include <stdbool.h>

/* The discretionary access list of an object, with what it says of inheritance left out, since a copy inherits nothing. An object that
 * has none, so that everybody may do everything, has one of revision 0 here. NULL: it cannot be read. To be freed. */
ACL *security_rights(HANDLE object);
/* NULL is the same as any: what cannot be read is no change. */
bool security_same(const ACL *a, const ACL *b);

#endif
