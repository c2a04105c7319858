/* Making and deleting VMs. Both go through a second name, so that a VM is there completely or not at all, whenever the
 * process dies; what is left under such a name is removed by the next command that comes along. */
#include "delta/journal.h"
#include "vm/error.h"
#include "vm/events.h"
#include "vm/file.h"
#include "vm/job.h"
#include "vm/lock.h"
#include "vm/name.h"
#include "vm/objects.h"
#include "vm/registry.h"
#include "vm/text.h"
#include "vm/vm.h"

#include <string.h>

#define NAME_ATTEMPTS 1000u
#define NEW_PREFIX u".creating-"
#define OLD_PREFIX u".deleting-"
#define CREATE_VM u"create VM"
#define DELETE_VM u"delete VM"

/* HOME\vms\<prefix><name>-<number that nobody else has> */
static struct str second_name(const struct vm *vm, struct str prefix, char16 out[VM_PATH_MAX])
{
    struct strbuf b;
    LARGE_INTEGER now;
    nt.NtQuerySystemTime(&now);
    buf_init(&b, out, VM_PATH_MAX);
    buf_add(&b, home_vms(vm->home));
    path_add(&b, prefix);
    buf_add(&b, str_of(vm->name));
    buf_add_char(&b, u'-');
    buf_add_hex(&b, (uint64_t)now.QuadPart ^ (uint64_t)GetCurrentProcessId() << 32, VM_ID_UNITS);
    return buf_str(&b);
}

static NTSTATUS put_file(HANDLE directory, struct str name, const void *data, size_t size)
{
    HANDLE file;
    NTSTATUS status = file_create(&file, directory, name, FILE_WRITE_DATA, 0, FILE_CREATE, FILE_NON_DIRECTORY_FILE);
    if (!NT_SUCCESS(status))
        return status;
    status = file_write_at(file, 0, data, size);
    nt.NtClose(file);
    return status;
}

static NTSTATUS put_parts(HANDLE directory, struct vm *vm)
{
    uint8_t header[JOURNAL_HEADER_SIZE];
    char settings[256];
    LARGE_INTEGER now;
    HANDLE events;
    nt.NtQuerySystemTime(&now);
    vm->created = now.QuadPart;
    NTSTATUS status =
        put_file(directory, STR(u"vm.ini"), settings, settings_text(settings, sizeof settings, vm->created));
    if (NT_SUCCESS(status))
        status = put_file(directory, STR(u"delta.log"), header, journal_header(header));
    if (NT_SUCCESS(status))
        status = directory_create(directory, STR(u"files"));
    if (NT_SUCCESS(status))
        status = file_create(&events, directory, STR(u"events.log"), FILE_APPEND_DATA, 0, FILE_CREATE,
                             FILE_NON_DIRECTORY_FILE);
    if (NT_SUCCESS(status)) {
        event_write(events, GetCurrentProcessId(), u"create", str_of(vm->name));
        nt.NtClose(events);
    }
    return status;
}

/* Sharing without FILE_SHARE_DELETE tells home_clean that somebody is still at work here. */
static NTSTATUS create_in(struct vm *vm, struct str path)
{
    HANDLE directory;
    NTSTATUS status = file_create(&directory, NULL, path, DELETE | FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY,
                                  FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_CREATE, FILE_DIRECTORY_FILE);
    if (!NT_SUCCESS(status))
        return status;
    status = put_parts(directory, vm);
    if (NT_SUCCESS(status))
        status = file_rename(directory, NULL, vm_root(vm));
    nt.NtClose(directory);
    if (!NT_SUCCESS(status))
        tree_delete(path, NULL);
    return status;
}

static NTSTATUS create_vm(struct vm *vm)
{
    char16 path[VM_PATH_MAX];
    struct fvm_error ignored;
    struct str name = second_name(vm, STR(NEW_PREFIX), path);
    if (vm_exists(vm, CREATE_VM, &ignored) == FVM_OK)
        return STATUS_OBJECT_NAME_COLLISION;
    home_clean(vm->home);
    NTSTATUS status = create_in(vm, name);
    if (status != STATUS_OBJECT_PATH_NOT_FOUND)
        return status;
    status = directory_create_all(home_vms(vm->home));
    return NT_SUCCESS(status) ? create_in(vm, name) : status;
}

static enum fvm_result create_failed(const struct vm *vm, NTSTATUS status, struct fvm_error *error)
{
    return error_system(error, FVM_FAILED, CREATE_VM, str_of(vm->name), status,
                        status_is_missing(status) ? u"check that FVM_HOME names a directory that can be made" : u"");
}

enum fvm_result fvm_create(struct fvm_home *home, const wchar_t *name, struct fvm_error *error)
{
    struct vm vm;
    enum fvm_result result = vm_name(&vm, home, name, CREATE_VM, error);
    if (result != FVM_OK)
        return result;
    NTSTATUS status = create_vm(&vm);
    if (NT_SUCCESS(status))
        return FVM_OK;
    if (status == STATUS_OBJECT_NAME_COLLISION || status == STATUS_OBJECT_NAME_EXISTS)
        return error_reason(error, FVM_FAILED, CREATE_VM, str_of(vm.name), u"there is a VM of that name already",
                            u"choose another name, or delete it with 'fvm delete' first");
    return create_failed(&vm, status, error);
}

