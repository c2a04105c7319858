/* Opening and creating: NtCreateFile, NtOpenFile, NtDeleteFile.
 *
 * Read it from open_file at the end: what does the call want (intent), where does the name live (resolver), what must be done
 * first (copy-up), and then the system's own service on the real path. */
#include "layer/files/devices.h"
#include "layer/files/files.h"
#include "layer/files/list.h"
#include "layer/files/lock.h"
#include "layer/files/watch.h"
#include "layer/handles.h"
#include "layer/objects/objects.h"
#include "layer/objects/pipes.h"

#define ORIGINS_ALL (MAP_ORIGIN_FILES | MAP_ORIGIN_DIRECTORIES)
#define ACCESS_DATA (FILE_READ_DATA | FILE_EXECUTE | GENERIC_READ | GENERIC_EXECUTE)
#define ACCESS_WRITE (FILE_WRITE_DATA | FILE_APPEND_DATA | GENERIC_WRITE | GENERIC_ALL)
#define ACCESS_CHANGE                                                                                                  \
    (FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES | FILE_DELETE_CHILD | WRITE_DAC |      \
     WRITE_OWNER | ACCESS_SYSTEM_SECURITY | MAXIMUM_ALLOWED | GENERIC_WRITE | GENERIC_ALL)

/* One call of the program; its pointers are passed on to the system, which checks them, but for the attributes: these are a copy. */
struct open_call {
    HANDLE *handle;
    ACCESS_MASK access;
    OBJECT_ATTRIBUTES *attributes;
    IO_STATUS_BLOCK *io;
    LARGE_INTEGER *allocation;
    ULONG file_attributes, sharing, disposition, options;
    void *ea;
    ULONG ea_length;
};

enum intent {
    INTENT_READ,
    INTENT_WATCH, /* an asynchronous handle to a directory: the VM's changes are to be seen through it */
    INTENT_META,  /* may delete or rename, but does not touch the content */
    INTENT_CHANGE
};

static enum intent intent_of(const struct open_call *call)
{
    bool data = call->access & ACCESS_DATA;
    if (call->access & ACCESS_CHANGE)
        return INTENT_CHANGE;
    /* Nobody else may read it: on the host that would lock others out. */
    if (data && !(call->sharing & SHARE_ALL))
        return INTENT_CHANGE;
    if (call->access & DELETE || call->options & FILE_DELETE_ON_CLOSE)
        return data ? INTENT_CHANGE : INTENT_META;
    if (watch_intended(call->access, call->options))
        return INTENT_WATCH;
    return INTENT_READ;
}

/* The system's service on the real path, with everything else as the program gave it. */
static NTSTATUS open_real(const struct open_call *call, const struct file_name *name, struct strbuf *real)
{
    OBJECT_ATTRIBUTES attributes = *call->attributes;
    NTSTATUS status;
    HANDLE handle;
    if (name->trailing && real->len && real->s[real->len - 1] != '\\')
        buf_add_char(real, '\\');
    if (real->overflow)
        return STATUS_NAME_TOO_LONG;
    struct path_attributes at = path_attributes(buf_str(real));
    attributes.RootDirectory = NULL;
    attributes.ObjectName = &at.name;
    status = nt.NtCreateFile(call->handle, call->access, &attributes, call->io, call->allocation, call->file_attributes,
                             call->sharing, call->disposition, call->options & ~(ULONG)FILE_OPEN_BY_FILE_ID, call->ea,
                             call->ea_length);
    if (status >= 0 && guard_read(&handle, call->handle, sizeof(handle)))
        handle_forget(handle);
    return status;
}

static NTSTATUS open_where(const struct open_call *call, const struct file_name *name, struct file_memory *memory,
                           const struct map_place *place, bool data)
{
    struct strbuf real;
    buf_init(&real, memory->real, PATH_UNITS);
    file_real_path(name, place, data, &real);
    return open_real(call, name, &real);
}

