/* Opening and creating: every disposition on a file, a directory and a missing name of the host, with several accesses and options;
 * what the VM made itself after that; attributes and trailing separators. */
#include "../harness/show.h"

static const ACCESS_MASK accesses[] = {FILE_READ_ATTRIBUTES, GENERIC_READ, GENERIC_WRITE, DELETE, MAXIMUM_ALLOWED};
static const ULONG kinds[] = {0, FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void try_open(const struct opening *o)
{
    ULONG_PTR information;
    HANDLE handle;
    NTSTATUS status = open_as(o, &handle, &information);
    say("%s access %lx sharing %lx disposition %lu options %lx attributes %lx: %08lx information %llu", utf8(o->name),
        o->access, o->sharing, o->disposition, o->options, o->attributes, status, (ULONGLONG)information);
    if (status >= 0)
        say_handle(handle);
    close_handle(handle);
}

/* Each combination on a name of its own: pattern has a number in it. */
static void all_combinations(const wchar_t *pattern)
{
    unsigned number = 0;
    for (ULONG disposition = FILE_SUPERSEDE; disposition <= FILE_OVERWRITE_IF; disposition++)
        for (size_t kind = 0; kind < COUNT(kinds); kind++)
            for (size_t access = 0; access < COUNT(accesses); access++) {
                wchar_t name[64];
                swprintf(name, 64, pattern, number++);
                struct opening o = {NULL, nt_at(name), accesses[access], SHARE_ALL, disposition, kinds[kind], 0};
                try_open(&o);
                say_file(name);
            }
}

static void same_name_again(void)
{
    static const ULONG dispositions[] = {FILE_OPEN,      FILE_CREATE,  FILE_CREATE,       FILE_OPEN, FILE_OVERWRITE,
                                         FILE_SUPERSEDE, FILE_OPEN_IF, FILE_OVERWRITE_IF, FILE_OPEN};
    for (size_t i = 0; i < COUNT(dispositions); i++) {
        struct opening o = {NULL, nt_at(L"again.txt"), GENERIC_READ | GENERIC_WRITE, SHARE_ALL, dispositions[i], 0, 0};
        ULONG_PTR information;
        HANDLE file;
        IO_STATUS_BLOCK io;
        NTSTATUS status = open_as(&o, &file, &information);
        say("again %lu: %08lx %llu", dispositions[i], status, (ULONGLONG)information);
        if (status >= 0) {
            status = nt.NtWriteFile(file, NULL, NULL, NULL, &io, "content", 7, NULL, NULL);
            say("  write %08lx %llu", status, (ULONGLONG)io.Information);
            close_handle(file);
        }
        say_file(L"again.txt");
    }
}

static void attributes(void)
{
    static const ULONG values[] = {FILE_ATTRIBUTE_NORMAL, FILE_ATTRIBUTE_READONLY, FILE_ATTRIBUTE_HIDDEN,
                                   FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE, FILE_ATTRIBUTE_TEMPORARY};
    for (size_t i = 0; i < COUNT(values); i++)
        for (ULONG disposition = FILE_SUPERSEDE; disposition <= FILE_OVERWRITE_IF; disposition++) {
            wchar_t name[64];
            swprintf(name, 64, L"attr-%zu-%lu", i, disposition);
            struct opening o = {NULL, nt_at(name), GENERIC_WRITE, SHARE_ALL, disposition, 0, values[i]};
            try_open(&o);
            say_file(name);
            o.disposition = FILE_OVERWRITE_IF; /* the attributes that it has must be asked for again */
            o.attributes = 0;
            try_open(&o);
            o.access = GENERIC_READ;
            o.disposition = FILE_OPEN;
            try_open(&o);
        }
    for (ULONG disposition = FILE_SUPERSEDE; disposition <= FILE_OVERWRITE_IF; disposition++) {
        struct opening o = {NULL, nt_at(L"read-only.txt"), GENERIC_WRITE, SHARE_ALL, disposition, 0, 0};
        try_open(&o);
        say_file(L"read-only.txt");
    }
}

static void odd_names(void)
{
    static const wchar_t *const names[] = {L"sub\\",
                                           L"readme.txt\\",
                                           L"sub\\missing\\x",
                                           L"readme.txt\\x",
                                           L"missing\\x",
                                           L"",
                                           L"\\sub",
                                           L"sub\\\\one.txt",
                                           L"sub\\.\\one.txt",
                                           L"sub\\..\\x",
                                           L"a*b",
                                           L"a?b",
                                           L"a<b",
                                           L"a\"b",
                                           L"a|b",
                                           L"a/b",
                                           L"new\\",
                                           L"sub.",
                                           L"sub ",
                                           L"readme.txt.",
                                           L"readme.txt ",
                                           L"README.TXT",
                                           L"MIXEDcase.txt",
                                           L"ÜBERGRÖSSE.TXT",
                                           L"Übergröße.TXT",
                                           L"many",
                                           L"many\\00.txt\\",
                                           L"日本語.txt",
                                           L"empty dir\\ ",
                                           L"con",
                                           L"nul.txt"};
    for (size_t i = 0; i < COUNT(names); i++)
        for (ULONG disposition = FILE_OPEN; disposition <= FILE_OPEN_IF; disposition++) {
            struct opening o = {NULL, nt_at(names[i]), FILE_READ_ATTRIBUTES, SHARE_ALL, disposition, 0, 0};
            try_open(&o);
            o.options = FILE_DIRECTORY_FILE;
            try_open(&o);
        }
}

/* CreateFile adds its own rules to the dispositions. */
static void win32(void)
{
    static const wchar_t *const names[] = {L"readme.txt", L"win32.txt", L"sub", L"missing\\x", L"read-only.txt"};
    for (size_t i = 0; i < COUNT(names); i++)
        for (DWORD disposition = 0; disposition <= TRUNCATE_EXISTING + 1; disposition++)
            for (int write = 0; write <= 1; write++) {
                SetLastError(4711);
                HANDLE file = CreateFileW(at(names[i]), write ? GENERIC_WRITE : GENERIC_READ, SHARE_ALL, NULL,
                                          disposition, FILE_FLAG_BACKUP_SEMANTICS, NULL);
                say("CreateFile %s %lu %d: %d error %lu", utf8(names[i]), disposition, write,
                    file != INVALID_HANDLE_VALUE, GetLastError());
                if (file != INVALID_HANDLE_VALUE)
                    CloseHandle(file);
            }
    say("CreateDirectory: %s", worked(CreateDirectoryW(at(L"made"), NULL)));
    say("CreateDirectory again: %s", worked(CreateDirectoryW(at(L"made"), NULL)));
    say("CreateDirectory sub: %s", worked(CreateDirectoryW(at(L"sub"), NULL)));
    say("CreateDirectory readme.txt: %s", worked(CreateDirectoryW(at(L"readme.txt"), NULL)));
    say("CreateDirectory missing\\x: %s", worked(CreateDirectoryW(at(L"missing\\x"), NULL)));
    wchar_t name[MAX_PATH];
    say("GetTempFileName: %u", GetTempFileNameW(top, L"abc", 0x1234, name));
    say("%s", utf8(name));
    say("GetTempFileName made: %s", worked(GetTempFileNameW(top, L"abc", 0, name) != 0));
    say("DeleteFile of that: %s", worked(DeleteFileW(name)));
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    say_section("files");
    all_combinations(L"many\\%02u.txt");
    say_section("directories");
    all_combinations(L"dirs\\%02u");
    say_section("missing names");
    all_combinations(L"new-%02u");
    say_section("missing names in a directory of the host");
    all_combinations(L"sub\\deeper\\new-%02u");
    say_section("the same name again");
    same_name_again();
    say_section("attributes");
    attributes();
    say_section("odd names");
    odd_names();
    say_section("win32");
    win32();
    say_section("all");
    say_tree(top);
    return 0;
}
