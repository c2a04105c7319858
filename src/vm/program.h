/* The program that `fvm run` names: found as the VM sees it, and looked at before any process exists. */
#ifndef FVM_VM_PROGRAM_H
#define FVM_VM_PROGRAM_H

#include "vm/share.h"

struct program {
    struct strbuf image;        /* path for CreateProcess: on the host, or in the VM's storage; owned */
    struct strbuf name;         /* the same file as the VM names it; owned */
    struct strbuf command_line; /* owned */
    uint16_t machine;           /* IMAGE_FILE_MACHINE_* */
    HANDLE file;                /* keeps the image from being replaced until the process exists */
};

/* FVM_NO_SUCH_PROGRAM, or FVM_CANNOT_RUN with the reason. Free with program_free in any case. */
enum fvm_result program_find(struct program *program, const struct vm *vm, const struct share *share,
                             const wchar_t *command_line, struct fvm_error *error);
void program_free(struct program *program);

#endif