/* The host's own file, for reading. STATUS_REPARSE: the VM changed it by another of its names; the name is to be resolved again. */
static NTSTATUS open_lower(const struct open_call *call, struct file_name *name, struct file_memory *memory,
                           const struct map_place *place)
{
    HANDLE handle;
    struct strbuf real;
    buf_init(&real, memory->real, PATH_UNITS);
    file_real_path(name, place, call->access & ACCESS_DATA, &real);
    NTSTATUS status = open_real(call, name, &real);
    bool directory = call->options & FILE_DIRECTORY_FILE || !(call->access & ACCESS_DATA);
    if (status < 0 || !(map_origins(layer_map(&layer.files)) & (directory ? ORIGINS_ALL : MAP_ORIGIN_FILES)) ||
        !guard_read(&handle, call->handle, sizeof(handle)) || !file_alias(handle, buf_str(&real), name, memory))
        return status;
    nt.NtClose(handle);
    return STATUS_REPARSE;
}

static NTSTATUS open_storage(const struct open_call *call, const struct file_name *name, struct file_memory *memory)
{
    static const struct map_place storage = {.in_storage = true};
    return open_where(call, name, memory, &storage, true);
}

/* [locked] The name exists neither in the VM nor on the host: it is made in storage. */
static NTSTATUS create_new(struct open_call *call, struct file_name *name, struct file_memory *memory)
{
    NTSTATUS status = file_mirror_parents(name);
    if (status < 0)
        return status;
    call->disposition = FILE_CREATE;
    if (name->stream.len && !(call->options & FILE_DIRECTORY_FILE))
        call->disposition = FILE_OPEN_IF; /* the stream's file comes with it */
    status = open_storage(call, name, memory);
    if (status == STATUS_OBJECT_NAME_COLLISION) {
        file_remove_leftover(name);
        status = open_storage(call, name, memory);
    }
    if (status < 0)
        return status;
    NTSTATUS recorded = file_record(buf_str(&name->path), MAP_OWN, (struct str){0}, NULL);
    HANDLE handle;
    if (recorded < 0 && guard_read(&handle, call->handle, sizeof(handle))) {
        nt.NtClose(handle);
        file_remove_leftover(name);
        return recorded;
    }
    return status;
}

/* Who has the original open for writing, or lets nobody else read it, is not in the VM: that would have the copy. What others
 * share does not concern the VM; so a program that lets one instance run by a locked file runs in each VM. */
static bool held_outside(OBJECT_ATTRIBUTES *lower)
{
    IO_STATUS_BLOCK io;
    HANDLE file;
    NTSTATUS status =
        nt.NtOpenFile(&file, FILE_READ_DATA | SYNCHRONIZE, lower, &io, FILE_SHARE_READ | FILE_SHARE_DELETE,
                      FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT);
    if (status >= 0)
        nt.NtClose(file);
    return status == STATUS_SHARING_VIOLATION;
}

/* The content of an empty file is known even when nobody may read it. */
static bool is_empty(const struct file_name *name, const struct map_place *place, struct file_memory *memory)
{
    FILE_NETWORK_OPEN_INFORMATION information;
    struct strbuf lower;
    buf_init(&lower, memory->real, PATH_UNITS);
    file_lower_path(name, place, &lower);
    struct path_attributes at = path_attributes(buf_str(&lower));
    return nt.NtQueryFullAttributesFile(path_object(&at), &information) >= 0 && !information.EndOfFile.QuadPart;
}

/* Would the program be let in by those who have the original open? Asked before it is copied. */
static NTSTATUS check_sharing(const struct open_call *call, const struct file_name *name, const struct map_place *place,
                              struct file_memory *memory)
{
    struct strbuf lower;
    IO_STATUS_BLOCK io;
    HANDLE file;
    buf_init(&lower, memory->real, PATH_UNITS);
    file_lower_path(name, place, &lower);
    struct path_attributes at = path_attributes(buf_str(&lower));
    ULONG options = call->options & (FILE_DIRECTORY_FILE | FILE_NON_DIRECTORY_FILE | FILE_OPEN_REPARSE_POINT);
    NTSTATUS status =
        nt.NtOpenFile(&file, (call->access & ~(ACCESS_MASK)MAXIMUM_ALLOWED) | SYNCHRONIZE, path_object(&at), &io,
                      call->sharing, options | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT);
    if (status >= 0)
        nt.NtClose(file);
    if (status == STATUS_SHARING_VIOLATION && held_outside(path_object(&at)))
        return STATUS_SUCCESS;
    return status == STATUS_SHARING_VIOLATION || status == STATUS_DELETE_PENDING || status == STATUS_NOT_A_DIRECTORY ||
                   status == STATUS_FILE_IS_A_DIRECTORY
               ? status
               : STATUS_SUCCESS;
}

