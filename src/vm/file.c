/* Opening, reading, writing by NT path. */
#include "vm/file.h"

#include "nt/append.h"

#include <stdlib.h>
#include <string.h>

#define READ_CHUNK (1u << 20)
#define STANDARD_INFORMATION ((FILE_INFORMATION_CLASS)5)
#define BASIC_INFORMATION ((FILE_INFORMATION_CLASS)4)
#define NAME_INFORMATION ((FILE_INFORMATION_CLASS)9)
#define RENAME_INFORMATION ((FILE_INFORMATION_CLASS)10)
#define END_OF_FILE_INFORMATION ((FILE_INFORMATION_CLASS)20)

bool path_alloc(struct strbuf *path)
{
    char16 *memory = malloc((FILE_PATH_UNITS + 1) * sizeof *memory);
    buf_init(path, memory, memory ? FILE_PATH_UNITS + 1 : 0);
    return memory != NULL;
}

void path_free(struct strbuf *path)
{
    free(path->s);
    buf_init(path, NULL, 0);
}

void path_add(struct strbuf *path, struct str component)
{
    if (path->len > 0 && path->s[path->len - 1] != u'\\' && component.len > 0)
        buf_add_char(path, u'\\');
    buf_add(path, component);
}

NTSTATUS file_create(HANDLE *file, HANDLE at, struct str name, ACCESS_MASK access, ULONG sharing, ULONG disposition,
                     ULONG options)
{
    UNICODE_STRING string = {(USHORT)(name.len * sizeof(char16)), (USHORT)(name.len * sizeof(char16)),
                             (char16 *)name.s};
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK io;
    *file = NULL;
    if (name.len > FILE_PATH_UNITS)
        return STATUS_NAME_TOO_LONG;
    InitializeObjectAttributes(&attributes, &string, OBJ_CASE_INSENSITIVE, at, NULL);
    return nt.NtCreateFile(file, access | SYNCHRONIZE | FILE_READ_ATTRIBUTES, &attributes, &io, NULL,
                           FILE_ATTRIBUTE_NORMAL, sharing, disposition, options | FILE_SYNCHRONOUS_IO_NONALERT, NULL,
                           0);
}

NTSTATUS file_open(HANDLE *file, HANDLE at, struct str name, ACCESS_MASK access, ULONG sharing, ULONG options)
{
    return file_create(file, at, name, access, sharing, FILE_OPEN, options);
}

NTSTATUS directory_create(HANDLE at, struct str name)
{
    HANDLE directory;
    NTSTATUS status =
        file_create(&directory, at, name, FILE_LIST_DIRECTORY, FILE_SHARE_ALL, FILE_OPEN_IF, FILE_DIRECTORY_FILE);
    if (NT_SUCCESS(status))
        nt.NtClose(directory);
    return status;
}

NTSTATUS directory_create_all(struct str path)
{
    NTSTATUS status = directory_create(NULL, path);
    size_t cut = str_rfind(path, u'\\');
    if (status != STATUS_OBJECT_PATH_NOT_FOUND || cut == path.len || cut == 0)
        return status;
    status = directory_create_all(str_head(path, cut));
    return NT_SUCCESS(status) ? directory_create(NULL, path) : status;
}

bool status_is_missing(NTSTATUS status)
{
    return status == STATUS_OBJECT_NAME_NOT_FOUND || status == STATUS_OBJECT_PATH_NOT_FOUND ||
           status == STATUS_NO_SUCH_FILE || status == STATUS_NOT_A_DIRECTORY || status == STATUS_DELETE_PENDING ||
           status == STATUS_OBJECT_NAME_INVALID || status == STATUS_OBJECT_PATH_INVALID ||
           status == STATUS_BAD_NETWORK_PATH || status == STATUS_BAD_NETWORK_NAME;
}

NTSTATUS file_size(HANDLE file, uint64_t *size)
{
    FILE_STANDARD_INFORMATION information;
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtQueryInformationFile(file, &io, &information, sizeof information, STANDARD_INFORMATION);
    *size = NT_SUCCESS(status) ? (uint64_t)information.EndOfFile.QuadPart : 0;
    return status;
}

NTSTATUS file_attributes(HANDLE file, ULONG *attributes)
{
    FILE_BASIC_INFORMATION information;
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtQueryInformationFile(file, &io, &information, sizeof information, BASIC_INFORMATION);
    *attributes = NT_SUCCESS(status) ? information.FileAttributes : 0;
    return status;
}

NTSTATUS file_read_at(HANDLE file, uint64_t at, void *data, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        ULONG want = size - *got < READ_CHUNK ? (ULONG)(size - *got) : READ_CHUNK;
        LARGE_INTEGER offset = {.QuadPart = (LONGLONG)(at + *got)};
        IO_STATUS_BLOCK io = {.Information = 0};
        NTSTATUS status = nt.NtReadFile(file, NULL, NULL, NULL, &io, (uint8_t *)data + *got, want, &offset, NULL);
        if (status == STATUS_END_OF_FILE)
            break;
        if (!NT_SUCCESS(status))
            return status;
        if (io.Information == 0)
            break;
        *got += io.Information;
    }
    return STATUS_SUCCESS;
}

