/* Names in many spellings for one file, before and after it was changed by another spelling; and what handles, mappings,
 * modules and processes say they are called. */
#include "../harness/show.h"

#include <psapi.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What each spelling leads to, after every change by each of them. */
static void spellings(void)
{
    wchar_t unix_path[UNITS] = L"", colon_path[UNITS] = L"", z_path[UNITS] = L"";
    char *(CDECL * unix_file_name)(const wchar_t *) =
        (void *)GetProcAddress(GetModuleHandleW(L"kernel32"), "wine_get_unix_file_name");
    char *path = unix_file_name ? unix_file_name(at(L"readme.txt")) : NULL;
    char *link = path ? strstr(path, "/dosdevices/c:") : NULL;
    if (link) {
        swprintf(unix_path, UNITS, L"\\\\?\\unix%.*hs/drive_c%hs", (int)(link - path), path, link + 14);
        swprintf(colon_path, UNITS, L"\\\\?\\unix%hs", path);
        swprintf(z_path, UNITS, L"Z:%ls", unix_path + 8);
    }
    const wchar_t *const names[] = {L"readme.txt",
                                    joined(top, L"\\README.TXT"),
                                    joined(L"\\\\?\\", at(L"readme.txt")),
                                    joined(L"\\\\.\\", at(L"readme.txt")),
                                    L".\\sub\\..\\readme.txt",
                                    L"readme.txt.",
                                    L"readme.txt ",
                                    joined(top, L"/sub/../readme.txt"),
                                    unix_path,
                                    colon_path,
                                    z_path};
    wchar_t own[COUNT(names)][UNITS];
    for (size_t i = 0; i < COUNT(names); i++)
        wcsncpy(own[i], names[i], UNITS - 1);
    SetCurrentDirectoryW(top);
    for (size_t i = 0; i < COUNT(names); i++) {
        if (!own[i][0])
            continue;
        char text[32];
        snprintf(text, sizeof(text), " by %zu", i);
        say("append by spelling %zu: %s", i, worked(append(own[i], text)));
        for (size_t n = 0; n < COUNT(names); n++) {
            HANDLE file = CreateFileW(own[n], GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
            if (file == INVALID_HANDLE_VALUE)
                say("  %zu: error %lu", n, GetLastError());
            else {
                say_content(file);
                CloseHandle(file);
            }
        }
    }
    say("delete by the last: %s", worked(own[COUNT(names) - 1][0] && DeleteFileW(own[COUNT(names) - 1])));
    for (size_t n = 0; n < COUNT(names); n++)
        say("  %zu: %lx", n, own[n][0] ? GetFileAttributesW(own[n]) : 0);
}

static void case_and_unicode(void)
{
    static const wchar_t *const made[] = {L"straße.txt",       L"İstanbul", L"Ωmega",  L"ǅ",    L"ÿ",
                                          L"\xd83d\xde00.txt", L"e\x0301",  L"\x00e9", L"dot.", L"space ",
                                          L"a.b.c.d",          L".hidden",  L"~tilde~"};
    static const wchar_t *const asked[] = {
        L"STRASSE.TXT", L"STRAßE.TXT",       L"istanbul", L"ωMEGA",         L"ωmega",        L"ǆ",
        L"Ÿ",           L"\xd83d\xde00.TXT", L"E\x0301",  L"\x00c9",        L"DOT",          L"SPACE",
        L"A.B.C.D",     L".HIDDEN",          L"~TILDE~",  L"Übergröße.txt", L"ÜBERGRÖßE.TXT"};
    for (int in_made = 0; in_made <= 1; in_made++) {
        const wchar_t *directory = in_made ? L"made dir" : L"sub";
        wchar_t name[UNITS];
        CreateDirectoryW(at(directory), NULL);
        for (size_t i = 0; i < COUNT(made); i++) {
            swprintf(name, UNITS, L"%ls\\%ls", directory, made[i]);
            say("%s: %s", utf8(name), worked(put(at(name), "unicode")));
        }
        for (size_t i = 0; i < COUNT(asked); i++) {
            swprintf(name, UNITS, L"%ls\\%ls", directory, asked[i]);
            say("%s: %lx", utf8(name), GetFileAttributesW(at(name)));
        }
        say_tree(at(directory));
    }
}

static void short_names(void)
{
    static const wchar_t *const names[] = {L"a rather long file name that has a short one.document",
                                           L"name with spaces.txt",
                                           L"sub\\deeper\\still deeper\\four.txt",
                                           L"readme.txt",
                                           L"made with spaces.txt",
                                           L"empty dir"};
    put(at(L"made with spaces.txt"), "x");
    for (int changed = 0; changed <= 1; changed++)
        for (size_t i = 0; i < COUNT(names); i++) {
            wchar_t name[UNITS], back[UNITS];
            DWORD length = GetShortPathNameW(at(names[i]), name, UNITS);
            say("short of %s: %lu %s", utf8(names[i]), length, length ? utf8(name) : "");
            if (!length)
                continue;
            length = GetLongPathNameW(name, back, UNITS);
            say("  long: %lu %s", length, length ? utf8(back) : "");
            say("  append by it: %s", worked(append(name, "short")));
            say_file(names[i]);
        }
}

static void long_names(void)
{
    wchar_t path[UNITS];
    swprintf(path, UNITS, L"\\\\?\\%ls", top);
    for (int depth = 0; depth < 6; depth++) {
        wcscat(path, L"\\a directory with a name of about fifty characters or");
        say("depth %d: %s", depth, worked(CreateDirectoryW(path, NULL)));
    }
    wcscat(path, L"\\file.txt");
    say("length %zu: %s", wcslen(path), worked(put(path, "far down")));
    say("append: %s", worked(append(path, " and more")));
    say("attributes %lx, without the prefix %lx", GetFileAttributesW(path), GetFileAttributesW(path + 4));
    say("delete: %s", worked(DeleteFileW(path)));
    for (int depth = 0; depth < 6; depth++) {
        *wcsrchr(path, L'\\') = 0;
        say("remove %d: %s", depth, worked(RemoveDirectoryW(path)));
    }
    wchar_t component[300];
    for (size_t length = 254; length <= 257; length++) {
        for (size_t i = 0; i < length; i++)
            component[i] = L'n';
        component[length] = 0;
        say("component of %zu: %s", length, worked(put(joined(L"\\\\?\\", at(component)), "x")));
        DeleteFileW(joined(L"\\\\?\\", at(component)));
    }
}

static void current_directory(void)
{
    wchar_t name[UNITS];
    say("%s", worked(CreateDirectoryW(at(L"only here"), NULL)));
    say("set: %s", worked(SetCurrentDirectoryW(at(L"only here"))));
    say("relative: %s", worked(put(L"relative.txt", "relative")));
    say_file(L"only here\\relative.txt");
    GetCurrentDirectoryW(UNITS, name);
    say("%s", utf8(name));
    GetFullPathNameW(L"x", UNITS, name, NULL);
    say("%s", utf8(name));
    say("remove the current one: %s", worked(RemoveDirectoryW(at(L"only here"))));
    say("up: %s", worked(SetCurrentDirectoryW(L"..")));
    GetCurrentDirectoryW(UNITS, name);
    say("%s", utf8(name));
}

static void say_names_of(const wchar_t *name)
{
    HANDLE file = CreateFileW(at(name), GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    BYTE buffer[UNITS];
    wchar_t text[UNITS];
    IO_STATUS_BLOCK io;
    ULONG needed;
    say("names of %s: %d", utf8(name), file != INVALID_HANDLE_VALUE);
    if (file == INVALID_HANDLE_VALUE)
        return;
    static const DWORD flags[] = {0, FILE_NAME_OPENED, VOLUME_NAME_NONE, VOLUME_NAME_NT};
    for (size_t i = 0; i < COUNT(flags); i++) {
        DWORD length = GetFinalPathNameByHandleW(file, text, UNITS, flags[i]);
        say("  final %lx: %lu %s", flags[i], length, length ? utf8(text) : "");
    }
    say("  final, small: %lu", GetFinalPathNameByHandleW(file, text, 5, 0));
    for (ULONG length = 0; length < 200; length += length < 16 ? 2 : 16) {
        FILE_NAME_INFORMATION *own = (FILE_NAME_INFORMATION *)buffer;
        memset(buffer, 0xcc, sizeof(buffer));
        NTSTATUS status = nt.NtQueryInformationFile(file, &io, own, length, FileNameInformation);
        say("  FileNameInformation %lu: %08lx %lu %s", length, status, length >= 8 ? own->FileNameLength : 0,
            length >= 8
                ? utf8_units(own->FileName,
                             (length - 4) / 2 < own->FileNameLength / 2 ? (length - 4) / 2 : own->FileNameLength / 2)
                : "");
    }
    static const ULONG lengths[] = {0, 8, 16, 40, sizeof(buffer)};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        UNICODE_STRING *own = (UNICODE_STRING *)buffer;
        needed = 0xdead;
        NTSTATUS status =
            nt.NtQueryObject(file, (OBJECT_INFORMATION_CLASS)ObjectNameInformationClass, buffer, lengths[i], &needed);
        say("  object name %lu: %08lx %lu %s", lengths[i], status, needed,
            status < 0 ? "" : utf8_units(own->Buffer, own->Length / sizeof(WCHAR)));
    }
    HANDLE mapping = CreateFileMappingW(file, NULL, PAGE_READONLY, 0, 0, NULL);
    void *view = mapping ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0) : NULL;
    if (view) {
        DWORD length = GetMappedFileNameW(GetCurrentProcess(), view, text, UNITS);
        say("  mapped: %lu %s", length, length ? utf8(text) : "");
        UnmapViewOfFile(view);
    }
    if (mapping)
        CloseHandle(mapping);
    CloseHandle(file);
}