static bool overwrites(const struct open_call *call)
{
    return call->disposition == FILE_OVERWRITE || call->disposition == FILE_OVERWRITE_IF ||
           call->disposition == FILE_SUPERSEDE;
}

/* [locked] A directory of the host that the VM changes: mirrored, then opened in storage. */
static NTSTATUS change_directory(struct open_call *call, struct file_name *name, struct file_memory *memory)
{
    NTSTATUS status = file_copy_up(name, memory, COPY_META);
    if (status < 0)
        return status;
    if (call->options & FILE_DELETE_ON_CLOSE) {
        if (!list_is_empty(name))
            call->options &= ~(ULONG)FILE_DELETE_ON_CLOSE; /* the system would find it not empty when it is closed */
        else
            status = file_record(buf_str(&name->path), MAP_OWN, (struct str){0}, NULL);
    }
    return status < 0 ? status : open_storage(call, name, memory);
}

/* [locked] A file of the host that the VM changes. */
static NTSTATUS change_file(struct open_call *call, struct file_name *name, struct file_memory *memory,
                            const struct map_place *place)
{
    /* Without writing access Wine lets an overwriting open succeed and keeps the content. */
    bool hollow = overwrites(call) && !name->stream.len && call->access & ACCESS_WRITE;
    bool keeps_content = !overwrites(call) && intent_of(call) == INTENT_META;
    struct map_origin origin = place->origin;
    NTSTATUS status = check_sharing(call, name, place, memory);
    if (status >= 0)
        status = file_copy_up(name, memory, hollow || keeps_content ? COPY_META : COPY_ALL);
    if (status == STATUS_SHARING_VIOLATION && is_empty(name, place, memory)) {
        hollow = true;
        status = file_copy_up(name, memory, COPY_META);
    }
    if (status >= 0)
        status = open_storage(call, name, memory);
    if (status < 0 || !hollow)
        return status;
    struct map_place copied;
    if (map_resolve(layer_map(&layer.files), buf_str(&name->path), &copied))
        origin = copied.origin;
    return file_record(buf_str(&name->path), MAP_OWN, (struct str){0}, &origin);
}

static bool not_found(NTSTATUS status)
{
    return status == STATUS_OBJECT_NAME_NOT_FOUND || status == STATUS_OBJECT_PATH_NOT_FOUND;
}

/* Does the name, which has a lower, exist, and is it a directory? What is in storage is decided there. */
static NTSTATUS query_existing(const struct file_name *name, const struct map_place *place, struct file_memory *memory,
                               bool *directory)
{
    struct strbuf real;
    FILE_BASIC_INFORMATION information;
    struct file_name without_stream = *name;
    without_stream.stream.len = 0;
    buf_init(&real, memory->real, PATH_UNITS);
    file_real_path(&without_stream, place, false, &real);
    struct path_attributes at = path_attributes(buf_str(&real));
    NTSTATUS status = nt.NtQueryAttributesFile(path_object(&at), &information);
    *directory = status >= 0 && information.FileAttributes & FILE_ATTRIBUTE_DIRECTORY;
    return status;
}

static bool creates(const struct open_call *call)
{
    return call->disposition != FILE_OPEN && call->disposition != FILE_OVERWRITE;
}

/* [locked] Everything that is not plain reading of a name that has a lower. */
static NTSTATUS open_changing(struct open_call *call, struct file_name *name, struct file_memory *memory)
{
    struct map_place place;
    bool directory;
    NTSTATUS status = file_resolve(name, memory, &place);
    if (status < 0 || !place.has_lower)
        return status < 0 ? status : open_storage(call, name, memory);
    status = query_existing(name, &place, memory, &directory);
    bool missing = status == STATUS_OBJECT_NAME_NOT_FOUND && creates(call);
    if (status < 0 && !missing)
        return status;
    if (overwrites(call) && call->options & FILE_DIRECTORY_FILE)
        return STATUS_INVALID_PARAMETER;
    if (missing)
        return create_new(call, name, memory);
    if (call->disposition == FILE_CREATE && !name->stream.len)
        return STATUS_OBJECT_NAME_COLLISION;
    bool reads = intent_of(call) == INTENT_READ || (intent_of(call) == INTENT_WATCH && !directory);
    if (!overwrites(call) && reads && !name->stream.len)
        return open_lower(call, name, memory, &place);
    if (!directory)
        return change_file(call, name, memory, &place);
    NTSTATUS changed = change_directory(call, name, memory);
    if (changed < 0 && intent_of(call) == INTENT_WATCH)
        return open_where(call, name, memory, &place, true); /* what cannot be mirrored can still be listed */
    return changed;
}

