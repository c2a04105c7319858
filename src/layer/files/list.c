/* Listing directories: NtQueryDirectoryFile(Ex).
 *
 * A directory that the VM did not change is the system's business. That verdict is made by name once, kept with the
 * handle, and looked at again only when a scan starts and the map has moved since. A scan that has started as plain
 * goes on as plain: the host's directory does not change under it. */
#include "layer/files/list.h"

#include "layer/handles.h"

/* NtQueryDirectoryFileEx, Windows 10 1709 */
#ifndef SL_RESTART_SCAN
#define SL_RESTART_SCAN 0x01u
#define SL_RETURN_SINGLE_ENTRY 0x02u
#endif
#ifndef SL_NO_CURSOR_UPDATE_QUERY
#define SL_NO_CURSOR_UPDATE_QUERY 0x10u
#endif

/* One call of the program; its pointers may be bad. */
struct query {
    HANDLE file, event;
    PIO_APC_ROUTINE apc;
    void *context;
    IO_STATUS_BLOCK *io;
    void *information;
    ULONG length;
    FILE_INFORMATION_CLASS class;
    ULONG flags; /* SL_* */
    UNICODE_STRING *mask;
    bool ex;
};

static NTSTATUS ask_system(const struct query *q)
{
    if (q->ex)
        return nt.NtQueryDirectoryFileEx(q->file, q->event, q->apc, q->context, q->io, q->information, q->length,
                                         q->class, q->flags, q->mask);
    return nt.NtQueryDirectoryFile(q->file, q->event, q->apc, q->context, q->io, q->information, q->length, q->class,
                                   !!(q->flags & SL_RETURN_SINGLE_ENTRY), q->mask, !!(q->flags & SL_RESTART_SCAN));
}

/* ---- the verdict: plain, or merged ---- */

enum { OPENED = 4 }; /* the verdict was made when the handle was opened, and no scan has started yet */

static uintptr_t plain_at(uint32_t sequence)
{
    return (uintptr_t)sequence << 3 | HANDLE_VERDICT;
}

static bool is_scanning(uintptr_t word)
{
    return handle_is_verdict(word) && !(word & OPENED);
}

void list_opened(HANDLE directory, struct str path, const struct map_place *place, bool from_storage, uint32_t sequence)
{
    bool plain = !listing_needed(place, from_storage);
    handle_put(directory, HANDLE_LIST, plain ? plain_at(sequence) | OPENED : (uintptr_t)listing_unread(path, sequence));
}

static bool can_list(HANDLE file)
{
    FVM_OBJECT_BASIC_INFORMATION information;
    ULONG length;
    return nt.NtQueryObject(file, (OBJECT_INFORMATION_CLASS)ObjectBasicInformationClass, &information,
                            sizeof(information), &length) < 0 ||
           information.GrantedAccess & FILE_LIST_DIRECTORY;
}

static NTSTATUS read_mask(const UNICODE_STRING *program_mask, char16 *memory, struct str *mask)
{
    UNICODE_STRING string = {0};
    if (program_mask && !guard_read(&string, program_mask, sizeof(string)))
        return STATUS_ACCESS_VIOLATION;
    if (string.Length && !guard_read(memory, string.Buffer, string.Length))
        return STATUS_ACCESS_VIOLATION;
    *mask = (struct str){memory, string.Length / sizeof(char16)};
    return STATUS_SUCCESS;
}

/* The VM's name of the handle. False when it is no file, or not open: such a handle gets no verdict, for its value may
 * be another file's in a moment. */
static bool name_directory(HANDLE file, struct file_memory *memory, struct file_name *name, bool *from_storage)
{
    *name = name_on(memory);
    return name_of_handle(file, &name->path, from_storage);
}

static bool is_merged(struct file_name *name, struct file_memory *memory, bool from_storage)
{
    struct map_place place;
    return file_resolve(name, memory, &place) >= 0 && !place.hidden && listing_needed(&place, from_storage);
}

