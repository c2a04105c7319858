/* Control codes. Most ask a question, or want a handle that may write (and what a VM may write is its own); these do not. */
#include "layer/files/control.h"

#include "layer/files/change.h"
#include "layer/handles.h"
#include "layer/objects/pipes.h"
#include "layer/processes/processes.h"

enum {
    CODE_SET_OBJECT_ID = 0x90098,
    CODE_GET_OBJECT_ID = 0x9009c,
    CODE_DELETE_OBJECT_ID = 0x900a0,
    CODE_SET_REPARSE_POINT = 0x900a4,
    CODE_DELETE_REPARSE_POINT = 0x900ac,
    CODE_CREATE_OR_GET_OBJECT_ID = 0x900c0,
    CODE_SET_SPARSE = 0x900c4,
    CODE_SET_ENCRYPTION = 0x900d7,
    CODE_SET_REPARSE_POINT_EX = 0x9040c,
    CODE_DELETE_USN_JOURNAL = 0x900f8,
    CODE_DISMOUNT_VOLUME = 0x90020,
    CODE_LOCK_VOLUME = 0x90018,
    CODE_CONSOLE_BIND = 0x5000cc,  /* Wine's IOCTL_CONDRV_BIND_PID */
    CODE_CONSOLE_EVENT = 0x50004c, /* Wine's IOCTL_CONDRV_CTRL_EVENT */
    DEVICE_MOUNT_MANAGER = 0x6d,
    FUNCTION_CREDENTIALS = 48, /* and the three after it: Wine's, to read, write, delete and list */
    ACCESS_BITS_WRITE = 2
};

static bool changes_file(ULONG code)
{
    static const ULONG codes[] = {CODE_SET_OBJECT_ID,           CODE_DELETE_OBJECT_ID, CODE_DELETE_REPARSE_POINT,
                                  CODE_CREATE_OR_GET_OBJECT_ID, CODE_SET_SPARSE,       CODE_SET_ENCRYPTION};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i] == code)
            return true;
    return false;
}

/* A link made in the VM would be followed by the system, outside the VM's names. */
static bool makes_link(ULONG code)
{
    return code == CODE_SET_REPARSE_POINT || code == CODE_SET_REPARSE_POINT_EX;
}

static bool changes_volume(ULONG code)
{
    return code == CODE_DISMOUNT_VOLUME || code == CODE_LOCK_VOLUME || code == CODE_DELETE_USN_JOURNAL;
}

NTSTATUS change_refuse(HANDLE file, const char *why)
{
    struct file_memory *memory = scratch_take();
    struct strbuf name;
    bool in_storage;
    buf_init(&name, memory->name, PATH_UNITS);
    if (!name_of_handle(file, &name, &in_storage))
        name.len = 0;
    NTSTATUS status = log_refusal(why, buf_str(&name), STATUS_ACCESS_DENIED);
    scratch_give(memory);
    return status;
}

/* A console's codes that name processes: those must be the VM's. The system gets a copy of what is judged; any other length it refuses. */
static NTSTATUS control_console(const struct control *c)
{
    bool bind = c->code == CODE_CONSOLE_BIND;
    uint32_t in[2]; /* a process, or an event and a group of processes */
    struct control judged = *c;
    if (c->in_length != (bind ? sizeof(in[0]) : sizeof(in)))
        return control_call(c);
    if (!guard_read(in, c->in, c->in_length))
        return STATUS_ACCESS_VIOLATION;
    judged.in = in;
    layer_attach();
    if (bind && in[0] != UINT32_MAX && !process_id_is_ours(in[0]))
        return process_refuse("console of a process outside the VM", in[0]);
    if (!bind && in[1] && process_is_outside(in[1]))
        return process_refuse("console event for processes outside the VM", in[1]);
    return control_call(&judged);
}

static NTSTATUS refuse_credentials(void)
{
    layer_attach();
    return log_refusal("credentials of the host", (struct str){0}, STATUS_NOT_SUPPORTED);
}

/* Drive letters and mount points are the host's, and so is the store of credentials that Wine has on some systems; without it they are
 * kept in the registry, and so in the VM's. */
static NTSTATUS control_mounts(struct control *c)
{
    if ((c->code >> 2 & 0xffc) == FUNCTION_CREDENTIALS && nt.__wine_unix_spawnvp)
        return refuse_credentials();
    if (!(c->code >> 14 & ACCESS_BITS_WRITE))
        return control_call(c);
    layer_attach();
    return change_refuse(c->file, "change of a drive letter or mount point");
}

