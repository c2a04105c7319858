/* The jobs of a VM: each supervisor (a running `fvm run`) owns one, and the system ends its processes when the
 * supervisor is gone. A job's name has a number, so that anybody can find all jobs of a VM. */
#ifndef FVM_VM_JOB_H
#define FVM_VM_JOB_H

#include "vm/vm.h"

#define JOB_SLOTS 256u

/* Creates the first job that does not exist yet. NULL and GetLastError() when that fails. */
HANDLE job_claim(const struct vm *vm);
/* Number of processes in one job. */
uint32_t job_processes(HANDLE job);
/* Whether a supervisor is at work in the VM. *processes (may be NULL): how many processes run in it. */
bool vm_running(const struct vm *vm, uint32_t *processes);

#endif