/* A scan of a merged directory. `old` is what the handle had before: the listing of an earlier scan, an unread one, or NULL. */
static NTSTATUS start_merged(const struct query *q, const struct file_name *name, const struct list_format *format,
                             const struct listing *old, struct listing **listing)
{
    char16 *memory = scratch_take();
    struct str mask;
    NTSTATUS status = old || can_list(q->file) ? read_mask(q->mask, memory, &mask) : STATUS_ACCESS_DENIED;
    if (old && !listing_is_unread(old))
        mask = listing_mask(old); /* it sticks to the handle */
    if (status >= 0)
        status = listing_read(name, format, mask, listing);
    scratch_give(memory);
    return status;
}

/* Starts a scan. `old` as in start_merged. Sets *word to what is to be kept with the handle: the listing, or the verdict that the directory is
 * plain. STATUS_REPARSE: the system is to be asked. */
static NTSTATUS start_scan(const struct query *q, const struct list_format *format, struct listing *old,
                           uintptr_t *word)
{
    struct file_memory *memory = scratch_take();
    struct file_name name;
    struct listing *listing = NULL;
    bool from_storage;
    uint32_t sequence = map_sequence(layer_map(&layer.files));
    struct str opened = listing_is_unread(old) ? listing_path(old, sequence) : (struct str){0};
    NTSTATUS status = STATUS_REPARSE;
    uintptr_t kept = 0;
    if (opened.len) {
        name = name_on(memory);
        buf_add(&name.path, opened);
    }
    if (opened.len || name_directory(q->file, memory, &name, &from_storage)) {
        kept = plain_at(sequence);
        if (opened.len || is_merged(&name, memory, from_storage)) {
            status = start_merged(q, &name, format, old, &listing);
            kept = status < 0 ? *word : (uintptr_t)listing;
        }
    }
    if (old && kept != *word)
        listing_free(old);
    *word = kept;
    scratch_give(memory);
    return status;
}

/* ---- answering from a listing ---- */

static ULONG least_length(const struct list_format *format)
{
    return (format->name_at + (ULONG)sizeof(char16) + 7) & ~7u;
}

/* Fills the program's buffer. The first record is cut when it does not fit; STATUS_NO_MORE_FILES when there is none. */
static NTSTATUS fill(const struct query *q, struct listing *listing, ULONG *used)
{
    const struct list_format *format = listing_format(listing);
    uint8_t *out = q->information;
    const uint8_t *record;
    ULONG last = 0;
    *used = 0;
    while ((record = listing_head(listing))) {
        ULONG at = (*used + 7) & ~7u, bytes = (ULONG)(list_name(format, record).len * sizeof(char16));
        if (at + format->name_at > q->length || (*used && bytes > q->length - at - format->name_at))
            break;
        ULONG room = q->length - at - format->name_at, copied = bytes < room ? bytes : room, offset = at - last;
        if (!guard_write(out + at, record, format->name_at + copied) ||
            (*used && !guard_write(out + last, &offset, sizeof(offset))))
            return STATUS_ACCESS_VIOLATION;
        last = at;
        *used = at + format->name_at + copied;
        listing_advance(listing);
        if (copied < bytes)
            return STATUS_BUFFER_OVERFLOW;
        if (q->flags & SL_RETURN_SINGLE_ENTRY)
            break;
    }
    return *used ? STATUS_SUCCESS : STATUS_NO_MORE_FILES;
}

/* As the system completes a call that it could answer at once. */
static NTSTATUS complete(const struct query *q, NTSTATUS status, ULONG used)
{
    IO_STATUS_BLOCK result = {.Status = status, .Information = used};
    if (NT_ERROR(status))
        return status;
    if (!guard_write(q->io, &result, sizeof(result)))
        return STATUS_ACCESS_VIOLATION;
    if (q->event)
        nt.NtSetEvent(q->event, NULL);
    if (q->apc)
        nt.NtQueueApcThread(NT_CURRENT_THREAD, (void *)q->apc, q->context, q->io, NULL);
    return status;
}

