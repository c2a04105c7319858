/* Listing an object directory: the VM's own entries, and behind them what the VM shares of the system's directory of that name. */
#include "layer/handles.h"
#include "layer/objects/objects.h"

/* Where a listing has got to, as the program keeps it for us: an index of the VM's own directory, or one of a directory of the
 * system, with a mark. */
#define SHARED_MARK 0x40000000u
#define SOURCE_SHIFT 16
#define SOURCES 2u

/* Entries as the system writes them. */
struct directory_entry {
    UNICODE_STRING name, type;
};

/* A listing in the layer's own memory: no thread of the program sees what is not for it. */
struct listing {
    HANDLE directory;              /* the VM's own */
    struct str own;                /* its name */
    char16 *path;                  /* room for the name of an entry */
    struct directory_entry *entry; /* what the system said last, with its strings behind it */
};

#define ENTRY_ROOM (SCRATCH_SIZE / 2)

/* The VM's name of a directory that the VM shares something in, in `memory`. */
static bool merged_directory(HANDLE directory, char16 *memory, struct str *own)
{
    struct str name;
    return handle_text(directory, HANDLE_NAME, memory, SCRATCH_SIZE / 4, &name) >= 0 && object_show(name, own) &&
           object_shares_in(*own);
}

/* On Windows \?? is a directory of the user's, behind which the system looks in \GLOBAL??. */
static bool open_source(struct str own, unsigned source, HANDLE *directory)
{
    struct str name = own.len ? own : STR(u"\\");
    if (source == 1 && !own.len)
        return false;
    struct path_attributes at = path_attributes(source == 1 ? STR(u"\\GLOBAL??") : name);
    return nt.NtOpenDirectoryObject(directory, DIRECTORY_QUERY, path_object(&at)) >= 0;
}

/* Whether the entry is one that the VM shares, and has not itself. */
static bool is_visible(const struct listing *l)
{
    struct strbuf path;
    HANDLE hidden;
    struct str leaf = {(const char16 *)l->entry->name.Buffer, l->entry->name.Length / sizeof(char16)};
    buf_init(&path, l->path, UNICODE_STRING_MAX_CHARS);
    buf_add(&path, l->own);
    buf_add_char(&path, '\\');
    buf_add(&path, leaf);
    if (path.overflow || !object_is_shared(buf_str(&path)))
        return false;
    struct path_attributes at = path_attributes(leaf);
    path_object(&at)->RootDirectory = l->directory;
    if (nt.NtOpenSymbolicLinkObject(&hidden, SYMBOLIC_LINK_QUERY, path_object(&at)) < 0)
        return true;
    nt.NtClose(hidden);
    return false;
}

/* The next shared entry, from *position on. */
static NTSTATUS next_shared(const struct listing *l, ULONG *position)
{
    for (unsigned source = *position >> SOURCE_SHIFT; source < SOURCES; source++, *position = source << SOURCE_SHIFT) {
        ULONG index = *position & ((1u << SOURCE_SHIFT) - 1), ignored;
        HANDLE system;
        NTSTATUS status;
        if (!open_source(l->own, source, &system))
            continue;
        do
            status = nt.NtQueryDirectoryObject(system, l->entry, ENTRY_ROOM, TRUE, FALSE, &index, &ignored);
        while (status >= 0 && status != STATUS_NO_MORE_ENTRIES && !is_visible(l));
        nt.NtClose(system);
        *position = source << SOURCE_SHIFT | index;
        if (status != STATUS_NO_MORE_ENTRIES)
            return status < 0 ? status : STATUS_SUCCESS;
    }
    return STATUS_NO_MORE_ENTRIES;
}

/* To where it is to be in the program's buffer; returns where it ends there, from `entry` on. */
static ULONG move_string(UNICODE_STRING *string, const void *entry, uint8_t *program)
{
    ULONG offset = (ULONG)((uint8_t *)string->Buffer - (const uint8_t *)entry);
    string->Buffer = (WCHAR *)(program + offset);
    return offset + string->MaximumLength;
}

static NTSTATUS give_entry(struct directory_entry *entry, uint8_t *buffer, ULONG length, ULONG *return_length)
{
    ULONG name_end = move_string(&entry->name, entry, buffer), type_end = move_string(&entry->type, entry, buffer);
    ULONG size = name_end > type_end ? name_end : type_end;
    if (return_length && !guard_write(return_length, &size, sizeof(size)))
        return STATUS_ACCESS_VIOLATION;
    if (size > length)
        return STATUS_BUFFER_TOO_SMALL;
    return guard_write(buffer, entry, size) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

/* As the system shows the end: an empty entry. */
static NTSTATUS give_end(uint8_t *buffer, ULONG length, ULONG *return_length)
{
    static const struct directory_entry empty;
    ULONG size = sizeof(empty);
    if ((length > size && !guard_write(buffer, &empty, size)) ||
        (return_length && !guard_write(return_length, &size, sizeof(size))))
        return STATUS_ACCESS_VIOLATION;
    return STATUS_NO_MORE_ENTRIES;
}

static NTSTATUS list_shared(HANDLE directory, void *buffer, ULONG length, ULONG *context, ULONG *return_length)
{
    uint8_t *memory = scratch_take();
    struct listing l = {directory, {0}, (char16 *)(memory + SCRATCH_SIZE / 4), (void *)(memory + SCRATCH_SIZE / 2)};
    ULONG position;
    NTSTATUS status = STATUS_NO_MORE_ENTRIES;
    if (guard_read(&position, context, sizeof(position)) && merged_directory(directory, (char16 *)memory, &l.own)) {
        position = position & SHARED_MARK ? position & ~SHARED_MARK : 0;
        status = next_shared(&l, &position);
        position |= SHARED_MARK;
        if (status == STATUS_SUCCESS)
            status = give_entry(l.entry, buffer, length, return_length);
        if (status == STATUS_SUCCESS && !guard_write(context, &position, sizeof(position)))
            status = STATUS_ACCESS_VIOLATION;
    }
    scratch_give(memory);
    return status == STATUS_NO_MORE_ENTRIES ? give_end(buffer, length, return_length) : status;
}

/* A call for many that got the last of the VM's own says that there is more. */
static NTSTATUS more_shared(HANDLE directory)
{
    struct str own;
    char16 *memory = scratch_take();
    bool more = merged_directory(directory, memory, &own);
    scratch_give(memory);
    return more ? STATUS_MORE_ENTRIES : STATUS_SUCCESS;
}

NTSTATUS NTAPI fvm_NtQueryDirectoryObject(HANDLE directory, void *buffer, ULONG length, BOOLEAN single, BOOLEAN restart,
                                          ULONG *context, ULONG *return_length)
{
    ULONG position = 0;
    layer_attach();
    if (restart || !guard_read(&position, context, sizeof(position)) || !(position & SHARED_MARK)) {
        NTSTATUS status = nt.NtQueryDirectoryObject(directory, buffer, length, single, restart, context, return_length);
        if (status != STATUS_NO_MORE_ENTRIES)
            return status == STATUS_SUCCESS && !single ? more_shared(directory) : status;
    }
    return list_shared(directory, buffer, length, context, return_length);
}
