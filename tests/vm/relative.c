/* Names relative to the handle of a directory: of the host, mirrored by the VM, made in it, renamed meanwhile. Only
 * by opening: Wine's services that query attributes by name look relative names up in the current directory. */
#include "../harness/show.h"

static void try_open(HANDLE root, const wchar_t *name, ACCESS_MASK access, ULONG disposition, ULONG options)
{
    struct opening o = {root, name, access, SHARE_ALL, disposition, options, 0};
    ULONG_PTR information;
    HANDLE file;
    NTSTATUS status = open_as(&o, &file, &information);
    say("\"%s\" access %lx disposition %lu options %lx: %08lx %llu", utf8(name), access, disposition, options, status,
        (ULONGLONG)information);
    if (status >= 0) {
        BYTE buffer[UNITS];
        FILE_NAME_INFORMATION *own = (FILE_NAME_INFORMATION *)buffer;
        IO_STATUS_BLOCK io;
        memset(buffer, 0xcc, sizeof(buffer));
        status = nt.NtQueryInformationFile(file, &io, own, sizeof(buffer), FileNameInformation);
        say("    %08lx %s", status, status ? "" : utf8_units(own->FileName, own->FileNameLength / sizeof(WCHAR)));
        if (status == STATUS_SUCCESS)
            say("    behind it: %x", own->FileName[own->FileNameLength / sizeof(WCHAR)]);
        say_handle(file);
    }
    close_handle(file);
}

static void sequence(HANDLE root)
{
    static const wchar_t *const names[] = {L"one.txt",
                                           L"deeper",
                                           L"deeper\\three.txt",
                                           L"missing",
                                           L"missing\\x",
                                           L"",
                                           L"\\one.txt",
                                           L".",
                                           L"..",
                                           L"..\\readme.txt",
                                           L"one.txt\\x",
                                           L"one.txt\\",
                                           L"deeper\\",
                                           L"ONE.TXT",
                                           L"one.txt:stream",
                                           L":stream",
                                           L"deeper\\\\three.txt"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        try_open(root, names[i], FILE_READ_ATTRIBUTES, FILE_OPEN, 0);
    try_open(root, L"made.txt", GENERIC_WRITE, FILE_CREATE, 0);
    try_open(root, L"made.txt", GENERIC_WRITE, FILE_CREATE, 0);
    try_open(root, L"deeper\\made", FILE_READ_ATTRIBUTES, FILE_OPEN_IF, FILE_DIRECTORY_FILE);
    try_open(root, L"deeper\\made\\again.txt", GENERIC_WRITE, FILE_OPEN_IF, 0);
    try_open(root, L"one.txt", GENERIC_WRITE, FILE_OVERWRITE, 0);
    try_open(root, L"two.txt", GENERIC_WRITE, FILE_OPEN, 0);
    try_open(root, L"deeper\\three.txt", DELETE, FILE_OPEN, FILE_DELETE_ON_CLOSE);
    try_open(root, L"deeper\\three.txt", GENERIC_READ, FILE_OPEN, 0);
}

static void object_directories(void)
{
    static const wchar_t *const relative[] = {L"NUL", L"nothing", L"nothing\\x", L"C:\\nothing", L"\\NUL", L""};
    static const wchar_t *const absolute[] = {L"\\??\\NUL",
                                              L"\\DosDevices\\NUL",
                                              L"\\??\\nothing",
                                              L"\\??\\nothing\\x",
                                              L"\\DosDevices\\nothing",
                                              L"\\??\\",
                                              L"\\DosDevices\\",
                                              L"\\\\?\\",
                                              L"/??\\NUL",
                                              L"\\?"
                                              L"?/NUL",
                                              L"\\BaseNamedObjects",
                                              L"\\BaseNamedObjects\\nothing"};
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    HANDLE directory;
    RtlInitUnicodeString(&name, L"\\??");
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    say("%08lx", nt.NtOpenDirectoryObject(&directory, DIRECTORY_QUERY | DIRECTORY_TRAVERSE, &attributes));
    for (size_t i = 0; i < sizeof(relative) / sizeof(relative[0]); i++)
        try_open(directory, relative[i], GENERIC_READ, FILE_OPEN, 0);
    for (size_t i = 0; i < sizeof(absolute) / sizeof(absolute[0]); i++)
        try_open(NULL, absolute[i], GENERIC_READ, FILE_OPEN, 0);
    close_handle(directory);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    say_section("a directory of the host");
    HANDLE sub = open_at(L"sub", FILE_LIST_DIRECTORY | FILE_TRAVERSE, FILE_DIRECTORY_FILE);
    sequence(sub);
    say_section("the same handle, the directory now being the VM's too");
    sequence(sub);

    say_section("a directory made here");
    say("%s", worked(CreateDirectoryW(at(L"made"), NULL)));
    say("%s", worked(CreateDirectoryW(at(L"made\\deeper"), NULL)));
    say("%s", worked(put(at(L"made\\one.txt"), "1")));
    say("%s", worked(put(at(L"made\\two.txt"), "2")));
    HANDLE made = open_at(L"made", FILE_LIST_DIRECTORY | FILE_TRAVERSE, FILE_DIRECTORY_FILE);
    sequence(made);
    close_handle(made);

    say_section("relative to a file");
    HANDLE file = open_at(L"readme.txt", GENERIC_READ, 0);
    try_open(file, L"", GENERIC_READ, FILE_OPEN, 0);
    try_open(file, L"x", GENERIC_READ, FILE_OPEN, 0);
    close_handle(file);

    say_section("renamed meanwhile");
    HANDLE tree = open_at(L"tree", FILE_LIST_DIRECTORY | FILE_TRAVERSE, FILE_DIRECTORY_FILE);
    say("%s", worked(MoveFileW(at(L"tree\\a"), at(L"tree\\renamed"))));
    try_open(tree, L"renamed\\1.dat", GENERIC_READ, FILE_OPEN, 0);
    HANDLE renamed = open_at(L"tree\\renamed", FILE_LIST_DIRECTORY | FILE_TRAVERSE, FILE_DIRECTORY_FILE);
    try_open(renamed, L"1.dat", GENERIC_READ, FILE_OPEN, 0);
    try_open(renamed, L"2.dat", GENERIC_WRITE, FILE_OVERWRITE, 0);
    try_open(renamed, L"3.dat", GENERIC_WRITE, FILE_CREATE, 0);
    close_handle(renamed);
    close_handle(tree);
    close_handle(sub);
    say_section("relative to an object directory, and names of no file");
    object_directories();
    say_tree(top);
    return 0;
}