static NTSTATUS answer(const struct query *q, struct listing *listing, bool first)
{
    ULONG used;
    struct listing_position before = listing_position(listing);
    if (q->event) {
        NTSTATUS status = nt.NtClearEvent(q->event);
        if (status < 0)
            return status;
    }
    NTSTATUS status = fill(q, listing, &used);
    if (status == STATUS_NO_MORE_FILES && first)
        status = STATUS_NO_SUCH_FILE;
    status = complete(q, status, used);
    if (status == STATUS_ACCESS_VIOLATION || q->flags & SL_NO_CURSOR_UPDATE_QUERY)
        listing_seek(listing, before);
    return status;
}

/* With the handle's word taken out: `*word` is what is given back. STATUS_REPARSE: the system is to be asked. */
static NTSTATUS query_taken(const struct query *q, uintptr_t *word)
{
    const struct list_format *format = list_format(q->class);
    uintptr_t plain_now = plain_at(map_sequence(layer_map(&layer.files)));
    if (!format || q->length < least_length(format) || (is_scanning(*word) && !(q->flags & SL_RESTART_SCAN)))
        return STATUS_REPARSE; /* the system says what is wrong */
    if (*word == (plain_now | OPENED)) {
        *word = plain_now;
        return STATUS_REPARSE;
    }
    struct listing *listing = *word && !handle_is_verdict(*word) ? (struct listing *)*word : NULL;
    bool unread = listing_is_unread(listing), first = (!listing || unread) && !is_scanning(*word);
    NTSTATUS status = STATUS_SUCCESS;
    if (!listing || unread || q->flags & SL_RESTART_SCAN)
        status = start_scan(q, format, listing, word);
    else if (listing_format(listing) != format) { /* the class may change within a scan */
        uint32_t count = listing_position(listing).count;
        status = start_scan(q, format, listing, word);
        if (status == STATUS_SUCCESS)
            listing_skip((struct listing *)*word, count);
    }
    return status == STATUS_SUCCESS ? answer(q, (struct listing *)*word, first) : status;
}

static NTSTATUS query_directory(const struct query *q)
{
    layer_attach();
    uintptr_t word = handle_verdict(q->file, HANDLE_LIST);
    if (is_scanning(word) && (!(q->flags & SL_RESTART_SCAN) || word == plain_at(map_sequence(layer_map(&layer.files)))))
        return ask_system(q);
    if (!handle_take(q->file, HANDLE_LIST, &word, &word))
        return STATUS_INVALID_HANDLE;
    NTSTATUS status = query_taken(q, &word);
    handle_give(q->file, HANDLE_LIST, &word, word);
    return status == STATUS_REPARSE ? ask_system(q) : status;
}

NTSTATUS NTAPI fvm_NtQueryDirectoryFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, void *context,
                                        IO_STATUS_BLOCK *io, void *information, ULONG length,
                                        FILE_INFORMATION_CLASS class, BOOLEAN single, UNICODE_STRING *mask,
                                        BOOLEAN restart)
{
    ULONG flags = (single ? SL_RETURN_SINGLE_ENTRY : 0) | (restart ? SL_RESTART_SCAN : 0);
    struct query q = {file, event, apc, context, io, information, length, class, flags, mask, false};
    return query_directory(&q);
}

NTSTATUS NTAPI fvm_NtQueryDirectoryFileEx(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, void *context,
                                          IO_STATUS_BLOCK *io, void *information, ULONG length,
                                          FILE_INFORMATION_CLASS class, ULONG flags, UNICODE_STRING *mask)
{
    struct query q = {file, event, apc, context, io, information, length, class, flags, mask, true};
    return query_directory(&q);
}