/* What is known of a directory that was opened to be listed need not be asked again. */
static void will_list(const struct open_call *call, NTSTATUS status, const struct file_name *name,
                      const struct map_place *place, bool from_storage, uint32_t sequence)
{
    HANDLE handle;
    if (status == STATUS_SUCCESS && call->options & FILE_DIRECTORY_FILE && call->access & FILE_LIST_DIRECTORY &&
        guard_read(&handle, call->handle, sizeof(handle)))
        list_opened(handle, buf_str(&name->path), place, from_storage, sequence);
}

/* What Unix has for devices and processes: refused, unless there is no such name. On Wine NUL is one, and a name relative to its handle
 * is none, however many components it has. */
static NTSTATUS open_device(const struct open_call *call, const struct file_name *name, struct file_memory *memory,
                            const struct map_place *place)
{
    struct strbuf root;
    bool ignored;
    NTSTATUS status = query_existing(name, place, memory, &ignored);
    if (!not_found(status) || creates(call))
        return log_refusal("device", buf_str(&name->path), STATUS_ACCESS_DENIED);
    buf_init(&root, memory->more, PATH_UNITS);
    bool relative = call->attributes->RootDirectory && name_of_handle(call->attributes->RootDirectory, &root, &ignored);
    return relative && device_directory(buf_str(&root)) ? STATUS_OBJECT_NAME_NOT_FOUND : status;
}

static NTSTATUS open_file(struct open_call *call, struct file_name *name, struct file_memory *memory)
{
    struct map_place place;
    uint32_t sequence = map_sequence(layer_map(&layer.files));
    if (pipe_of_machine(buf_str(&name->path)))
        return log_refusal("pipe by way of the network", buf_str(&name->path), STATUS_BAD_NETWORK_PATH);
    NTSTATUS status = file_resolve(name, memory, &place);
    if (status < 0)
        return status;
    if (place.hidden)
        return log_refusal("FVM's own files", buf_str(&name->path),
                           creates(call) ? STATUS_ACCESS_DENIED : STATUS_OBJECT_NAME_NOT_FOUND);
    if (!place.has_lower) {
        status = open_storage(call, name, memory);
        will_list(call, status, name, &place, true, sequence);
        return status;
    }
    if (device_directory(buf_str(&name->path)))
        return open_device(call, name, memory, &place);
    if (call->disposition == FILE_OPEN && intent_of(call) == INTENT_READ) {
        bool directory;
        if (place.kind == MAP_META && (status = query_existing(name, &place, memory, &directory)) < 0)
            return status;
        status = open_lower(call, name, memory, &place);
        will_list(call, status, name, &place, false, sequence);
        return status;
    }
    layer_lock();
    status = open_changing(call, name, memory);
    layer_unlock();
    return status;
}

static NTSTATUS open_system(const struct open_call *call, OBJECT_ATTRIBUTES *attributes)
{
    return nt.NtCreateFile(call->handle, call->access, attributes, call->io, call->allocation, call->file_attributes,
                           call->sharing, call->disposition, call->options, call->ea, call->ea_length);
}

static NTSTATUS open_any(const struct open_call *program, bool followed);

/* By way of an object directory or a link of the VM: from the name that this leads to. False when it leads nowhere else. */
static bool open_followed(struct open_call *call, NTSTATUS *status)
{
    OBJECT_ATTRIBUTES attributes = *call->attributes;
    struct str name, said = attributes_name(&attributes);
    NTSTATUS followed = STATUS_SUCCESS;
    char16 *memory = scratch_take();
    if (said.len && (attributes.RootDirectory || said.s[0] == '\\'))
        followed = object_follow(attributes.RootDirectory, said, memory, &name);
    if (followed == STATUS_REPARSE) {
        struct path_attributes at = path_attributes(name);
        struct open_call there = *call;
        attributes.RootDirectory = NULL;
        attributes.ObjectName = &at.name;
        there.attributes = &attributes;
        *status = open_any(&there, true);
    } else if (followed < 0)
        *status = followed;
    scratch_give(memory);
    return followed != STATUS_SUCCESS;
}

