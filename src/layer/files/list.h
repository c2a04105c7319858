/* Listing directories: host and delta merged. */
#ifndef FVM_LAYER_FILES_LIST_H
#define FVM_LAYER_FILES_LIST_H

#include "layer/files/files.h"

/* Whether a directory of the VM (in storage, with or without a lower) has no entries in the VM's view. */
bool list_is_empty(const struct file_name *name);

#endif
