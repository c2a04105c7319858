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

/* The VM's name of a directory that the VM shares something in, in `memory`. */
static bool merged_directory(HANDLE directory, char16 *memory, struct str *own)
{
    struct str name;
    return handle_text(directory, HANDLE_NAME, memory, SCRATCH_SIZE / 2, &name) >= 0 && object_show(name, own) &&
           (!own->len || str_equal(*own, STR(u"\\??")));
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

/* Whether the entry in the program's buffer is one that the VM shares, and has not itself. */
static bool is_visible(HANDLE own_directory, struct str own, const void *buffer, char16 *memory)
{
    struct directory_entry entry;
    struct strbuf path;
    HANDLE hidden;
    buf_init(&path, memory, UNICODE_STRING_MAX_CHARS);
    buf_add(&path, own);
    buf_add_char(&path, '\\');
    if (!guard_read(&entry, buffer, sizeof(entry)) || path.len + entry.name.Length / sizeof(char16) > path.cap ||
        !guard_read(path.s + path.len, entry.name.Buffer, entry.name.Length))
        return false;
    struct str leaf = {path.s + path.len, entry.name.Length / sizeof(char16)};
    path.len += leaf.len;
    if (!object_is_shared(buf_str(&path)))
        return false;
    struct path_attributes at = path_attributes(leaf);
    path_object(&at)->RootDirectory = own_directory;
    if (nt.NtOpenSymbolicLinkObject(&hidden, SYMBOLIC_LINK_QUERY, path_object(&at)) < 0)
        return true;
    nt.NtClose(hidden);
    return false;
}

/* The next shared entry, from *position on. */
static NTSTATUS next_shared(HANDLE directory, struct str own, void *buffer, ULONG length, ULONG *position,
                            ULONG *return_length, char16 *memory)
{
    for (unsigned source = *position >> SOURCE_SHIFT; source < SOURCES; source++, *position = source << SOURCE_SHIFT) {
        ULONG index = *position & ((1u << SOURCE_SHIFT) - 1);
        HANDLE system;
        NTSTATUS status;
        if (!open_source(own, source, &system))
            continue;
        do
            status = nt.NtQueryDirectoryObject(system, buffer, length, TRUE, FALSE, &index, return_length);
        while (status >= 0 && status != STATUS_NO_MORE_ENTRIES && !is_visible(directory, own, buffer, memory));
        nt.NtClose(system);
        *position = source << SOURCE_SHIFT | index;
        if (status != STATUS_NO_MORE_ENTRIES)
            return status < 0 ? status : STATUS_SUCCESS;
    }
    return STATUS_NO_MORE_ENTRIES;
}

static NTSTATUS list_shared(HANDLE directory, void *buffer, ULONG length, ULONG *context, ULONG *return_length)
{
    char16 *memory = scratch_take();
    struct str own;
    ULONG position;
    NTSTATUS status = STATUS_NO_MORE_ENTRIES;
    if (guard_read(&position, context, sizeof(position)) && merged_directory(directory, memory, &own)) {
        position = position & SHARED_MARK ? position & ~SHARED_MARK : 0;
        status = next_shared(directory, own, buffer, length, &position, return_length,
                             memory + SCRATCH_SIZE / sizeof(char16) / 2);
        position |= SHARED_MARK;
        if (status >= 0 && status != STATUS_NO_MORE_ENTRIES && !guard_write(context, &position, sizeof(position)))
            status = STATUS_ACCESS_VIOLATION;
    }
    scratch_give(memory);
    return status;
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
