/* Control codes. Most ask a question, or want a handle that may write (and what a VM may write is its own); these do not. */
#include "layer/files/change.h"
#include "layer/objects/pipes.h"
#include "layer/processes/processes.h"

enum {
    CODE_SET_OBJECT_ID = 0x90098,
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

NTSTATUS NTAPI fvm_NtFsControlFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, void *context, IO_STATUS_BLOCK *io,
                                   ULONG code, void *in, ULONG in_length, void *out, ULONG out_length)
{
    HANDLE own = file;
    if (code == CODE_PIPE_WAIT)
        return pipe_wait(file, event, apc, context, io, in, in_length, out, out_length);
    if (makes_link(code) || changes_volume(code)) {
        layer_attach();
        return change_refuse(file, makes_link(code) ? "making a link" : "change of a volume");
    }
    if (changes_file(code)) {
        layer_attach();
        NTSTATUS status = change_handle_kept(file, COPY_ALL, &own);
        if (status < 0)
            return status;
    }
    NTSTATUS status = nt.NtFsControlFile(own, event, apc, context, io, code, in, in_length, out, out_length);
    if (own != file)
        nt.NtClose(own);
    return status;
}

NTSTATUS NTAPI fvm_NtDeviceIoControlFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, void *context,
                                         IO_STATUS_BLOCK *io, ULONG code, void *in, ULONG in_length, void *out,
                                         ULONG out_length)
{
    uint32_t pid; /* these copies are what the system gets; any other length it refuses */
    struct {
        uint32_t event, group;
    } control;
    if (code == CODE_CONSOLE_EVENT && in_length == sizeof(control) && guard_read(&control, in, sizeof(control))) {
        layer_attach();
        if (control.group && process_is_outside(control.group))
            return process_refuse("console event for processes outside the VM", control.group);
        in = &control;
    }
    if (code == CODE_CONSOLE_BIND && in_length == sizeof(pid) && guard_read(&pid, in, sizeof(pid))) {
        layer_attach();
        if (pid != UINT32_MAX && !process_id_is_ours(pid))
            return process_refuse("console of a process outside the VM", pid);
        in = &pid;
    }
    /* The host's own store, where Wine has one; without, credentials are kept in the registry, and so in the VM's. */
    if (code >> 16 == DEVICE_MOUNT_MANAGER && (code >> 2 & 0xffc) == FUNCTION_CREDENTIALS && nt.__wine_unix_spawnvp)
        return STATUS_NOT_SUPPORTED;
    /* Drive letters and mount points are the host's. */
    if (code >> 16 == DEVICE_MOUNT_MANAGER && code >> 14 & ACCESS_BITS_WRITE) {
        layer_attach();
        return change_refuse(file, "change of a drive letter or mount point");
    }
    return nt.NtDeviceIoControlFile(file, event, apc, context, io, code, in, in_length, out, out_length);
}
