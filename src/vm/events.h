/* events.log: what happened in a VM, one line an event. The VM's programs write to it, too. */
#ifndef FVM_VM_EVENTS_H
#define FVM_VM_EVENTS_H

#include "vm/vm.h"

#define EVENT_BYTES 8192u /* longest line */

/* Opens the log for appending (created when it is missing). */
NTSTATUS events_open(const struct vm *vm, HANDLE *events);
/* Appends "<time> <pid> <event> <text>". Losing a line is no reason to fail, so there is no result. */
void event_write(HANDLE events, uint32_t pid, const char16 *event, struct str text);

#endif
