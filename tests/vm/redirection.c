/* File-system redirection: what a 32-bit program finds, makes, lists and deletes where System32, SysWOW64 and Sysnative are meant. A
 * 64-bit program sees no redirection, and a system without 32-bit programs has no SysWOW64; both do the same here as outside. */
#include "../harness/show.h"

#define WINDOWS L"C:\\windows\\"
static const wchar_t *const directories[] = {L"system32", L"SysWOW64", L"Sysnative"};
enum { DIRECTORIES = 3 };

static const wchar_t *in_windows(int directory, const wchar_t *name)
{
    return joined(joined(WINDOWS, directories[directory]), joined(L"\\", name));
}

static void show_name(HANDLE file)
{
    wchar_t name[UNITS] = L"";
    DWORD length = GetFinalPathNameByHandleW(file, name, UNITS, 0);
    say("    final path %s", length && length < UNITS ? utf8(name) : "none");
    union {
        FILE_NAME_INFORMATION information;
        BYTE bytes[2 * UNITS];
    } own;
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtQueryInformationFile(file, &io, &own, sizeof own, FileNameInformation);
    say("    own name %08lx %s", status,
        status < 0 ? "" : utf8_units(own.information.FileName, own.information.FileNameLength / 2));
}

static void read_all(const wchar_t *name)
{
    for (int d = 0; d < DIRECTORIES; d++) {
        HANDLE file = CreateFileW(in_windows(d, name), GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
        say("%s\\%s: %s attributes %lx", utf8(directories[d]), utf8(name), worked(file != INVALID_HANDLE_VALUE),
            GetFileAttributesW(in_windows(d, name)));
        if (file == INVALID_HANDLE_VALUE)
            continue;
        show_name(file);
        say_content(file);
        CloseHandle(file);
    }
}

static void list_all(const wchar_t *pattern)
{
    for (int d = 0; d < DIRECTORIES; d++) {
        wchar_t *names[256];
        size_t count = 0;
        WIN32_FIND_DATAW found;
        HANDLE find = FindFirstFileW(in_windows(d, pattern), &found);
        say("list %s\\%s: %s", utf8(directories[d]), utf8(pattern), worked(find != INVALID_HANDLE_VALUE));
        if (find == INVALID_HANDLE_VALUE)
            continue;
        do
            if (count < 256)
                names[count++] = _wcsdup(found.cFileName);
        while (FindNextFileW(find, &found));
        FindClose(find);
        qsort(names, count, sizeof names[0], compare_names);
        for (size_t i = 0; i < count; i++)
            say("  = %s", utf8(names[i]));
    }
}

static void look(void)
{
    read_all(L"fvm-one.txt");
    read_all(L"fvm-two.txt");
    read_all(L"fvm-three.txt");
    read_all(L"drivers\\etc\\fvm-hosts");
    read_all(L"fvm-directory\\inside.txt");
    list_all(L"fvm-*");
    list_all(L"win*.exe");
}

static void write_all(void)
{
    static const wchar_t *const files[] = {L"fvm-one.txt", L"fvm-two.txt", L"fvm-three.txt"};
    for (int d = 0; d < DIRECTORIES; d++) {
        say("put %s: %s", utf8(in_windows(d, files[d])), worked(put(in_windows(d, files[d]), utf8(directories[d]))));
        say("append %s: %s", utf8(in_windows(d, files[0])), worked(append(in_windows(d, files[0]), " more")));
        say("directory: %s", worked(CreateDirectoryW(in_windows(d, L"fvm-directory"), NULL)));
        say("in it: %s", worked(put(in_windows(d, L"fvm-directory\\inside.txt"), utf8(directories[d]))));
    }
    say("hosts: %s", worked(put(in_windows(0, L"drivers\\etc\\fvm-hosts"), "hosts")));
    /* a program of the system, changed by its redirected name */
    say("append to a program: %s", worked(append(in_windows(0, L"winver.exe"), "changed")));
    read_all(L"winver.exe");
    say("rename: %s", worked(MoveFileW(in_windows(0, L"write.exe"), in_windows(0, L"fvm-write.exe"))));
    say("delete: %s", worked(DeleteFileW(in_windows(0, L"wineboot.exe"))));
}

static void remove_all(void)
{
    for (int d = DIRECTORIES; d--;) {
        say("delete %s: %s", utf8(directories[d]), worked(DeleteFileW(in_windows(d, L"fvm-one.txt"))));
        say("again: %s", worked(DeleteFileW(in_windows(d, L"fvm-one.txt"))));
        say("inside: %s", worked(DeleteFileW(in_windows(d, L"fvm-directory\\inside.txt"))));
        say("directory: %s", worked(RemoveDirectoryW(in_windows(d, L"fvm-directory"))));
    }
}

static void show_modules(void)
{
    static const wchar_t *const modules[] = {L"kernel32.dll", L"ntdll.dll", L"version.dll"};
    wchar_t name[UNITS];
    LoadLibraryW(L"version.dll");
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        DWORD length = GetModuleFileNameW(GetModuleHandleW(modules[i]), name, UNITS);
        say("module %s", length ? utf8(name) : "none");
    }
    BOOL narrow = FALSE;
    IsWow64Process(GetCurrentProcess(), &narrow);
    name[0] = 0;
    UINT length = GetSystemWow64DirectoryW(name, UNITS);
    say("wow64 %d, its directory %u %s", narrow, length, utf8(name));
    GetSystemDirectoryW(name, UNITS);
    say("system directory %s", utf8(name));
}

