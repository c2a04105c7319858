/* Watching directories.
 *
 * What the VM changes happens in its storage, so that is what is watched. A handle that is opened asynchronously to
 * list a directory is as good as always for watching: create.c opens the storage for it at once (watch_intended), and
 * the system's own service does everything: events, completion ports, waiting for the handle itself, cancelling. A
 * synchronous handle of a host directory gets a companion when it is first watched. */
#ifndef FVM_LAYER_FILES_WATCH_H
#define FVM_LAYER_FILES_WATCH_H

#include "layer/files/files.h"

/* Whether a directory that is opened with this access and these options is to be watched: it is to be mirrored
 * (file_copy_up, COPY_META) and opened in storage. If that fails, it can be opened as it is. */
bool watch_intended(ACCESS_MASK access, ULONG options);

/* For handles.c: a companion whose handle was closed. */
void watch_release(uintptr_t companion);

#endif
