/* Starting the first process of a supervisor inside its VM. */
#ifndef FVM_VM_LAUNCH_H
#define FVM_VM_LAUNCH_H

#include "vm/program.h"

/* Creates the process suspended and in the VM's job, enters it, and lets it run. *process is the caller's to close. */
enum fvm_result launch(struct share *share, const struct program *program, PROCESS_INFORMATION *process,
                       struct fvm_error *error);

#endif
