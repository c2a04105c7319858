/* Attributes and times: asked for and set by every service, by name and by handle, with handles that may and may not. */
#include "../harness/show.h"

#include <winioctl.h>

#define STAMP 132444737410000000LL /* the seed's */

static void by_name(const wchar_t *file)
{
    UNICODE_STRING name = unicode(nt_at(file));
    OBJECT_ATTRIBUTES attributes;
    FILE_BASIC_INFORMATION basic = {0};
    FILE_NETWORK_OPEN_INFORMATION open = {0};
    WIN32_FILE_ATTRIBUTE_DATA data = {0};
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    NTSTATUS status = nt.NtQueryAttributesFile(&attributes, &basic);
    say("%s: basic %08lx %lx write %s create %s", utf8(file), status, basic.FileAttributes,
        shown_time(basic.LastWriteTime), shown_time(basic.CreationTime));
    status = nt.NtQueryFullAttributesFile(&attributes, &open);
    say("  full %08lx %lx size %lld write %s", status, open.FileAttributes, open.EndOfFile.QuadPart,
        shown_time(open.LastWriteTime));
    say("  GetFileAttributes %lx", GetFileAttributesW(at(file)));
    say("  Ex %s %lx %lu", worked(GetFileAttributesExW(at(file), GetFileExInfoStandard, &data)), data.dwFileAttributes,
        data.nFileSizeLow);
}

static void by_handle(HANDLE file)
{
    IO_STATUS_BLOCK io;
    BYTE buffer[UNITS];
    static const int classes[] = {FileBasicInformation,     FileStandardInformation,     FileEaInformation,
                                  FileAccessInformation,    FilePositionInformation,     FileModeInformation,
                                  FileAlignmentInformation, FileAttributeTagInformation, FileNetworkOpenInformation,
                                  FileAllInformation,       FileStreamInformation,       FileCompressionInformation,
                                  FileInternalInformation,  FileAlternateNameInformation};
    say_handle(file);
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        for (ULONG length = 0; length <= sizeof(buffer); length = length ? length * 2 : 4) {
            io.Information = 0xdead;
            NTSTATUS status = nt.NtQueryInformationFile(file, &io, buffer, length, (FILE_INFORMATION_CLASS)classes[i]);
            say("  class %d length %lu: %08lx %llu", classes[i], length, status,
                status < 0 ? 0 : (ULONGLONG)io.Information);
        }
}

static void set_basic(const wchar_t *name, ACCESS_MASK access, ULONG attributes, LONGLONG write, LONGLONG create)
{
    HANDLE file = open_at(name, access, 0);
    FILE_BASIC_INFORMATION basic = {.FileAttributes = attributes};
    IO_STATUS_BLOCK io = {.Information = 0xdead};
    basic.LastWriteTime.QuadPart = write;
    basic.CreationTime.QuadPart = create;
    NTSTATUS status = nt.NtSetInformationFile(file, &io, &basic, sizeof(basic), FileBasicInformation);
    say("set %s access %lx attributes %lx: %08lx", utf8(name), access, attributes, status);
    say_handle(file); /* also of a handle that has the host's file open */
    close_handle(file);
    by_name(name);
    say_file(name);
}

static void set_size(const wchar_t *name, ACCESS_MASK access, LONGLONG size)
{
    HANDLE file = open_at(name, access, 0);
    FILE_END_OF_FILE_INFORMATION end = {.EndOfFile.QuadPart = size};
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtSetInformationFile(file, &io, &end, sizeof(end), FileEndOfFileInformation);
    say("end of file %s access %lx to %lld: %08lx", utf8(name), access, size, status);
    FILE_ALLOCATION_INFORMATION allocation = {.AllocationSize.QuadPart = size};
    status = nt.NtSetInformationFile(file, &io, &allocation, sizeof(allocation), FileAllocationInformation);
    say("allocation: %08lx", status);
    close_handle(file);
    say_file(name);
}

