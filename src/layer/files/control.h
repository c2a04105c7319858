/* A call of NtFsControlFile or NtDeviceIoControlFile. Wine passes a code on the same way whichever of the two it came by. */
#ifndef FVM_LAYER_FILES_CONTROL_H
#define FVM_LAYER_FILES_CONTROL_H

#include "layer/layer.h"

struct control {
    NTSTATUS(NTAPI *service)
    (HANDLE, HANDLE, PIO_APC_ROUTINE, void *, IO_STATUS_BLOCK *, ULONG, void *, ULONG, void *, ULONG);
    HANDLE file, event;
    PIO_APC_ROUTINE apc;
    void *context;
    IO_STATUS_BLOCK *io;
    ULONG code;
    void *in; /* of the program, or a copy */
    ULONG in_length;
    void *out;
    ULONG out_length;
};

/* By the service that it came by. */
static inline NTSTATUS control_call(const struct control *c)
{
    return c->service(c->file, c->event, c->apc, c->context, c->io, c->code, c->in, c->in_length, c->out,
                      c->out_length);
}

#endif