/* A handle to C:\windows, before and after the VM changes something in it; what it is known by stays. */
static void relative(void)
{
    static const wchar_t *const names[] = {L"system32\\winver.exe", L"sysnative\\winver.exe", L"SysWOW64\\winver.exe",
                                           L"notepad.exe"};
    BYTE before[64] = {0}, after[64] = {0};
    for (int turn = 0; turn < 3; turn++) {
        struct opening top = {NULL, L"\\??\\C:\\windows", GENERIC_READ, SHARE_ALL, FILE_OPEN, FILE_DIRECTORY_FILE, 0};
        HANDLE directory, file;
        DWORD size;
        say("C:\\windows: %08lx", open_as(&top, &directory, NULL));
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            struct opening o = {directory, names[i], GENERIC_READ, SHARE_ALL, FILE_OPEN, 0, 0};
            NTSTATUS status = open_as(&o, &file, NULL);
            say("%s relative: %08lx", utf8(names[i]), status);
            if (status < 0)
                continue;
            show_name(file);
            CloseHandle(file);
        }
        struct opening made = {directory, L"system32\\relative.txt", GENERIC_WRITE, SHARE_ALL, FILE_OPEN_IF, 0, 0};
        if (turn) {
            say("made relative: %08lx", open_as(&made, &file, NULL));
            show_name(file);
            CloseHandle(file);
        }
        BOOL known = DeviceIoControl(directory, FSCTL_GET_OBJECT_ID, NULL, 0, after, sizeof after, &size, NULL);
        say("object id: %s, %s", worked(known), turn && memcmp(before, after, sizeof after) ? "another" : "the same");
        memcpy(before, after, sizeof before);
        CloseHandle(directory);
        CloseHandle(CreateFileW(WINDOWS L"touched.txt", GENERIC_WRITE, SHARE_ALL, NULL, CREATE_ALWAYS, 0, NULL));
    }
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    show_modules();
    relative();
    say_section("untouched");
    look();
    say_section("written");
    write_all();
    look();
    say_section("without redirection");
    void *old = NULL;
    say("off: %s", worked(Wow64DisableWow64FsRedirection(&old)));
    look();
    say("on: %s", worked(Wow64RevertWow64FsRedirection(old)));
    say_section("removed");
    remove_all();
    look();
    return 0;
}
