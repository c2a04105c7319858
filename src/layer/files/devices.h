/* Names that NtCreateFile takes and that are no files: which devices a VM may reach. */
#ifndef FVM_LAYER_FILES_DEVICES_H
#define FVM_LAYER_FILES_DEVICES_H

#include "layer/files/files.h"

/* Whether a NAME_VOLUME or NAME_OTHER may be opened; logs the refusal. Of a raw volume or disk only questions may be asked:
 * the access is cut down to that, and a read or write through the handle is refused by the system. root: our own handle of what the name is relative
 * to, or NULL. */
NTSTATUS device_check(const struct file_name *name, HANDLE root, ACCESS_MASK *access);
/* Whether an NT name, as name_decode gives it, is one of a device: behind \Device\ or \??\. */
bool device_is_named(struct str nt_name);
/* On Wine, the directories of the Unix file system whose entries are devices and processes, not files. */
bool device_directory(struct str vm_path);

#endif