static void win32(void)
{
    FILETIME time = {(DWORD)STAMP, (DWORD)(STAMP >> 32)};
    static const DWORD values[] = {FILE_ATTRIBUTE_READONLY,
                                   FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM,
                                   FILE_ATTRIBUTE_NORMAL,
                                   0,
                                   FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_READONLY,
                                   FILE_ATTRIBUTE_DIRECTORY};
    static const wchar_t *const names[] = {L"MixedCase.TXT", L"sub\\one.txt", L"sub",     L"missing",
                                           L"missing\\x",    L"tree\\a",      L"made.txt"};
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            say("SetFileAttributes %s %lx: %s", utf8(names[n]), values[i],
                worked(SetFileAttributesW(at(names[n]), values[i])));
            by_name(names[n]);
        }
    HANDLE file = CreateFileW(at(L"tree\\b\\1.dat"), FILE_WRITE_ATTRIBUTES, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    say("SetFileTime: %s", worked(SetFileTime(file, &time, NULL, &time)));
    CloseHandle(file);
    by_name(L"tree\\b\\1.dat");
    file = CreateFileW(at(L"tree\\b"), FILE_WRITE_ATTRIBUTES, SHARE_ALL, NULL, OPEN_EXISTING,
                       FILE_FLAG_BACKUP_SEMANTICS, NULL);
    say("SetFileTime of a directory: %s", worked(SetFileTime(file, &time, NULL, &time)));
    CloseHandle(file);
    by_name(L"tree\\b");
}

/* Wine keeps no security and no extended attributes: the statuses, and that the file is as it was. */
static void security_and_eas(void)
{
    BYTE buffer[1024];
    DWORD needed;
    say("GetFileSecurity: %s",
        worked(GetFileSecurityW(at(L"readme.txt"), DACL_SECURITY_INFORMATION, buffer, sizeof(buffer), &needed)));
    say("SetFileSecurity: %s", worked(SetFileSecurityW(at(L"readme.txt"), DACL_SECURITY_INFORMATION, buffer)));
    say_file(L"readme.txt");
    HANDLE file = open_at(L"empty", GENERIC_READ | GENERIC_WRITE, 0);
    struct {
        ULONG next;
        UCHAR flags, name_length;
        USHORT value_length;
        char text[16];
    } ea = {0, 0, 4, 5, "NAME\0value"};
    IO_STATUS_BLOCK io = {0};
    say("set ea: %08lx", nt.NtSetEaFile(file, &io, &ea, sizeof(ea)));
    NTSTATUS status = nt.NtQueryEaFile(file, &io, buffer, sizeof(buffer), FALSE, NULL, 0, NULL, TRUE);
    say("query ea: %08lx", status);
    close_handle(file);
    HANDLE stream = CreateFileW(at(L"readme.txt:stream"), GENERIC_WRITE, SHARE_ALL, NULL, CREATE_ALWAYS, 0, NULL);
    say("stream: %s", worked(stream != INVALID_HANDLE_VALUE));
    if (stream != INVALID_HANDLE_VALUE)
        CloseHandle(stream);
    DeleteFileW(at(L"readme.txt:stream")); /* to Wine it is a file like others */
    say_file(L"readme.txt");
}

