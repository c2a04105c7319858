/* Bad pointers: a NULL, unmapped, read-only or half-mapped pointer in each place gives the status that it gives outside, and
 * never ends the process. Left out: what Wine itself does not survive, and what it does not look at. */
#include "../harness/show.h"

enum { PAGE = 4096, BAD = 5 };

static BYTE *pages; /* one that is mapped, and one behind it that is not */
static const wchar_t *path;

/* Pointers to `size` bytes: none, unmapped, the zero page, all but the last two bytes, and a good one. */
static void *bad(unsigned kind, const void *content, size_t size)
{
    BYTE *half = pages + PAGE - (size > 2 ? size - 2 : 1), *good = pages + PAGE / 2;
    switch (kind) {
    case 0:
        return NULL;
    case 1:
        return pages + PAGE + 64;
    case 2:
        return (void *)(ULONG_PTR)0x10;
    case 3:
        memcpy(half, content, (size_t)(pages + PAGE - half));
        return half;
    default:
        memcpy(good, content, size);
        return good;
    }
}

static void attributes_pointer(void)
{
    UNICODE_STRING name = unicode(path);
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    for (unsigned kind = 1; kind < BAD; kind++) {
        FILE_BASIC_INFORMATION basic;
        FILE_NETWORK_OPEN_INFORMATION open;
        IO_STATUS_BLOCK io;
        HANDLE file = NULL;
        OBJECT_ATTRIBUTES *given = bad(kind, &attributes, sizeof(attributes));
        say("attributes %u:", kind);
        NTSTATUS status = nt.NtOpenFile(&file, FILE_READ_DATA | SYNCHRONIZE, given, &io, SHARE_ALL, 0);
        say("  open %08lx", status);
        if (status >= 0)
            close_handle(file);
        say("  query %08lx", nt.NtQueryAttributesFile(given, &basic));
        say("  full query %08lx", nt.NtQueryFullAttributesFile(given, &open));
    }
}

static void name_pointer(void)
{
    UNICODE_STRING name = unicode(path);
    for (unsigned kind = 0; kind < BAD; kind++) {
        FILE_BASIC_INFORMATION basic;
        OBJECT_ATTRIBUTES attributes;
        IO_STATUS_BLOCK io;
        HANDLE file = NULL;
        if (kind) {
            InitializeObjectAttributes(&attributes, bad(kind, &name, sizeof(name)), OBJ_CASE_INSENSITIVE, NULL, NULL);
            NTSTATUS status = nt.NtOpenFile(&file, FILE_READ_DATA | SYNCHRONIZE, &attributes, &io, SHARE_ALL, 0);
            say("name %u: open %08lx query %08lx", kind, status, nt.NtQueryAttributesFile(&attributes, &basic));
            if (status >= 0)
                close_handle(file);
        }
        UNICODE_STRING text = {name.Length, name.Length, bad(kind, name.Buffer, name.Length)};
        InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, NULL, NULL);
        NTSTATUS status = nt.NtOpenFile(&file, FILE_READ_DATA | SYNCHRONIZE, &attributes, &io, SHARE_ALL, 0);
        say("characters %u: open %08lx query %08lx", kind, status, nt.NtQueryAttributesFile(&attributes, &basic));
        if (status >= 0)
            close_handle(file);
    }
    static const USHORT lengths[] = {0, 1, 2, 3, 7, 8, 9, 20000, 32766, 32768, 32770, 65534};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        static wchar_t text[40000];
        OBJECT_ATTRIBUTES attributes;
        IO_STATUS_BLOCK io;
        HANDLE file = NULL;
        wmemset(text, L'x', 40000);
        wmemcpy(text, path, wcslen(path));
        UNICODE_STRING given = {lengths[i], lengths[i], text};
        InitializeObjectAttributes(&attributes, &given, OBJ_CASE_INSENSITIVE, NULL, NULL);
        NTSTATUS status = nt.NtOpenFile(&file, FILE_READ_DATA | SYNCHRONIZE, &attributes, &io, SHARE_ALL, 0);
        say("length %u: %08lx", lengths[i], status);
        if (status >= 0)
            close_handle(file);
    }
}

