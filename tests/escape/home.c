/* FVM's own home, where the changes of this VM and of all others are kept: it must not be there for a VM, by no spelling and
 * after no renaming, neither for reading nor for changing. */
#include "try.h"

static wchar_t local[UNITS]; /* the directory that has the home, a Windows path */

static void attack(const wchar_t *home)
{
    static const wchar_t *const inside[] = {L"",
                                            L"\\",
                                            L"\\vms",
                                            L"\\vms\\escape-home",
                                            L"\\vms\\escape-home\\delta.log",
                                            L"\\vms\\escape-home\\events.log",
                                            L"\\vms\\escape-home\\vm.ini",
                                            L"\\vms\\escape-home\\files",
                                            L"\\vms\\escape-home\\files\\C",
                                            L"\\VMS\\ESCAPE-HOME\\DELTA.LOG"};
    wchar_t name[UNITS], evil[UNITS];
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        UNICODE_STRING string;
        OBJECT_ATTRIBUTES attributes;
        FILE_BASIC_INFORMATION basic;
        swprintf(name, UNITS, L"%ls%ls", home, inside[i]);
        swprintf(evil, UNITS, L"%ls\\evil.txt", name);
        string = unicode(name);
        InitializeObjectAttributes(&attributes, &string, OBJ_CASE_INSENSITIVE, NULL, NULL);
        BOOL seen = nt.NtQueryAttributesFile(&attributes, &basic) >= 0;
        BOOL read = opens(name, FILE_READ_DATA, 0) || opens(name, FILE_READ_ATTRIBUTES, 0);
        BOOL backup = opens(name, GENERIC_READ | GENERIC_WRITE, FILE_OPEN_FOR_BACKUP_INTENT);
        BOOL deleted = opens(name, DELETE, FILE_OPEN_REPARSE_POINT);
        BOOL made = writes(evil, FILE_CREATE, "evil");
        report(seen || read || backup || deleted || made, "%s seen %d read %d write %d delete %d make %d", utf8(name),
               seen, read, backup, deleted, made);
    }
}

static void from_inside_out(const wchar_t *home)
{
    wchar_t path[UNITS];
    swprintf(path, UNITS, L"%ls\\FVM", local);
    report(SetCurrentDirectoryW(path), "current directory in the home");
    swprintf(path, UNITS, L"%ls\\FVM\\vms\\escape-home\\delta.log", local);
    report(MoveFileExW(at(L"readme.txt"), path, MOVEFILE_REPLACE_EXISTING), "rename over the journal");
    report(CopyFileW(at(L"readme.txt"), path, FALSE), "copy over the journal");
    report(CreateHardLinkW(at(L"journal"), path, NULL), "hard link of the journal");
    report(MoveFileW(path, at(L"journal")), "the journal renamed out");
    swprintf(path, UNITS, L"%ls\\FVM", local);
    report(MoveFileW(path, at(L"home")), "the home renamed out");
    report(RemoveDirectoryW(path), "the home removed");
    swprintf(path, UNITS, L"%ls\\fvm", local);
    report(CreateDirectoryW(path, NULL), "the home made again");
    report(MoveFileExW(at(L"sub"), path, MOVEFILE_REPLACE_EXISTING), "a directory renamed over the home");

    HANDLE directory =
        CreateFileW(local, FILE_LIST_DIRECTORY, SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    struct opening o = {directory, L"FVM\\vms\\escape-home\\delta.log", FILE_READ_DATA, SHARE_ALL, FILE_OPEN, 0, 0};
    HANDLE file;
    report(open_as(&o, &file, NULL) >= 0, "relative to the directory above");
    o.name = L"fvm";
    report(open_as(&o, &file, NULL) >= 0, "the home relative to the directory above");
    CloseHandle(directory);
    (void)home;
}

/* The directories above the home may be renamed; the home does not come along into sight. */
static void from_above(void)
{
    wchar_t moved[UNITS], name[UNITS];
    swprintf(moved, UNITS, L"%ls moved", local);
    BOOL renamed = MoveFileW(local, moved);
    swprintf(name, UNITS, L"\\??\\%ls\\FVM", moved);
    say("directory above renamed: %d", renamed);
    attack(name);
    swprintf(name, UNITS, L"\\??\\%ls\\FVM", local);
    attack(name);
    MoveFileW(moved, local);
    attack(name);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    GetEnvironmentVariableW(L"LOCALAPPDATA", local, UNITS);
    const wchar_t *rest = local + wcslen(L"C:");
    static const wchar_t *const formats[] = {L"\\??\\C:%ls\\FVM",
                                             L"\\??\\c:%ls\\fvm",
                                             L"\\DosDevices\\C:%ls\\FVM",
                                             L"\\GLOBAL??\\C:%ls\\FVM",
                                             L"\\??\\C:\\%ls\\FVM",
                                             L"\\??\\C:%ls\\FVM.",
                                             L"\\??\\C:%ls\\FVM ",
                                             L"\\??\\C:%ls\\FVM\\.",
                                             L"\\??\\C:%ls\\FVM::$INDEX_ALLOCATION",
                                             L"\\??\\C:%ls\\FVM:s",
                                             L"\\??\\C:%ls\\FVM~1",
                                             L"\\??\\C:%ls\\.\\FVM",
                                             L"\\??\\C:%ls\\Temp\\..\\FVM",
                                             L"\\??\\GLOBALROOT\\??\\C:%ls\\FVM",
                                             L"\\Device\\HarddiskVolume1%ls\\FVM",
                                             L"\\??\\UNC\\localhost\\C$%ls\\FVM",
                                             L"\\??\\C:%ls/FVM",
                                             L"\\??\\C:%ls\\FVM\\vms\\..",
                                             L"\\??\\C:%ls\\FVM\\vms\\..\\..\\FVM"};
    wchar_t name[UNITS];
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        swprintf(name, UNITS, formats[i], rest);
        attack(name);
    }
    const wchar_t *unix_local = unix_name(local);
    if (unix_local[0]) {
        static const wchar_t *const tails[] = {L"/FVM", L"\\FVM", L"//FVM", L"/./FVM", L"/Temp/../FVM", L"/fvm"};
        for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
            swprintf(name, UNITS, L"%ls%ls", unix_local, tails[i]);
            attack(name);
        }
        swprintf(name, UNITS, L"\\??\\Z:%ls\\FVM", unix_local + wcslen(L"\\??\\unix"));
        attack(name);
        for (wchar_t *c = name; *c; c++)
            if (*c == '/')
                *c = '\\';
        attack(name);
        swprintf(name, UNITS, L"\\??\\unix/proc/self/root%ls/FVM", unix_local + wcslen(L"\\??\\unix"));
        attack(name);
    }
    swprintf(name, UNITS, L"\\??\\%ls\\FVM", local);
    from_inside_out(name);
    from_above();
    return 0;
}
