/* Lines at the end of a file that others append to as well. */
#ifndef FVM_NT_APPEND_H
#define FVM_NT_APPEND_H

#include "nt/native.h"

/* In one call. `file`: for appending; synchronous. On Wine the system looks for the end and then writes there, so of two lines at once one
 * was lost (measured: 30 of 6,000 by two processes); a lock on the file, far behind its end, keeps them apart. Who holds it may have been
 * suspended, so it is waited for a while only. Windows needs none. */
NTSTATUS append_line(HANDLE file, const void *line, ULONG size, IO_STATUS_BLOCK *io);

#endif
