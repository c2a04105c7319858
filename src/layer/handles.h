/* What the layer knows about handles of this process: one word a handle and use, found without a lock.
 *
 * A word is 0, a verdict (bit 1 set: nothing is to be freed), or a value of the use with the two lowest bits clear,
 * which is released when the handle's value is used again. Whoever works with a word takes it out; what is given back after
 * the handle was forgotten is released. A thread that is killed in between only blocks others that use the same handle
 * in the same way. */
#ifndef FVM_LAYER_HANDLES_H
#define FVM_LAYER_HANDLES_H

#include "layer/layer.h"

enum handle_use {
    HANDLE_LIST,  /* a struct listing, or the verdict that the directory is plain, made at a map sequence */
    HANDLE_WATCH, /* the companion handle that is watched instead, or the verdict that it is the handle itself */
    HANDLE_LOCK,  /* what is locked instead, or the verdict that it is the handle itself */
    HANDLE_KEY,   /* a struct key_state */
    HANDLE_LAYER, /* the verdict that it is the layer's own, which the program has not */
    HANDLE_USES
};

#define HANDLE_VERDICT ((uintptr_t)2)

static inline bool handle_is_verdict(uintptr_t word)
{
    return (word & 3) == HANDLE_VERDICT;
}

/* What the system is to get for a handle that the program gave: for one of the layer's own, which no program has been given, one that there
 * cannot be. `used`: the same, with a line in the log, where something would be changed by it. */
HANDLE handle_seen(HANDLE handle);
HANDLE handle_used(HANDLE handle);
/* Logs the use of a handle of the layer's; returns HANDLE_NONE. */
HANDLE handle_refuse(void);
/* Nobody's. The system does not look it up among those of the process; it is none of the pseudo handles either. */
#define HANDLE_NONE ((HANDLE)(LONG_PTR)-0x10000)
/* The word as it is: a verdict, or 0 for everything else. */
uintptr_t handle_verdict(HANDLE handle, enum handle_use use);
/* The same for a value. It may be released at any moment: only for what can bear that, like a handle. */
uintptr_t handle_value(HANDLE handle, enum handle_use use);
/* Whether it can be a handle at all; the system refuses every other one. */
bool handle_is_possible(HANDLE handle);
/* Takes the word out; waits while another thread has it. `token` names the taker: the address of a variable on its
 * stack. False when it is no possible handle, or there is no memory: nothing can be given back. */
bool handle_take(HANDLE handle, enum handle_use use, void *token, uintptr_t *word);
/* The same, but false as well while another thread has it: for who may hold the VM's lock, which that thread may wait for. */
bool handle_take_free(HANDLE handle, enum handle_use use, void *token, uintptr_t *word);
void handle_give(HANDLE handle, enum handle_use use, void *token, uintptr_t word);
/* What is known of a handle that was just made. Never waits: a thread that is at work with an earlier handle of that number may itself
 * wait for a lock that the caller has. */
void handle_put(HANDLE handle, enum handle_use use, uintptr_t word);
/* Visits every value of that use that no other thread has taken. */
void handles_visit(enum handle_use use, void (*visit)(uintptr_t value));
/* What the system says of an object, in `memory` (of `size` bytes): its name, or that of its type. */
enum handle_text { HANDLE_NAME = 1, HANDLE_TYPE = 2 }; /* OBJECT_INFORMATION_CLASS */
NTSTATUS handle_text(HANDLE handle, enum handle_text what, void *memory, ULONG size, struct str *text);
/* The access that a handle was given; 0 when the system does not say. */
ACCESS_MASK handle_granted(HANDLE handle);
/* A handle of our own to the same object, with the same access: the number of the program's may come to be another object's. */
NTSTATUS handle_keep(HANDLE handle, HANDLE *kept);
/* Whether what `handle` is in that process is so; asked by a handle of our own to it. Nothing is not. */
bool handle_there(HANDLE process, HANDLE handle, bool (*is)(HANDLE));
/* Forgets what is known about a handle value: to be called by whatever service made a new handle with that value. Closing is
 * not intercepted: it is the most frequent service of all, and programs look at its stub's bytes. */
void handle_forget(HANDLE handle);

#endif
