/* A VM on the disk: its name, its parts, opening it. */
#include "vm/vm.h"

#include "vm/error.h"
#include "vm/file.h"
#include "vm/text.h"

#include <string.h>

NTSYSAPI WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR c);

struct str vm_root(const struct vm *vm)
{
    return (struct str){vm->root, vm->root_len};
}

struct str vm_part(const struct vm *vm, const char16 *part, char16 out[VM_PATH_MAX])
{
    struct strbuf b;
    buf_init(&b, out, VM_PATH_MAX);
    buf_add(&b, vm_root(vm));
    path_add(&b, str_of(part));
    buf_terminate(&b);
    return buf_str(&b);
}

void vm_object(const struct vm *vm, const char16 *kind, const unsigned *number, char16 out[VM_OBJECT_UNITS])
{
    struct strbuf b;
    buf_init(&b, out, VM_OBJECT_UNITS);
    buf_add(&b, STR(u"Local\\FVM."));
    buf_add(&b, str_of(vm->id));
    buf_add_char(&b, u'.');
    buf_add(&b, str_of(kind));
    if (number)
        text_add_number(&b, *number);
    buf_terminate(&b);
}

/* 64-bit FNV-1a over the upcased name of the VM's directory. Only the user's own VMs share its space. */
static void set_id(struct vm *vm)
{
    uint64_t hash = 0xcbf29ce484222325u;
    struct strbuf b;
    for (size_t i = 0; i < vm->root_len; i++) {
        hash = (hash ^ RtlUpcaseUnicodeChar(vm->root[i])) * 0x100000001b3u;
    }
    buf_init(&b, vm->id, VM_ID_UNITS + 1);
    buf_add_hex(&b, hash, VM_ID_UNITS);
    buf_terminate(&b);
}

enum fvm_result vm_name(struct vm *vm, struct fvm_home *home, const wchar_t *name, const char16 *operation,
                        struct fvm_error *error)
{
    struct strbuf b;
    memset(vm, 0, sizeof *vm);
    vm->home = home;
    if (!fvm_name_valid(name))
        return error_reason(
            error, FVM_FAILED, operation, str_of(name), u"that is no name for a VM",
            u"use 1 to 64 letters, digits, '_', '-' and '.', with neither '.' nor '-' first and no '.' last, but no "
            u"device's name like CON");
    buf_init(&b, vm->name, FVM_NAME_UNITS + 1);
    buf_add(&b, str_of(name));
    buf_terminate(&b);
    buf_init(&b, vm->root, VM_PATH_MAX);
    buf_add(&b, home_vms(home));
    path_add(&b, str_of(name));
    vm->root_len = b.len;
    set_id(vm);
    return FVM_OK;
}

static bool is_directory(struct str path, NTSTATUS *status)
{
    HANDLE directory;
    *status = file_open(&directory, NULL, path, FILE_TRAVERSE, FILE_SHARE_ALL, FILE_DIRECTORY_FILE);
    if (NT_SUCCESS(*status))
        nt.NtClose(directory);
    return NT_SUCCESS(*status);
}

enum fvm_result vm_exists(const struct vm *vm, const char16 *operation, struct fvm_error *error)
{
    NTSTATUS status;
    if (is_directory(vm_root(vm), &status))
        return FVM_OK;
    if (!status_is_missing(status))
        return error_system(error, FVM_FAILED, operation, str_of(vm->name), status, u"");
    return error_reason(error, FVM_NO_SUCH_VM, operation, str_of(vm->name), u"there is no VM of that name",
                        u"'fvm ls' lists those there are");
}

enum fvm_result vm_find(struct vm *vm, struct fvm_home *home, const wchar_t *name, const char16 *operation,
                        struct fvm_error *error)
{
    enum fvm_result result = vm_name(vm, home, name, operation, error);
    return result == FVM_OK ? vm_exists(vm, operation, error) : result;
}

enum fvm_result vm_open(struct vm *vm, struct fvm_home *home, const wchar_t *name, const char16 *operation,
                        struct fvm_error *error)
{
    enum fvm_result result = vm_name(vm, home, name, operation, error);
    if (result == FVM_OK)
        result = settings_read(vm, error);
    /* told apart only now: the usual case opens one file */
    if (result != FVM_OK && error->status != 0 && status_is_missing((NTSTATUS)error->status)) {
        struct fvm_error missing;
        enum fvm_result exists = vm_exists(vm, operation, &missing);
        if (exists != FVM_OK) {
            *error = missing;
            return exists;
        }
    }
    return result;
}

enum fvm_result fvm_exists(struct fvm_home *home, const wchar_t *name, struct fvm_error *error)
{
    struct vm vm;
    return vm_find(&vm, home, name, u"open VM", error);
}
