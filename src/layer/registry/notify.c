/* Watching keys. What the VM changes happens at the stored key, what the host changes at the host's: a watched key of the host
 * gets a stored one, and both are watched with the program's event. */
#include "layer/registry/registry.h"

struct watching {
    HANDLE event;
    PIO_APC_ROUTINE apc;
    void *context;
    IO_STATUS_BLOCK *io;
    ULONG filter;
    BOOLEAN subtree;
    void *buffer;
    ULONG length;
};

static NTSTATUS watch(HANDLE key, const struct watching *w)
{
    return nt.NtNotifyChangeKey(key, w->event, w->apc, w->context, w->io, w->filter, w->subtree, w->buffer, w->length,
                                TRUE);
}

/* Opens the stored key that stands for the handle's. */
static NTSTATUS open_watched(struct key_use *use)
{
    NTSTATUS status = STATUS_SUCCESS;
    if (use->state->watch)
        return status;
    layer_lock();
    status = key_mirror(key_path(use), KEY_NOTIFY, &use->state->watch);
    layer_unlock();
    if (status < 0)
        use->state->watch = NULL;
    return status;
}

/* Below such a key of the host is where FVM keeps the keys of all VMs: what changes there is no news for this one. */
static bool has_home(const struct key_use *use, const struct watching *w)
{
    return w->subtree && path_under_fold(layer.up, layer.keys.hidden, key_path(use));
}

static NTSTATUS watch_both(struct key_use *use, const struct watching *w)
{
    if (!use->state || use->state->stored)
        return watch(use->handle, w);
    /* the host's first: it says whether the handle may, and tells when that is closed */
    struct watching host = *w;
    host.subtree = w->subtree && !has_home(use, w);
    NTSTATUS status = w->apc ? STATUS_PENDING : watch(use->handle, &host);
    if (status == STATUS_PENDING && !key_may(use, KEY_NOTIFY))
        return STATUS_ACCESS_DENIED;
    if (status < 0 || open_watched(use) < 0)
        return status;
    NTSTATUS own = watch(use->state->watch, w);
    if (own == STATUS_KEY_DELETED) { /* deleted and made again since */
        nt.NtClose(use->state->watch);
        use->state->watch = NULL;
        if (open_watched(use) >= 0)
            own = watch(use->state->watch, w);
    }
    return own < 0 ? own : status;
}

/* Without an event and not asynchronously, the call waits; two keys can only be waited for by an event. */
static NTSTATUS watch_and_wait(HANDLE key, struct watching *w)
{
    enum { SynchronizationEventType = 1 };
    struct key_use use;
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof(attributes)};
    IO_STATUS_BLOCK io;
    w->apc = NULL;
    w->io = &io;
    NTSTATUS status = nt.NtCreateEvent(&w->event, EVENT_ALL_ACCESS, &attributes, SynchronizationEventType, FALSE);
    if (status < 0)
        return status;
    status = key_begin(&use, key);
    if (status >= 0) {
        status = watch_both(&use, w);
        key_end(&use);
    }
    if (status == STATUS_PENDING)
        status = nt.NtWaitForSingleObject(w->event, FALSE, NULL);
    nt.NtClose(w->event);
    return status;
}

static NTSTATUS notify(HANDLE key, struct watching *w, BOOLEAN async)
{
    struct key_use use;
    layer_attach();
    if (!async)
        return watch_and_wait(key, w);
    NTSTATUS status = key_begin(&use, key);
    if (status < 0)
        return status;
    status = watch_both(&use, w);
    key_end(&use);
    return status;
}

NTSTATUS NTAPI fvm_NtNotifyChangeKey(HANDLE key, HANDLE event, PIO_APC_ROUTINE apc, void *context, IO_STATUS_BLOCK *io,
                                     ULONG filter, BOOLEAN subtree, void *buffer, ULONG length, BOOLEAN async)
{
    struct watching w = {event, apc, context, io, filter, subtree, buffer, length};
    return notify(key, &w, async);
}

/* Of the further keys (NT allows one) those are watched that can be opened in the VM's view. */
NTSTATUS NTAPI fvm_NtNotifyChangeMultipleKeys(HANDLE key, ULONG count, OBJECT_ATTRIBUTES *more, HANDLE event,
                                              PIO_APC_ROUTINE apc, void *context, IO_STATUS_BLOCK *io, ULONG filter,
                                              BOOLEAN subtree, void *buffer, ULONG length, BOOLEAN async)
{
    struct watching w = {event, apc, context, io, filter, subtree, buffer, length};
    layer_attach();
    if (count && more)
        log_refusal("watch on further keys", (struct str){0}, STATUS_SUCCESS);
    return notify(key, &w, async);
}
