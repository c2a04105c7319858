#ifndef FVM_LAYER_FILES_LOCK_H
#define FVM_LAYER_FILES_LOCK_H

#include "layer/files/files.h"

/* The handle that has the locks of the program's; NULL: that has its own. */
HANDLE lock_companion(HANDLE file);
/* Ends the locks of handles that were closed. */
void lock_end_closed(void);
/* For handles.c: a companion whose handle was closed. */
void lock_release(uintptr_t companion);

#endif
