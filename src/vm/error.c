/* Errors as text. NTSTATUS inside, one conversion here. */
#include "vm/error.h"

#include "vm/text.h"

#define MESSAGE_UNITS 512u
#define FACILITY_WIN32_STATUS 0xc0070000u

static void add_system_message(struct strbuf *b, NTSTATUS status)
{
    ULONG(NTAPI * to_win32)
    (NTSTATUS) = (ULONG(NTAPI *)(NTSTATUS))(void *)GetProcAddress(GetModuleHandleA("ntdll"), "RtlNtStatusToDosError");
    char16 message[MESSAGE_UNITS];
    DWORD code = ERROR_MR_MID_NOT_FOUND, len = 0;
    if (((ULONG)status & 0xffff0000u) == FACILITY_WIN32_STATUS)
        code = (ULONG)status & 0xffffu;
    else if (to_win32)
        code = to_win32(status);
    if (code != ERROR_MR_MID_NOT_FOUND)
        len = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK,
                             NULL, code, 0, message, MESSAGE_UNITS, NULL);
    while (len > 0 && (message[len - 1] <= u' ' || message[len - 1] == u'.'))
        len--;
    if (len > 0) {
        buf_add(b, (struct str){message, len});
    } else {
        buf_add(b, STR(u"status 0x"));
        buf_add_hex(b, (ULONG)status, 8);
    }
}

static enum fvm_result fill(struct fvm_error *error, enum fvm_result result, const char16 *operation, struct str object,
                            NTSTATUS status, const char16 *reason, const char16 *way_out)
{
    struct strbuf b;
    buf_init(&b, error->text, FVM_ERROR_UNITS - 1);
    buf_add(&b, STR(u"cannot "));
    buf_add(&b, str_of(operation));
    if (object.len > 0) {
        buf_add(&b, STR(u" '"));
        buf_add(&b, str_head(object, FVM_ERROR_UNITS / 2));
        buf_add(&b, STR(u"'"));
    }
    buf_add(&b, STR(u": "));
    if (reason)
        buf_add(&b, str_of(reason));
    else
        add_system_message(&b, status);
    if (way_out && *way_out) {
        buf_add(&b, STR(u"; "));
        buf_add(&b, str_of(way_out));
    }
    error->text[b.len] = 0;
    error->result = result;
    error->status = (uint32_t)status;
    return result;
}

enum fvm_result error_system(struct fvm_error *error, enum fvm_result result, const char16 *operation,
                             struct str object, NTSTATUS status, const char16 *way_out)
{
    return fill(error, result, operation, object, status, NULL, way_out && *way_out ? way_out : error_way_out(status));
}

enum fvm_result error_reason(struct fvm_error *error, enum fvm_result result, const char16 *operation,
                             struct str object, const char16 *reason, const char16 *way_out)
{
    return fill(error, result, operation, object, 0, reason, way_out);
}

enum fvm_result error_memory(struct fvm_error *error, const char16 *operation, struct str object)
{
    return error_system(error, FVM_FAILED, operation, object, STATUS_NO_MEMORY, u"");
}

NTSTATUS error_last_status(void)
{
    return (NTSTATUS)(FACILITY_WIN32_STATUS | (GetLastError() & 0xffffu));
}

const char16 *error_way_out(NTSTATUS status)
{
    switch ((ULONG)status) {
    case STATUS_DISK_FULL:
    case FACILITY_WIN32_STATUS | ERROR_DISK_FULL:
        return u"make room on the disk, or set FVM_HOME to a directory on another one";
    case STATUS_ACCESS_DENIED:
    case STATUS_MEDIA_WRITE_PROTECTED:
        return u"check that you may write there, or set FVM_HOME to a directory that you may write";
    case STATUS_SHARING_VIOLATION:
        return u"another program has it open: try again when that is closed";
    case STATUS_NO_MEMORY:
    case STATUS_COMMITMENT_LIMIT:
        return u"end programs that you do not need, and try again";
    default:
        return u"";
    }
}