static void name_queries(void)
{
    say_names_of(L"readme.txt");
    say_names_of(L"sub");
    say_names_of(L"README.TXT");
    say("%s", worked(append(at(L"MIXEDcase.txt"), "x")));
    say_names_of(L"mixedCASE.txt");
    say("%s", worked(put(at(L"Made.Txt"), "x")));
    say_names_of(L"made.txt");
    say("%s", worked(MoveFileW(at(L"tree"), at(L"Moved Tree"))));
    say_names_of(L"moved tree");
    say_names_of(L"Moved Tree\\a\\1.dat");
    say("%s", worked(MoveFileW(at(L"many\\50.txt"), at(L"Renamed.txt"))));
    say_names_of(L"Renamed.txt");
}

/* A program that exists only here. */
static void own_names(const wchar_t *program)
{
    wchar_t name[UNITS];
    DWORD length = UNITS;
    GetModuleFileNameW(NULL, name, UNITS);
    say("module: %s", utf8(name));
    say("process: %s", worked(QueryFullProcessImageNameW(GetCurrentProcess(), 0, name, &length)));
    say("  %s", utf8(name));
    length = UNITS;
    say("native: %d", QueryFullProcessImageNameW(GetCurrentProcess(), PROCESS_NAME_NATIVE, name, &length));
    say("  %s", utf8(name));
    say("asked for by: %s", utf8(program));
    length = GetMappedFileNameW(GetCurrentProcess(), GetModuleHandleW(NULL), name, UNITS);
    say("image: %s", length ? utf8(name) : "none");
}

