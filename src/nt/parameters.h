/* The process parameters of another process, as its own loader reads them when it begins. */
#ifndef FVM_NT_PARAMETERS_H
#define FVM_NT_PARAMETERS_H

#include "base/str.h"
#include "nt/native.h"

/* Gives a process of which nothing has run another name of its image. Of a 32-bit process, both what its 64-bit side
 * reads and, where the system has made that already (Wine has, Windows makes it from the other), what its 32-bit side
 * reads. */
NTSTATUS parameters_set_image_name(HANDLE process, struct str name);

#endif
