/* Changing files through handles. */
#ifndef FVM_LAYER_FILES_CHANGE_H
#define FVM_LAYER_FILES_CHANGE_H

#include "layer/files/files.h"

/* A handle to the VM's own copy of what `file` has open, with the same access; copies it up first. `*own` is `file` itself when
 * that already is the VM's or is no file, else to be closed. On Wine a handle opened for reading can change times and names, so what a
 * handle may change cannot be told from its access: the changing services come here. */
NTSTATUS change_handle(HANDLE file, enum copy_what what, HANDLE *own);
/* The same, by a handle of our own, always to be closed: the number of the program's may come to be another handle's, after it was looked at. */
NTSTATUS change_handle_kept(HANDLE file, enum copy_what what, HANDLE *own);
/* Renames or hard-links (rename.c). */
NTSTATUS change_name(HANDLE file, IO_STATUS_BLOCK *io, const void *information, ULONG length,
                     FILE_INFORMATION_CLASS class);
/* STATUS_ACCESS_DENIED, and a line in the log with the name of what `file` has open. */
NTSTATUS change_refuse(HANDLE file, const char *why);

#endif
