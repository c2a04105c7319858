/* The one place where an error becomes a line for the user. */
#ifndef FVM_VM_ERROR_H
#define FVM_VM_ERROR_H

#include "base/str.h"
#include "fvm.h"
#include "nt/native.h"

/* Fills *error with "cannot <operation> '<object>': <the system's message for status>; <way out>" and returns `result`.
 * way_out may be empty. */
enum fvm_result error_system(struct fvm_error *error, enum fvm_result result, const char16 *operation,
                             struct str object, NTSTATUS status, const char16 *way_out);
/* The same with a reason of FVM's own. */
enum fvm_result error_reason(struct fvm_error *error, enum fvm_result result, const char16 *operation,
                             struct str object, const char16 *reason, const char16 *way_out);
enum fvm_result error_memory(struct fvm_error *error, const char16 *operation, struct str object);
/* GetLastError() as a status, for what only kernel32 offers. */
NTSTATUS error_last_status(void);
/* What to do about a status that more than one operation meets (a full disk, missing rights), or an empty string. */
const char16 *error_way_out(NTSTATUS status);

#endif