static void programs(void)
{
    wchar_t self[UNITS], line[UNITS];
    GetModuleFileNameW(NULL, self, UNITS);
    say("copy: %s", worked(CopyFileW(self, at(L"sub\\Only Here.exe"), FALSE)));
    static const wchar_t *const paths[] = {L"sub\\Only Here.exe", L"SUB\\only here.EXE", L"sub\\..\\sub\\only here"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        STARTUPINFOW startup = {.cb = sizeof(startup)};
        PROCESS_INFORMATION process;
        swprintf(line, UNITS, L"\"%ls\" \"%ls\" names", at(paths[i]), top);
        BOOL ran = CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process);
        say("run %s: %s", utf8(paths[i]), worked(ran));
        if (!ran)
            continue;
        wchar_t name[UNITS];
        DWORD length = UNITS;
        BOOL told = QueryFullProcessImageNameW(process.hProcess, 0, name, &length);
        WaitForSingleObject(process.hProcess, 20000);
        say("  from outside: %s", told ? utf8(name) : "none");
        CloseHandle(process.hThread);
        CloseHandle(process.hProcess);
    }
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    if (argc == 3) {
        own_names(argv[0]);
        return 0;
    }
    say_section("spellings");
    spellings();
    say_section("case and unicode");
    case_and_unicode();
    say_section("short names");
    short_names();
    say_section("long names");
    long_names();
    say_section("current directory");
    current_directory();
    say_section("name queries");
    name_queries();
    say_section("programs");
    programs();
    return 0;
}
