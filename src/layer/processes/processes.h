/* The processes of a VM. */
#ifndef FVM_LAYER_PROCESSES_PROCESSES_H
#define FVM_LAYER_PROCESSES_PROCESSES_H

#include "layer/layer.h"

/* Puts a new process (nothing of which has run) into the VM: layer, hooks, table of processes, event log. */
NTSTATUS process_join(HANDLE process, uint16_t machine, struct str image);
/* Whether the process behind the handle belongs to the VM. */
bool process_is_ours(HANDLE process);

#endif