static void information_pointer(const wchar_t *file_name, ACCESS_MASK access)
{
    static const struct {
        int class;
        ULONG length;
    } queries[] = {{FileNameInformation, 256},
                   {FileAllInformation, 512},
                   {FileBasicInformation, 40},
                   {FileInternalInformation, 8}};
    BYTE zero[1024] = {0};
    HANDLE file = open_at(file_name, access, 0);
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        IO_STATUS_BLOCK io;
        BYTE buffer[1024];
        NTSTATUS status =
            nt.NtQueryInformationFile(file, &io, buffer, queries[i].length, (FILE_INFORMATION_CLASS)queries[i].class);
        say("class %d: %08lx", queries[i].class, status);
    }
    static const int classes[] = {FileBasicInformation, FileDispositionInformation, FileRenameInformation,
                                  FileLinkInformation, FileEndOfFileInformation};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        for (ULONG length = 0; length <= 48; length += 8) {
            IO_STATUS_BLOCK io;
            NTSTATUS status = nt.NtSetInformationFile(file, &io, zero, length, (FILE_INFORMATION_CLASS)classes[i]);
            say("set %d length %lu: %08lx", classes[i], length, status);
        }
    close_handle(file);
    say_file(file_name);
}

/* Where answers go. A disposition that changes nothing: the file is the same for every pointer. */
static void io_pointer(void)
{
    UNICODE_STRING name = unicode(path);
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK zero = {0};
    FILE_BASIC_INFORMATION basic = {0};
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    say("%s", worked(append(at(L"sub\\one.txt"), "a copy: the layer answers")));
    HANDLE file = open_at(L"sub\\one.txt", GENERIC_READ | GENERIC_WRITE | DELETE, 0);
    HANDLE directory = open_at(L"sub", FILE_LIST_DIRECTORY, FILE_DIRECTORY_FILE);
    for (unsigned kind = 0; kind < BAD; kind++) {
        BYTE buffer[1024];
        UNICODE_STRING one = unicode(L"one.txt");
        FILE_DISPOSITION_INFORMATION keep = {FALSE};
        IO_STATUS_BLOCK *io = bad(kind, &zero, sizeof(zero));
        say("io %u:", kind);
        say("  basic %08lx", nt.NtQueryInformationFile(file, io, &basic, sizeof(basic), FileBasicInformation));
        say("  name %08lx", nt.NtQueryInformationFile(file, io, buffer, sizeof(buffer), FileNameInformation));
        say("  all %08lx", nt.NtQueryInformationFile(file, io, buffer, sizeof(buffer), FileAllInformation));
        say("  id %08lx", nt.NtQueryInformationFile(file, io, buffer, 8, FileInternalInformation));
        say("  set %08lx", nt.NtSetInformationFile(file, io, &basic, sizeof(basic), FileBasicInformation));
        say("  keep %08lx", nt.NtSetInformationFile(file, io, &keep, sizeof(keep), FileDispositionInformation));
        say("  list %08lx", nt.NtQueryDirectoryFile(directory, NULL, NULL, NULL, io, buffer, sizeof(buffer),
                                                    FileBothDirectoryInformation, TRUE, &one, TRUE));
    }
    close_handle(directory);
    close_handle(file);
    say_file(L"sub\\one.txt");
}

