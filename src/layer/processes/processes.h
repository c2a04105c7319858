/* The processes of a VM. */
#ifndef FVM_LAYER_PROCESSES_PROCESSES_H
#define FVM_LAYER_PROCESSES_PROCESSES_H

#include "layer/layer.h"

/* Puts a new process (nothing of which has run) into the VM: layer, hooks, table of processes, event log. in_job: in one that the
 * program knows of, besides the VM's. */
NTSTATUS process_join(HANDLE process, struct str image, bool in_job);
/* Whether the process behind the handle belongs to the VM. */
bool process_is_ours(HANDLE process);
/* The same for a process that is known to exist, by its id. */
bool process_id_is_ours(uint32_t pid);
/* The same for one of which the system says when it was made. */
bool process_listed_is_ours(uint32_t pid, int64_t create_time);
/* Whether it is this process: it may have a handle of itself besides NT_CURRENT_PROCESS. */
bool process_is_this(HANDLE process);
/* There is a process with this id, and it is not the VM's. */
bool process_is_outside(uint32_t pid);
/* Tells the VM's other processes which handle of this one is a journal's, and asks whether one of another is. */
void process_note_journal(enum journal_names names, HANDLE handle);
bool process_has_journal(HANDLE process, HANDLE handle);
/* Whether it is in a job besides the VM's. */
bool process_in_job(HANDLE process);
void process_set_in_job(HANDLE process, bool in_job);
/* Logs the refusal of something about the process or thread with this id; returns STATUS_ACCESS_DENIED. */
NTSTATUS process_refuse(const char *why, ULONG_PTR id);

#endif