enum fvm_result fvm_create_any(struct fvm_home *home, wchar_t name[FVM_NAME_UNITS + 1], struct fvm_error *error)
{
    struct strbuf b;
    enum fvm_result result = FVM_FAILED;
    buf_init(&b, name, FVM_NAME_UNITS + 1);
    for (uint32_t i = 0; i < NAME_ATTEMPTS; i++) {
        struct vm vm;
        name_invent(&b, i);
        result = vm_name(&vm, home, name, CREATE_VM, error);
        if (result != FVM_OK)
            return result;
        NTSTATUS status = create_vm(&vm);
        if (NT_SUCCESS(status))
            return FVM_OK;
        if (status != STATUS_OBJECT_NAME_COLLISION && status != STATUS_OBJECT_NAME_EXISTS)
            return create_failed(&vm, status, error);
    }
    return error_reason(error, FVM_FAILED, CREATE_VM, (struct str){0}, u"no free name was found",
                        u"delete VMs that you no longer need, or give a name");
}

/* The keys of a VM that is being deleted, whose directory is at `path` and was once `name`: before its vm.ini, which says
 * which they are. */
static NTSTATUS delete_keys(struct fvm_home *home, struct str path, struct str name)
{
    struct fvm_error ignored;
    struct vm vm = {.home = home};
    struct strbuf b;
    buf_init(&b, vm.root, VM_PATH_MAX);
    buf_add(&b, path);
    vm.root_len = b.len;
    buf_init(&b, vm.name, FVM_NAME_UNITS + 1);
    buf_add(&b, name);
    if (!buf_terminate(&b) || !fvm_name_valid(vm.name) || settings_read(&vm, &ignored) != FVM_OK)
        return STATUS_SUCCESS;
    return registry_delete(&vm);
}

static bool clean_entry(void *context, const struct file_entry *entry)
{
    struct fvm_home *home = context;
    char16 path[VM_PATH_MAX];
    struct strbuf b;
    HANDLE directory;
    size_t prefix = STR(NEW_PREFIX).len;
    _Static_assert(sizeof NEW_PREFIX == sizeof OLD_PREFIX, "one length for both");
    if (!str_equal(str_head(entry->name, prefix), STR(NEW_PREFIX)) &&
        !str_equal(str_head(entry->name, prefix), STR(OLD_PREFIX)))
        return true;
    buf_init(&b, path, VM_PATH_MAX);
    buf_add(&b, home_vms(home));
    path_add(&b, entry->name);
    /* whoever is making it does not share it for this */
    if (b.overflow || !NT_SUCCESS(file_open(&directory, NULL, buf_str(&b), DELETE, FILE_SHARE_ALL, FILE_SAFE_OPTIONS)))
        return true;
    nt.NtClose(directory);
    struct str old_name = str_from(entry->name, prefix);
    if (old_name.len > VM_ID_UNITS + 1)
        old_name.len -= VM_ID_UNITS + 1;
    if (str_equal(str_head(entry->name, prefix), STR(NEW_PREFIX)) ||
        NT_SUCCESS(delete_keys(home, buf_str(&b), old_name)))
        tree_delete(buf_str(&b), NULL);
    return true;
}

void home_clean(struct fvm_home *home)
{
    HANDLE vms;
    if (!NT_SUCCESS(file_open(&vms, NULL, home_vms(home), FILE_LIST_DIRECTORY, FILE_SHARE_ALL, FILE_DIRECTORY_FILE)))
        return;
    directory_visit(vms, clean_entry, home);
    nt.NtClose(vms);
}

/* Takes the VM out of sight, unless something runs in it. */
static enum fvm_result retire(struct vm *vm, struct str old, struct fvm_error *error)
{
    char16 path[OBJECTS_PATH_UNITS];
    HANDLE directory, lock;
    uint32_t processes;
    enum fvm_result result = lock_take(vm, &lock, NULL, DELETE_VM, error);
    if (result != FVM_OK)
        return result;
    if (vm_running(vm, &processes)) {
        result = error_reason(error, FVM_FAILED, DELETE_VM, str_of(vm->name), u"programs are running in it",
                              u"end them first, or stop them with 'fvm stop'");
    } else {
        NTSTATUS status = file_open(&directory, NULL, vm_root(vm), DELETE, FILE_SHARE_ALL, FILE_SAFE_OPTIONS);
        if (NT_SUCCESS(status)) {
            status = file_rename(directory, NULL, old);
            nt.NtClose(directory);
            objects_remove_left(objects_path(vm, path)); /* of a supervisor that was killed */
        }
        if (!NT_SUCCESS(status))
            result = error_system(error, FVM_FAILED, DELETE_VM, str_of(vm->name), status, u"");
    }
    lock_release(lock);
    return result;
}

enum fvm_result fvm_delete(struct fvm_home *home, const wchar_t *name, struct fvm_error *error)
{
    char16 path[VM_PATH_MAX];
    struct strbuf failed;
    struct vm vm;
    enum fvm_result result = vm_find(&vm, home, name, DELETE_VM, error);
    if (result != FVM_OK)
        return result;
    struct str old = second_name(&vm, STR(OLD_PREFIX), path);
    result = retire(&vm, old, error);
    if (result != FVM_OK)
        return result;
    NTSTATUS status = delete_keys(home, old, str_of(vm.name));
    if (!NT_SUCCESS(status))
        return error_system(error, FVM_FAILED, u"remove the registry keys of VM", str_of(vm.name), status,
                            u"the VM is gone; the next fvm command tries again to remove what it left");
    path_alloc(&failed);
    status = tree_delete(old, &failed);
    if (!NT_SUCCESS(status))
        result = error_system(error, FVM_FAILED, u"remove", failed.len > 0 ? buf_str(&failed) : str_from(old, 4),
                              status, u"the VM is gone; the next fvm command tries again to remove what it left");
    path_free(&failed);
    return result;
}
