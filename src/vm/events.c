/* The event log: writing lines, and passing the file on. */
#include "vm/events.h"

#include "vm/error.h"
#include "vm/file.h"
#include "vm/text.h"

#include <stdlib.h>

#define LOG_CHUNK 65536u

NTSTATUS events_open(const struct vm *vm, HANDLE *events)
{
    char16 path[VM_PATH_MAX];
    return file_create(events, NULL, vm_part(vm, u"events.log", path), FILE_APPEND_DATA, FILE_SHARE_ALL, FILE_OPEN_IF,
                       FILE_NON_DIRECTORY_FILE);
}

void event_write(HANDLE events, uint32_t pid, const char16 *event, struct str text)
{
    char line[EVENT_BYTES];
    char16 memory[EVENT_BYTES / 2];
    struct strbuf b;
    LARGE_INTEGER now;
    nt.NtQuerySystemTime(&now);
    buf_init(&b, memory, sizeof memory / sizeof *memory);
    text_add_time(&b, now.QuadPart);
    buf_add_char(&b, u' ');
    text_add_number(&b, pid);
    buf_add_char(&b, u' ');
    buf_add(&b, str_of(event));
    buf_add_char(&b, u' ');
    buf_add(&b, str_head(text, b.cap - b.len));
    size_t len = text_utf8(buf_str(&b), line, sizeof line - 1);
    line[len++] = '\n';
    file_append(events, line, len);
}

enum fvm_result fvm_log(struct fvm_home *home, const wchar_t *name,
                        bool (*visit)(void *context, const char *bytes, size_t size), void *context,
                        struct fvm_error *error)
{
    static const char16 operation[] = u"read the event log of VM";
    char16 path[VM_PATH_MAX];
    struct vm vm;
    HANDLE file;
    enum fvm_result result = vm_find(&vm, home, name, operation, error);
    if (result != FVM_OK)
        return result;
    char *chunk = malloc(LOG_CHUNK);
    if (!chunk)
        return error_memory(error, operation, str_of(vm.name));
    NTSTATUS status = file_open(&file, NULL, vm_part(&vm, u"events.log", path), FILE_READ_DATA, FILE_SHARE_ALL,
                                FILE_NON_DIRECTORY_FILE | FILE_OPEN_REPARSE_POINT);
    if (NT_SUCCESS(status)) {
        size_t got = LOG_CHUNK;
        for (uint64_t at = 0; got == LOG_CHUNK; at += got) {
            status = file_read_at(file, at, chunk, LOG_CHUNK, &got);
            if (!NT_SUCCESS(status) || (got > 0 && !visit(context, chunk, got)))
                break;
        }
        nt.NtClose(file);
    }
    free(chunk);
    if (NT_SUCCESS(status) || status_is_missing(status))
        return FVM_OK;
    return error_system(error, FVM_FAILED, operation, str_of(vm.name), status, u"");
}
