/* What the processes of a running VM share, opened from outside: section, lock, journals, event log, object names. */
#ifndef FVM_VM_SHARE_H
#define FVM_VM_SHARE_H

#include "delta/map.h"
#include "vm/objects.h"
#include "vm/vm.h"

struct share {
    const struct vm *vm; /* not owned */
    HANDLE section, lock, journal, key_journal, events;
    HANDLE files;           /* the delta tree; stays outside */
    HANDLE job;             /* of this supervisor */
    struct objects objects; /* its root goes to the VM's processes */
    struct vm_shared *view; /* the VM's programs write there: nothing read from it is trusted */
    size_t size;
    struct delta_map *map, *keys; /* in the view, checked; of files and of registry keys */
    size_t map_size;              /* of each */
    struct delta_map
        *own_map; /* instead of `map` when the VM's programs have gone over to a larger one; private memory */
};

/* Opens the VM for running: the section is made, and the journals replayed, if nobody runs in the VM yet. */
enum fvm_result share_open(struct share *share, const struct vm *vm, void (*notice)(const wchar_t *text),
                           struct fvm_error *error);
void share_close(struct share *share);
/* Notes that a process belongs to the VM, or (enter = false) that it ended. False when the table is full or the lock
 * cannot be had. */
bool share_process(struct share *share, uint32_t pid, int64_t create_time, bool enter);

#endif