/* What is no file, pipe or device is an object, which the system refuses to open as a file: one of the VM, or of a directory that it
 * shares with the system. There only the name is asked for. */
static NTSTATUS open_object(const struct open_call *call, struct str nt_name, NTSTATUS status)
{
    struct object_name name;
    OBJECT_ATTRIBUTES *at;
    HANDLE link;
    if (call->attributes->RootDirectory || device_is_named(nt_name))
        return status;
    NTSTATUS resolved = object_resolve(call->attributes, OBJECT_OPEN, &name, &at);
    if (resolved < 0)
        return resolved;
    if (name.own_root)
        return open_system(call, at);
    resolved = nt.NtOpenSymbolicLinkObject(&link, SYMBOLIC_LINK_QUERY, at);
    if (resolved >= 0)
        nt.NtClose(link);
    return resolved < 0 ? resolved : status;
}

/* No file: a pipe or mailslot, which is the VM's own (objects/pipes.c), or a device. */
static NTSTATUS open_other(struct open_call *call, const struct file_name *name, bool followed)
{
    struct pipe_name pipe;
    struct str nt_name = buf_str(&name->path);
    char16 *memory = scratch_take();
    enum pipe_kind kind;
    NTSTATUS status = pipe_resolve(call->attributes, memory, &pipe, &kind);
    if (status >= 0 && kind != PIPE_NONE) {
        status = open_system(call, pipe.at);
        if (kind == PIPE_OWN && pipe_try_system(&pipe, status))
            status = open_system(call, &pipe.said.attributes);
    } else if (status >= 0 && (!nt_name.len || nt_name.s[0] == '\\' || !open_followed(call, &status))) {
        status = device_check(name, call->attributes->RootDirectory, &call->access);
        if (status >= 0)
            status = open_system(call, call->attributes);
        if (not_found(status) && (followed || !open_followed(call, &status)))
            status = open_object(call, nt_name, status);
    }
    scratch_give(memory);
    return status;
}

static NTSTATUS open_any(const struct open_call *program, bool followed)
{
    layer_attach();
    lock_end_closed();
    struct said_file *memory = scratch_take();
    struct open_call call = *program;
    struct file_name name;
    HANDLE kept = NULL;
    NTSTATUS status = STATUS_ACCESS_VIOLATION;
    if (said_read_all(program->attributes, &memory->said, memory->text)) {
        call.attributes = &memory->said.attributes;
        status = name_decode_kept(call.attributes, call.options, &memory->files, &name, &kept);
        if (status >= 0 && name.kind == NAME_FILE) {
            do
                status = open_file(&call, &name, &memory->files);
            while (status == STATUS_REPARSE);
        } else if (status >= 0)
            status = open_other(&call, &name, followed);
        else if (status == STATUS_OBJECT_TYPE_MISMATCH && !followed)
            open_followed(&call, &status); /* relative to an object directory */
    }
    name_let_go(kept);
    scratch_give(memory);
    return status;
}

NTSTATUS NTAPI fvm_NtCreateFile(HANDLE *handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes, IO_STATUS_BLOCK *io,
                                LARGE_INTEGER *allocation, ULONG file_attributes, ULONG sharing, ULONG disposition,
                                ULONG options, void *ea, ULONG ea_length)
{
    struct open_call call = {handle,  access,      attributes, io, allocation, file_attributes,
                             sharing, disposition, options,    ea, ea_length};
    return open_any(&call, false);
}

NTSTATUS NTAPI fvm_NtOpenFile(HANDLE *handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes, IO_STATUS_BLOCK *io,
                              ULONG sharing, ULONG options)
{
    struct open_call call = {.handle = handle,
                             .access = access,
                             .attributes = attributes,
                             .io = io,
                             .sharing = sharing,
                             .disposition = FILE_OPEN,
                             .options = options};
    return open_any(&call, false);
}

NTSTATUS NTAPI fvm_NtDeleteFile(OBJECT_ATTRIBUTES *attributes)
{
    HANDLE handle = NULL;
    IO_STATUS_BLOCK io;
    struct open_call call = {.handle = &handle,
                             .access = DELETE,
                             .attributes = attributes,
                             .io = &io,
                             .sharing = SHARE_ALL,
                             .disposition = FILE_OPEN,
                             .options = FILE_DELETE_ON_CLOSE};
    NTSTATUS status = open_any(&call, false);
    return status < 0 ? status : nt.NtClose(handle);
}
