/* Named pipes and mailslots of a VM: what a program calls pipe\x is pipe\FVM.<id>\x. */
#ifndef FVM_LAYER_OBJECTS_PIPES_H
#define FVM_LAYER_OBJECTS_PIPES_H

#include "layer/layer.h"

/* Both names are copies: what was judged is what the system gets. */
struct pipe_name {
    OBJECT_ATTRIBUTES *at; /* for the system; NULL when the program gave none */
    struct said said;
    OBJECT_ATTRIBUTES own; /* with the VM's name of the pipe */
    UNICODE_STRING own_name;
    bool endpoint; /* one of the system's, to be used by clients when the VM has no server of that name */
};

enum pipe_kind {
    PIPE_NONE,   /* no pipe; nothing is known about the name */
    PIPE_OWN,    /* at is &own */
    PIPE_DEVICE, /* the pipe device itself, or something without a name */
};

/* Decodes attributes of the program into *kind and *name; `memory` is a scratch block that *name lives in. Fails where nothing may be
 * asked of the system. */
NTSTATUS pipe_resolve(const OBJECT_ATTRIBUTES *program, char16 *memory, struct pipe_name *name, enum pipe_kind *kind);
/* A client of this endpoint that found no server in the VM may try the system's, by name->said. */
bool pipe_try_system(const struct pipe_name *name, NTSTATUS status);
/* Does this VM path lead to pipes or mailslots of a machine (UNC\server\pipe\x)? */
bool pipe_of_machine(struct str vm_path);

/* The VM's name of a pipe for its object name (\Device\NamedPipe\FVM.<id>\x). */
bool pipe_show(struct str system_name, struct strbuf *own);
/* What FileNameInformation should have said, when `said`, the system's answer of `length` bytes at most, is (as far as it goes) the name
 * of a pipe in the VM. */
bool pipe_file_name(HANDLE pipe, const void *said, ULONG length, char16 *memory, struct str *own);

/* A pipe whose other end is gone: it has no name any more, and Wine 8's server must not be asked for one. */
bool pipe_is_disconnected(HANDLE pipe);

/* FSCTL_PIPE_WAIT, whose buffer names a pipe. */
#define CODE_PIPE_WAIT 0x110018u
struct control;
NTSTATUS pipe_wait(const struct control *call);

#endif
