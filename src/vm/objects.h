/* The object directory of a running VM: what its programs see as the root of all object names. */
#ifndef FVM_VM_OBJECTS_H
#define FVM_VM_OBJECTS_H

#include "vm/vm.h"

#define OBJECTS_PATH_UNITS 96u

struct objects {
    HANDLE root;
    HANDLE devices;  /* \??; one of the handles */
    HANDLE *handles; /* of everything below it: an object lives as long as somebody has it open */
    size_t count, cap;
};

/* NT path of the VM's object directory in this session. */
struct str objects_path(const struct vm *vm, char16 memory[OBJECTS_PATH_UNITS]);
/* Makes the directory and what every program expects in it, or joins what is there. On failure objects_close is the
 * caller's. */
NTSTATUS objects_open(struct objects *objects, struct str path);
void objects_close(struct objects *objects);
/* Permanent links, the drive letters that programs of the VM made: whether there are any, and removing them, in this directory or in
 * that of a VM whose supervisor was killed. */
bool objects_left(const struct objects *objects);
void objects_remove_left(struct str path);

#endif
