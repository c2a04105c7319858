/* The VMs of a home. */
#include "vm/error.h"
#include "vm/file.h"
#include "vm/job.h"
#include "vm/vm.h"

#include <stdlib.h>
#include <string.h>

struct list {
    char16 (*names)[FVM_NAME_UNITS + 1];
    size_t count, cap;
    bool failed;
};

static bool add_name(void *context, const struct file_entry *entry)
{
    struct list *list = context;
    char16 name[FVM_NAME_UNITS + 1];
    struct strbuf b;
    buf_init(&b, name, FVM_NAME_UNITS + 1);
    buf_add(&b, entry->name);
    if (!(entry->attributes & FILE_ATTRIBUTE_DIRECTORY) || !buf_terminate(&b) || !fvm_name_valid(name))
        return true;
    if (list->count == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 64;
        void *names = realloc(list->names, cap * sizeof *list->names);
        if (!names) {
            list->failed = true;
            return false;
        }
        list->names = names;
        list->cap = cap;
    }
    memcpy(list->names[list->count++], name, sizeof name);
    return true;
}

static int by_name(const void *a, const void *b)
{
    int order = CompareStringOrdinal(a, -1, b, -1, TRUE);
    return order == 0 ? 0 : order - CSTR_EQUAL;
}

enum fvm_result fvm_list(struct fvm_home *home, bool (*visit)(void *context, const struct fvm_vm *vm), void *context,
                         struct fvm_error *error)
{
    static const char16 operation[] = u"list the VMs in";
    struct list list = {0};
    struct str object = str_from(home_vms(home), 4);
    HANDLE vms;
    home_clean(home);
    NTSTATUS status = file_open(&vms, NULL, home_vms(home), FILE_LIST_DIRECTORY, FILE_SHARE_ALL, FILE_DIRECTORY_FILE);
    if (!NT_SUCCESS(status))
        return status_is_missing(status) ? FVM_OK : error_system(error, FVM_FAILED, operation, object, status, u"");
    status = directory_visit(vms, add_name, &list);
    nt.NtClose(vms);
    enum fvm_result result = FVM_OK;
    if (list.failed)
        result = error_memory(error, operation, object);
    else if (!NT_SUCCESS(status))
        result = error_system(error, FVM_FAILED, operation, object, status, u"");
    else if (list.count > 0)
        qsort(list.names, list.count, sizeof *list.names, by_name);
    for (size_t i = 0; result == FVM_OK && i < list.count; i++) {
        struct fvm_error ignored; /* a damaged VM is listed, too: it can be deleted */
        struct vm vm;
        if (vm_name(&vm, home, list.names[i], operation, &ignored) != FVM_OK)
            continue;
        settings_read(&vm, &ignored);
        struct fvm_vm info = {vm.name, vm.created, 0};
        vm_running(&vm, &info.processes);
        if (!visit(context, &info))
            break;
    }
    free(list.names);
    return result;
}