NTSTATUS file_read_all(HANDLE file, uint8_t **data, size_t *size, size_t limit)
{
    uint64_t end;
    NTSTATUS status = file_size(file, &end);
    *data = NULL;
    *size = 0;
    if (!NT_SUCCESS(status))
        return status;
    if (end > limit)
        return STATUS_FILE_TOO_LARGE;
    if ((*data = malloc((size_t)end + 1)) == NULL)
        return STATUS_NO_MEMORY;
    status = file_read_at(file, 0, *data, (size_t)end, size);
    if (!NT_SUCCESS(status)) {
        free(*data);
        *data = NULL;
    }
    return status;
}

NTSTATUS file_write_at(HANDLE file, uint64_t at, const void *data, size_t size)
{
    while (size > 0) {
        ULONG part = size < READ_CHUNK ? (ULONG)size : READ_CHUNK;
        LARGE_INTEGER offset = {.QuadPart = (LONGLONG)at};
        IO_STATUS_BLOCK io = {.Information = 0};
        NTSTATUS status = nt.NtWriteFile(file, NULL, NULL, NULL, &io, data, part, &offset, NULL);
        if (!NT_SUCCESS(status))
            return status;
        /* Wine reports a full disk as a short write */
        if (io.Information == 0)
            return STATUS_DISK_FULL;
        at += io.Information;
        data = (const uint8_t *)data + io.Information;
        size -= io.Information;
    }
    return STATUS_SUCCESS;
}

NTSTATUS file_append(HANDLE file, const void *data, size_t size)
{
    IO_STATUS_BLOCK io = {.Information = 0};
    NTSTATUS status = append_line(file, data, (ULONG)size, &io);
    return NT_SUCCESS(status) && io.Information < size ? STATUS_DISK_FULL : status;
}

NTSTATUS file_truncate(HANDLE file, uint64_t size)
{
    LARGE_INTEGER end = {.QuadPart = (LONGLONG)size};
    IO_STATUS_BLOCK io;
    return nt.NtSetInformationFile(file, &io, &end, sizeof end, END_OF_FILE_INFORMATION);
}

NTSTATUS file_rename(HANDLE file, HANDLE at, struct str name)
{
    size_t bytes = name.len * sizeof(char16);
    ULONG size = (ULONG)(sizeof(FVM_FILE_RENAME_INFORMATION) + bytes);
    FVM_FILE_RENAME_INFORMATION *information = calloc(1, size);
    IO_STATUS_BLOCK io;
    if (!information)
        return STATUS_NO_MEMORY;
    information->RootDirectory = at;
    information->FileNameLength = (ULONG)bytes;
    memcpy(information->FileName, name.s, bytes);
    NTSTATUS status = nt.NtSetInformationFile(file, &io, information, size, RENAME_INFORMATION);
    free(information);
    return status;
}

bool file_own_name(HANDLE file, struct strbuf *name)
{
    struct {
        ULONG bytes;
        char16 name[FILE_PATH_UNITS];
    } *information = malloc(sizeof *information);
    IO_STATUS_BLOCK io;
    NTSTATUS status = STATUS_NO_MEMORY;
    if (information)
        status = nt.NtQueryInformationFile(file, &io, information, sizeof *information, NAME_INFORMATION);
    if (NT_SUCCESS(status))
        buf_set(name, (struct str){information->name, information->bytes / sizeof(char16)});
    free(information);
    return NT_SUCCESS(status) && !name->overflow;
}

bool file_has_name(HANDLE file, HANDLE at, struct str path)
{
    struct strbuf is, expected;
    bool same = true;
    if (!nt.__wine_unix_spawnvp)
        return true;
    if (path_alloc(&is)) {
        if (path_alloc(&expected)) {
            same = (!at || file_own_name(at, &expected)) && file_own_name(file, &is);
            path_add(&expected, path);
            same = same && !expected.overflow &&
                   CompareStringOrdinal(is.s, (int)is.len, expected.s, (int)expected.len, TRUE) == CSTR_EQUAL;
            path_free(&expected);
        }
        path_free(&is);
    }
    return same;
}

/* Opens without passing through what the system shows to be a link. */
static NTSTATUS open_components(HANDLE *file, HANDLE root, struct str path, ACCESS_MASK access)
{
    HANDLE at = root;
    NTSTATUS status;
    for (;;) {
        struct str rest = path_rest(path);
        bool last = rest.len == 0;
        status =
            file_open(file, at, path_first(path), last ? access : FILE_TRAVERSE, FILE_SHARE_ALL, FILE_SAFE_OPTIONS);
        if (at != root)
            nt.NtClose(at);
        if (!NT_SUCCESS(status) || last)
            return status;
        ULONG attributes;
        at = *file;
        status = file_attributes(at, &attributes);
        if (NT_SUCCESS(status) && (attributes & FILE_ATTRIBUTE_REPARSE_POINT))
            status = STATUS_REPARSE_POINT_ENCOUNTERED;
        else if (NT_SUCCESS(status) && !(attributes & FILE_ATTRIBUTE_DIRECTORY))
            status = STATUS_OBJECT_PATH_NOT_FOUND;
        if (!NT_SUCCESS(status)) {
            nt.NtClose(at);
            *file = NULL;
            return status;
        }
        path = rest;
    }
}

NTSTATUS file_open_below(HANDLE *file, HANDLE root, struct str path, ACCESS_MASK access)
{
    NTSTATUS status = open_components(file, root, path, access);
    if (!NT_SUCCESS(status) || file_has_name(*file, root, path))
        return status;
    nt.NtClose(*file);
    *file = NULL;
    return STATUS_REPARSE_POINT_ENCOUNTERED;
}