static void output_pointer(void)
{
    static const BYTE zero[1024];
    UNICODE_STRING name = unicode(path);
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    say("%s", worked(append(at(L"sub\\two.txt"), "a copy: the layer answers")));
    HANDLE file = open_at(L"sub\\two.txt", GENERIC_READ | GENERIC_WRITE, 0);
    for (unsigned kind = 0; kind < BAD; kind++) {
        IO_STATUS_BLOCK io = {0};
        HANDLE *handle = bad(kind, zero, sizeof(*handle));
        NTSTATUS status = nt.NtOpenFile(handle, FILE_READ_DATA | SYNCHRONIZE, &attributes, &io, SHARE_ALL, 0);
        say("output %u: handle %08lx", kind, status);
        if (status >= 0 && kind == BAD - 1)
            close_handle(*handle);
        say("  set from %08lx", nt.NtSetInformationFile(file, &io, bad(kind, zero, sizeof(FILE_BASIC_INFORMATION)),
                                                        sizeof(FILE_BASIC_INFORMATION), FileBasicInformation));
        say("  end from %08lx", nt.NtSetInformationFile(file, &io, bad(kind, zero, 8), 8, FileEndOfFileInformation));
        say("  rename from %08lx", nt.NtSetInformationFile(file, &io, bad(kind, zero, 64), 64, FileRenameInformation));
        say("  attributes %08lx", nt.NtQueryAttributesFile(&attributes, bad(kind, zero, 40)));
        say("  full attributes %08lx", nt.NtQueryFullAttributesFile(&attributes, bad(kind, zero, 56)));
        say("  basic %08lx", nt.NtQueryInformationFile(file, &io, bad(kind, zero, 40), 40, FileBasicInformation));
        say("  name %08lx", nt.NtQueryInformationFile(file, &io, bad(kind, zero, 512), 512, FileNameInformation));
        say("  all %08lx", nt.NtQueryInformationFile(file, &io, bad(kind, zero, 512), 512, FileAllInformation));
    }
    close_handle(file);
    say_file(L"sub\\two.txt");
}

static void bad_handles(void)
{
    static const ULONG_PTR values[] = {0, 4, 0xdead0, (ULONG_PTR)-1, (ULONG_PTR)-2, (ULONG_PTR)-6, 0x7fffffff};
    FILE_DISPOSITION_INFORMATION disposition = {TRUE};
    FILE_BASIC_INFORMATION basic;
    BYTE buffer[1024];
    IO_STATUS_BLOCK io;
    for (size_t i = 2; i < sizeof(values) / sizeof(values[0]); i++) {
        HANDLE handle = (HANDLE)values[i];
        struct opening o = {handle, L"readme.txt", GENERIC_READ, SHARE_ALL, FILE_OPEN, 0, 0};
        HANDLE file;
        say("handle %llx:", (ULONGLONG)values[i]);
        say("  root refused %d", open_as(&o, &file, NULL) < 0);
        say("  query %08lx", nt.NtQueryInformationFile(handle, &io, &basic, sizeof(basic), FileBasicInformation));
        say("  name %08lx", nt.NtQueryInformationFile(handle, &io, buffer, sizeof(buffer), FileNameInformation));
        say("  set %08lx",
            nt.NtSetInformationFile(handle, &io, &disposition, sizeof(disposition), FileDispositionInformation));
    }
    HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);
    struct opening o = {event, L"readme.txt", GENERIC_READ, SHARE_ALL, FILE_OPEN, 0, 0};
    HANDLE file;
    say("an event: root refused %d", open_as(&o, &file, NULL) < 0);
    say("  name %08lx", nt.NtQueryInformationFile(event, &io, buffer, sizeof(buffer), FileNameInformation));
    say("  set %08lx",
        nt.NtSetInformationFile(event, &io, &disposition, sizeof(disposition), FileDispositionInformation));
    CloseHandle(event);
}

int wmain(int argc, wchar_t **argv)
{
    static wchar_t own[UNITS];
    begin(argc, argv);
    wcscpy(own, nt_at(L"readme.txt"));
    path = own;
    pages = VirtualAlloc(NULL, 2 * PAGE, MEM_RESERVE, PAGE_NOACCESS);
    VirtualAlloc(pages, PAGE, MEM_COMMIT, PAGE_READWRITE);
    say_section("OBJECT_ATTRIBUTES");
    attributes_pointer();
    say_section("names");
    name_pointer();
    say_section("IO_STATUS_BLOCK");
    io_pointer();
    say_section("outputs");
    output_pointer();
    say_section("lengths");
    information_pointer(L"many\\00.txt", GENERIC_READ | GENERIC_WRITE | DELETE);
    information_pointer(L"many\\01.txt", GENERIC_READ);
    say_section("handles");
    bad_handles();
    return 0;
}
