/* Inventing names of VMs. */
#ifndef FVM_VM_NAME_H
#define FVM_VM_NAME_H

#include "base/str.h"

/* A name such as quiet-otter-17, terminated; another one for each attempt. It may be taken. */
void name_invent(struct strbuf *out, uint32_t attempt);

#endif