/* By another handle than the program's, which is closed then. */
static NTSTATUS control_by(struct control *c, HANDLE own)
{
    HANDLE file = c->file;
    c->file = own;
    NTSTATUS status = control_call(c);
    if (own != file)
        nt.NtClose(own);
    return status;
}

static NTSTATUS control_change(struct control *c)
{
    HANDLE own;
    layer_attach();
    NTSTATUS status = change_handle_kept(c->file, COPY_ALL, &own);
    return status < 0 ? status : control_by(c, own);
}

/* The NT path and the id of the host's file that `file` has a copy of open. *host: it has one of the host's own open. */
static bool copied_from(HANDLE file, struct file_memory *memory, struct strbuf *path, uint64_t *id, bool *host)
{
    struct file_name name = name_on(memory);
    struct map_place place;
    bool in_storage;
    buf_init(path, memory->real, PATH_UNITS);
    if (!map_origins(layer_map(&layer.files)) || !name_of_handle(file, &name.path, &in_storage))
        return false;
    *host = !in_storage;
    if (*host || !map_resolve(layer_map(&layer.files), buf_str(&name.path), &place) || place.kind == MAP_NONE)
        return false;
    if (place.has_lower)
        file_lower_path(&name, &place, path);
    else
        name_host(buf_str(&name.path), path);
    *id = place.origin.file_id;
    return *id && !path->overflow;
}

/* A copy keeps the ids of its original: wow64 on Wine, for one, knows C:\windows by its object id. `file` itself if that is no copy, or
 * the original is gone. */
static HANDLE original_of(HANDLE file, bool *host)
{
    struct file_memory *memory = scratch_take();
    struct strbuf path;
    uint64_t id;
    HANDLE original = file;
    *host = false;
    if (copied_from(file, memory, &path, &id, host)) {
        IO_STATUS_BLOCK io;
        struct path_attributes at = path_attributes(buf_str(&path));
        if (nt.NtOpenFile(&original, FILE_READ_ATTRIBUTES | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL,
                          FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT | FILE_OPEN_REPARSE_POINT) < 0)
            original = file;
        else if (file_id_of(original) != id) {
            nt.NtClose(original);
            original = file;
        }
    }
    scratch_give(memory);
    return original;
}

/* The loader asks for the object id of each DLL: of a file of the host's the system's answer is the right one, and that it is one is
 * found out once. What lets the program know of the answer must not be used twice. */
static NTSTATUS control_object_id(struct control *c)
{
    struct checked_names *single = layer.single;
    uint64_t id[2], version = file_originals_version();
    bool silent = !c->event && !c->apc && !c->context && map_origins(layer_map(&layer.files));
    NTSTATUS status = silent ? control_call(c) : STATUS_RETRY;
    bool known = status == STATUS_SUCCESS && c->out_length >= sizeof(id) && guard_read(id, c->out, sizeof(id));
    if (known && checked_has_file(single, id, version))
        return status;
    bool host;
    HANDLE original = original_of(c->file, &host);
    if (known && host)
        checked_add_file(single, id, version);
    return silent && original == c->file ? status : control_by(c, original);
}

static NTSTATUS control(struct control *c)
{
    if (c->code == CODE_PIPE_WAIT)
        return pipe_wait(c);
    if (c->code == CODE_CONSOLE_EVENT || c->code == CODE_CONSOLE_BIND)
        return control_console(c);
    if (c->code >> 16 == DEVICE_MOUNT_MANAGER)
        return control_mounts(c);
    if (makes_link(c->code) || changes_volume(c->code)) {
        layer_attach();
        return change_refuse(c->file, makes_link(c->code) ? "making a link" : "change of a volume");
    }
    if (changes_file(c->code))
        return control_change(c);
    if (c->code == CODE_GET_OBJECT_ID) {
        layer_attach();
        return control_object_id(c);
    }
    return control_call(c);
}

NTSTATUS NTAPI fvm_NtFsControlFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, void *context, IO_STATUS_BLOCK *io,
                                   ULONG code, void *in, ULONG in_length, void *out, ULONG out_length)
{
    struct control c = {nt.NtFsControlFile, handle_used(file), event, apc, context, io, code, in, in_length, out,
                        out_length};
    return control(&c);
}

NTSTATUS NTAPI fvm_NtDeviceIoControlFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, void *context,
                                         IO_STATUS_BLOCK *io, ULONG code, void *in, ULONG in_length, void *out,
                                         ULONG out_length)
{
    struct control c = {
        nt.NtDeviceIoControlFile, handle_used(file), event, apc, context, io, code, in, in_length, out, out_length};
    return control(&c);
}