/* A file keeps its object id when it is changed, whether it was asked for that before or not, and by whichever kind of call. */
static void object_ids(void)
{
    enum { FILES = 4 };
    static const wchar_t *const names[FILES] = {L"many\\20.txt", L"many\\21.txt", L"many\\22.txt", L"many"};
    BYTE first[FILES][64] = {0}, now[64];
    OVERLAPPED overlapped = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    for (int turn = 0; turn < 7; turn++) {
        for (int i = 0; i < FILES; i++) {
            DWORD size;
            HANDLE file = open_at(names[i], FILE_READ_ATTRIBUTES, 0);
            memset(now, 0, sizeof now);
            BOOL known = DeviceIoControl(file, FSCTL_GET_OBJECT_ID, NULL, 0, now, sizeof now, &size,
                                         turn % 2 ? &overlapped : NULL);
            if (!turn)
                memcpy(first[i], now, sizeof now);
            int others = 0;
            for (int other = 0; other < FILES; other++)
                others += other != i && !memcmp(first[other], now, sizeof now);
            say("%s: %s, %s, %d others have it", utf8(names[i]), worked(known),
                memcmp(first[i], now, sizeof now) ? "another" : "the same", turn ? others : 0);
            close_handle(file);
        }
        if (turn < FILES)
            say("written: %s", worked(append(at(names[turn]), "more")));
        if (turn == FILES) { /* whatever was asked of it meanwhile */
            say("renamed: %s", worked(MoveFileW(at(names[0]), at(L"moved.txt"))));
            HANDLE file = open_at(L"moved.txt", FILE_READ_ATTRIBUTES, 0);
            DWORD size;
            DeviceIoControl(file, FSCTL_GET_OBJECT_ID, NULL, 0, now, sizeof now, &size, NULL);
            close_handle(file);
            say("renamed back: %s", worked(MoveFileW(at(L"moved.txt"), at(names[0]))));
        }
    }
    CloseHandle(overlapped.hEvent);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    static const wchar_t *const names[] = {
        L"readme.txt",    L"empty",   L"read-only.txt", L"sub",   L"empty dir",    L"missing", L"missing\\x",
        L"readme.txt\\x", L"big.bin", L"README.txt",    L"sub\\", L"readme.txt\\", L"",        L"a*b"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        by_name(names[i]);

    say_section("by handle");
    HANDLE file = open_at(L"readme.txt", FILE_READ_ATTRIBUTES, 0);
    by_handle(file);
    close_handle(file);
    say_section("by handle, directory");
    file = open_at(L"sub", FILE_READ_ATTRIBUTES, 0);
    by_handle(file);
    close_handle(file);
    say_section("by handle, changed");
    say("%s", worked(append(at(L"name with spaces.txt"), "more")));
    file = open_at(L"name with spaces.txt", FILE_READ_ATTRIBUTES, 0);
    by_handle(file);
    close_handle(file);
    say("%s", worked(put(at(L"made.txt"), "made")));
    file = open_at(L"made.txt", FILE_READ_ATTRIBUTES, 0);
    by_handle(file);
    close_handle(file);

    say_section("object ids");
    object_ids();

    say_section("setting");
    set_basic(L"many\\00.txt", FILE_WRITE_ATTRIBUTES, FILE_ATTRIBUTE_HIDDEN, 0, 0);
    set_basic(L"many\\01.txt", FILE_WRITE_ATTRIBUTES, 0, STAMP, STAMP);
    set_basic(L"many\\02.txt", FILE_READ_DATA, FILE_ATTRIBUTE_READONLY, STAMP, 0); /* Wine lets it */
    set_basic(L"many\\03.txt", FILE_READ_ATTRIBUTES, FILE_ATTRIBUTE_NORMAL, STAMP, 0);
    set_basic(L"many\\04.txt", DELETE, FILE_ATTRIBUTE_SYSTEM, 0, 0);
    set_basic(L"many\\05.txt", GENERIC_ALL, FILE_ATTRIBUTE_DIRECTORY, 0, 0);
    set_basic(L"many\\06.txt", GENERIC_ALL, 0, -1, 0);
    set_basic(L"dirs\\00", FILE_WRITE_ATTRIBUTES, FILE_ATTRIBUTE_HIDDEN, STAMP, 0);
    set_basic(L"dirs\\01", FILE_READ_ATTRIBUTES, FILE_ATTRIBUTE_READONLY, STAMP, 0);
    set_basic(L"dirs\\02", FILE_READ_ATTRIBUTES, FILE_ATTRIBUTE_TEMPORARY, 0, 0);
    set_basic(L"read-only.txt", FILE_WRITE_ATTRIBUTES, FILE_ATTRIBUTE_NORMAL, 0, 0);
    say("%s", worked(append(at(L"read-only.txt"), "now it can")));
    say_file(L"read-only.txt");
    set_size(L"many\\10.txt", GENERIC_WRITE, 5);
    set_size(L"many\\11.txt", GENERIC_READ, 5);
    set_size(L"many\\12.txt", FILE_WRITE_ATTRIBUTES, 100);
    set_size(L"many\\13.txt", FILE_WRITE_DATA, 100);
    set_size(L"made.txt", GENERIC_WRITE, 0);
    say_section("win32");
    win32();
    say_section("security");
    security_and_eas();
    say_section("all");
    say_tree(top);
    return 0;
}
