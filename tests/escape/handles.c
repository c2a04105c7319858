/* Changing the host's files through handles that were opened for reading, by file id, with more access than they were opened
 * with, and by mapping. */
#include "try.h"

enum { READ = FILE_READ_DATA | FILE_READ_ATTRIBUTES | FILE_READ_EA | READ_CONTROL };

static NTSTATUS set(HANDLE file, const void *information, ULONG length, int class)
{
    IO_STATUS_BLOCK io;
    return nt.NtSetInformationFile(file, &io, (void *)information, length, (FILE_INFORMATION_CLASS) class);
}

static NTSTATUS name_class(HANDLE file, HANDLE root, const wchar_t *name, int class)
{
    BYTE buffer[UNITS];
    FVM_FILE_RENAME_INFORMATION *information = (FVM_FILE_RENAME_INFORMATION *)buffer;
    memset(buffer, 0, sizeof(buffer));
    information->ReplaceIfExists = TRUE;
    information->RootDirectory = root;
    information->FileNameLength = (ULONG)(wcslen(name) * sizeof(wchar_t));
    memcpy(information->FileName, name, information->FileNameLength);
    return set(file, buffer, sizeof(*information) + information->FileNameLength, class);
}

/* The host is compared afterwards; here it only matters that each is tried on a file of its own. */
static void by_reading_handles(void)
{
    FILE_BASIC_INFORMATION basic = {.LastWriteTime.QuadPart = 130000000000000000,
                                    .FileAttributes = FILE_ATTRIBUTE_READONLY};
    FILE_DISPOSITION_INFORMATION disposition = {TRUE};
    FILE_DISPOSITION_INFORMATION_EX disposition_ex = {3};
    FILE_END_OF_FILE_INFORMATION end = {.EndOfFile.QuadPart = 1};
    FILE_ALLOCATION_INFORMATION allocation = {.AllocationSize.QuadPart = 0};
    HANDLE directory = open_at(L"sub", FILE_LIST_DIRECTORY | FILE_TRAVERSE, FILE_DIRECTORY_FILE);
    static const ULONG codes[] = {0x9c040 /* compression */, 0x900c4 /* sparse */,
                                  0x980c8 /* zero data */,   0x900a4 /* reparse point */,
                                  0x90098 /* object id */,   0x98344 /* duplicate extents */};
    struct {
        LARGE_INTEGER from, to;
    } range = {{{0}}, {{8, 0}}};
    IO_STATUS_BLOCK io;
    BYTE descriptor[1024];
    ULONG needed;
    unsigned number = 0;
    for (int class = 0; class < 9 + (int)(sizeof(codes) / sizeof(codes[0])); class ++) {
        wchar_t name[64], target[64];
        swprintf(name, 64, L"many\\%02u.txt", number++);
        swprintf(target, 64, L"to %02u.txt", number);
        HANDLE file = open_at(name, READ, 0);
        NTSTATUS status = STATUS_NOT_SUPPORTED;
        switch (class) {
        case 0:
            status = set(file, &basic, sizeof(basic), FileBasicInformation);
            break;
        case 1:
            status = set(file, &disposition, sizeof(disposition), FileDispositionInformation);
            break;
        case 2:
            status = set(file, &disposition_ex, sizeof(disposition_ex), FileDispositionInformationExClass);
            break;
        case 3:
            status = set(file, &end, sizeof(end), FileEndOfFileInformation);
            break;
        case 4:
            status = set(file, &allocation, sizeof(allocation), FileAllocationInformation);
            break;
        case 5:
            status = name_class(file, directory, target, FileRenameInformation);
            break;
        case 6:
            status = name_class(file, directory, target, FileLinkInformation);
            break;
        case 7:
            status = name_class(file, NULL, nt_at(L"sub\\one.txt"), FileRenameInformation);
            break;
        case 8:
            if (nt.NtQuerySecurityObject(file, DACL_SECURITY_INFORMATION, descriptor, sizeof(descriptor), &needed) >= 0)
                status = nt.NtSetSecurityObject(file, DACL_SECURITY_INFORMATION, descriptor);
            break;
        default:
            status = nt.NtFsControlFile(file, NULL, NULL, NULL, &io, codes[class - 9], &range, sizeof(range), NULL, 0);
        }
        close_handle(file);
        report(FALSE, "change %d through a reading handle: %08lx", class, status);
    }
    close_handle(directory);
}

