/* Taking the writer lock from outside. */
#include "vm/lock.h"

#include "vm/error.h"

/* A program of the VM holds it for microseconds; one that is suspended just then holds it for good. */
#define LOCK_TIMEOUT_MS 10000u

enum fvm_result lock_take(const struct vm *vm, HANDLE *lock, bool *abandoned, const char16 *operation,
                          struct fvm_error *error)
{
    char16 name[VM_OBJECT_UNITS];
    vm_object(vm, u"lock", NULL, name);
    *lock = CreateMutexW(NULL, FALSE, name);
    if (!*lock)
        return error_system(error, FVM_FAILED, operation, str_of(vm->name), error_last_status(), u"");
    DWORD wait = WaitForSingleObject(*lock, LOCK_TIMEOUT_MS);
    if (abandoned)
        *abandoned = wait == WAIT_ABANDONED;
    if (wait == WAIT_OBJECT_0 || wait == WAIT_ABANDONED)
        return FVM_OK;
    CloseHandle(*lock);
    *lock = NULL;
    return error_reason(error, FVM_FAILED, operation, str_of(vm->name), u"a program in it holds its lock",
                        u"try again, or end its programs with 'fvm stop'");
}

void lock_release(HANDLE lock)
{
    ReleaseMutex(lock);
    CloseHandle(lock);
}