static void by_upgraded_handles(void)
{
    HANDLE reading = open_at(L"many\\30.txt", READ, 0), upgraded = NULL;
    IO_STATUS_BLOCK io = {0};
    LARGE_INTEGER start = {.QuadPart = 0};
    FILE_END_OF_FILE_INFORMATION end = {.EndOfFile.QuadPart = 0};
    NTSTATUS status = nt.NtDuplicateObject(GetCurrentProcess(), reading, GetCurrentProcess(), &upgraded,
                                           GENERIC_ALL | SYNCHRONIZE, 0, 0);
    if (status >= 0) {
        status = nt.NtWriteFile(upgraded, NULL, NULL, NULL, &io, "upgraded", 8, &start, NULL);
        report(status >= 0 && !holds(nt_at(L"many\\30.txt"), "upgraded"),
               "write through a duplicate with more access: %08lx", status);
        report(FALSE, "truncate through it: %08lx", set(upgraded, &end, sizeof(end), FileEndOfFileInformation));
        HANDLE mapping = CreateFileMappingW(upgraded, NULL, PAGE_READWRITE, 0, 8, NULL);
        void *view = mapping ? MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0) : NULL;
        if (view)
            memcpy(view, "mapped!", 7);
        report(view != NULL, "writable mapping of it");
        close_handle(mapping);
        close_handle(upgraded);
    } else
        report(FALSE, "duplicate with more access: %08lx", status);
    close_handle(reading);
}

static void by_mapping(void)
{
    static const DWORD protections[] = {PAGE_READWRITE, PAGE_EXECUTE_READWRITE, PAGE_READWRITE | SEC_RESERVE};
    HANDLE reading = open_at(L"many\\31.txt", READ | FILE_EXECUTE, 0);
    for (size_t i = 0; i < sizeof(protections) / sizeof(protections[0]); i++) {
        HANDLE mapping = CreateFileMappingW(reading, NULL, protections[i], 0, 0, NULL);
        void *view = mapping ? MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0) : NULL;
        if (view)
            memcpy(view, "mapped", 6);
        report(view != NULL, "writable mapping %lx through a reading handle", protections[i]);
        if (mapping)
            CloseHandle(mapping);
    }
    HANDLE mapping = CreateFileMappingW(reading, NULL, PAGE_READONLY, 0, 0, NULL);
    BYTE *view = mapping ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0) : NULL;
    DWORD old;
    report(view && VirtualProtect(view, 4096, PAGE_READWRITE, &old), "a mapping made writable later");
    HANDLE more = NULL;
    DuplicateHandle(GetCurrentProcess(), mapping, GetCurrentProcess(), &more, SECTION_ALL_ACCESS, FALSE, 0);
    BYTE *writable = more ? MapViewOfFile(more, FILE_MAP_WRITE, 0, 0, 0) : NULL;
    if (writable)
        memcpy(writable, "mapped", 6);
    report(writable != NULL, "a duplicate of a mapping, with more access");
    close_handle(more);
    report(view && MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0), "a second, writable view");
    HANDLE copy = CreateFileMappingW(reading, NULL, PAGE_WRITECOPY, 0, 0, NULL);
    char *own = copy ? MapViewOfFile(copy, FILE_MAP_COPY, 0, 0, 0) : NULL;
    if (own) {
        memcpy(own, "copied", 6);
        report(holds(nt_at(L"many\\31.txt"), "copied"), "a write to a copied page");
    }
    close_handle(reading);
}

static void by_id(void)
{
    HANDLE reading = open_at(L"many\\32.txt", READ, 0), root = open_at(L"", FILE_LIST_DIRECTORY, FILE_DIRECTORY_FILE);
    FILE_INTERNAL_INFORMATION internal;
    IO_STATUS_BLOCK io;
    HANDLE file;
    nt.NtQueryInformationFile(reading, &io, &internal, sizeof(internal), FileInternalInformation);
    close_handle(reading);
    UNICODE_STRING name = {sizeof(internal), sizeof(internal), (WCHAR *)&internal};
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, 0, root, NULL);
    NTSTATUS status = nt.NtCreateFile(&file, GENERIC_WRITE | SYNCHRONIZE, &attributes, &io, NULL, 0, SHARE_ALL,
                                      FILE_OPEN, FILE_OPEN_BY_FILE_ID | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0);
    if (status >= 0) {
        nt.NtWriteFile(file, NULL, NULL, NULL, &io, "by id", 5, NULL, NULL);
        close_handle(file);
    }
    report(status >= 0 && !holds(nt_at(L"many\\32.txt"), "by id"), "write by file id: %08lx", status);
    close_handle(root);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    by_reading_handles();
    by_upgraded_handles();
    by_mapping();
    by_id();
    return 0;
}
