/* One file of the host by every spelling that leads, or might lead, to it: writing, deleting and renaming by the spelling
 * must be refused, or happen to the VM's file of the plain name. */
#include "try.h"

enum { FIRST_DELETED = 30, FIRST_RENAMED = 60 };

/* {0} of a format is replaced by the path behind the drive, "escape\spellings\many\07.txt". */
static wchar_t volume[UNITS], drive_path[UNITS];

static void check_write(const wchar_t *spelling, const wchar_t *plain)
{
    static unsigned number;
    char text[32];
    snprintf(text, sizeof(text), "written %u", number++);
    BOOL let = writes(spelling, FILE_OVERWRITE_IF, text);
    report(let && !holds(plain, text), "write by %s%s", utf8(spelling), let ? ", in the VM" : "");
}

static void check_delete(const wchar_t *spelling, const wchar_t *plain)
{
    UNICODE_STRING name = unicode(spelling);
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    NTSTATUS status = nt.NtDeleteFile(&attributes);
    BOOL let = status >= 0;
    report(let && opens(plain, FILE_READ_ATTRIBUTES, 0), "delete by %s%s", utf8(spelling), let ? ", in the VM" : "");
}

static void check_rename(const wchar_t *spelling, const wchar_t *plain)
{
    BYTE buffer[UNITS];
    FVM_FILE_RENAME_INFORMATION *information = (FVM_FILE_RENAME_INFORMATION *)buffer;
    struct opening o = {NULL, plain, DELETE, SHARE_ALL, FILE_OPEN, 0, 0};
    IO_STATUS_BLOCK io;
    HANDLE file;
    wchar_t target[UNITS];
    swprintf(target, UNITS, L"%ls.new", spelling);
    memset(buffer, 0, sizeof(buffer));
    information->FileNameLength = (ULONG)(wcslen(target) * sizeof(wchar_t));
    memcpy(information->FileName, target, information->FileNameLength);
    if (open_as(&o, &file, NULL) < 0) {
        report(FALSE, "rename to %s: nothing to rename", utf8(target));
        return;
    }
    NTSTATUS status = nt.NtSetInformationFile(
        file, &io, information, sizeof(*information) + information->FileNameLength, FileRenameInformation);
    close_handle(file);
    wchar_t expected[UNITS];
    swprintf(expected, UNITS, L"%ls.new", plain);
    report(status >= 0 && opens(plain, FILE_READ_ATTRIBUTES, 0), "rename to %s: %08lx%s", utf8(target), status,
           opens(expected, FILE_READ_ATTRIBUTES, 0) ? ", in the VM" : "");
}

static void all_spellings(unsigned number, void (*check)(const wchar_t *spelling, const wchar_t *plain))
{
    static const wchar_t *const formats[] = {
        L"\\DosDevices\\C:\\%ls",
        L"\\GLOBAL??\\C:\\%ls",
        L"\\??\\Global\\C:\\%ls",
        L"\\??\\GLOBALROOT\\??\\C:\\%ls",
        L"\\??\\GLOBALROOT\\DosDevices\\C:\\%ls",
        L"\\??\\GLOBALROOT\\Device\\HarddiskVolume1\\%ls",
        L"\\Device\\HarddiskVolume0\\%ls",
        L"\\Device\\HarddiskVolume1\\%ls",
        L"\\Device\\HarddiskVolume2\\%ls",
        L"\\Device\\Harddisk0\\Partition1\\%ls",
        L"\\??\\HarddiskVolume1\\%ls",
        L"\\??\\UNC\\localhost\\C$\\%ls",
        L"\\??\\UNC\\127.0.0.1\\C$\\%ls",
        L"\\??\\UNC\\?\\C:\\%ls",
        L"\\Device\\Mup\\localhost\\C$\\%ls",
        L"\\Device\\LanmanRedirector\\localhost\\C$\\%ls",
        L"\\??\\c:\\%ls",
        L"\\??\\C:\\\\%ls",
        L"\\??\\C:\\.\\%ls",
        L"\\??\\C:\\windows\\..\\%ls",
        L"\\SystemRoot\\..\\%ls",
        L"\\??\\C:\\windows\\system32\\..\\..\\%ls",
        L"\\??\\C:/%ls",
        L"\\??\\C:%ls",
        L"\\\\?\\C:\\%ls",
        L"\\??\\\\??\\C:\\%ls",
        L"\\??\\PhysicalDrive0\\%ls",
        L"\\??\\pipe\\..\\C:\\%ls",
        L"\\Sessions\\0\\DosDevices\\00000000-00000000\\C:\\%ls",
    };
    wchar_t rest[UNITS], plain[UNITS], spelling[UNITS];
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        swprintf(rest, UNITS, L"%ls\\many\\%02zu.txt", drive_path, number + i);
        swprintf(plain, UNITS, L"\\??\\C:\\%ls", rest);
        swprintf(spelling, UNITS, formats[i], rest);
        check(spelling, plain);
    }
}

/* The last parts of names, and Wine's Unix names, which are case-sensitive and know "..". */
static void all_variants(void (*check)(const wchar_t *spelling, const wchar_t *plain))
{
    static const wchar_t *const tails[] = {L"README.TXT",    L"readme.txt.",
                                           L"readme.txt ",   L"readme.txt::$DATA",
                                           L"readme.txt:",   L"READM~1.TXT",
                                           L"readme.txt\\",  L"sub\\..\\readme.txt",
                                           L".\\readme.txt", L"sub/../readme.txt",
                                           L"/readme.txt",   L"\\readme.txt",
                                           L"readme.txt\\.", L"readme.txt\\..\\readme.txt",
                                           L"ｒeadme.txt",   L"readme.tx\u0131"};
    wchar_t plain[UNITS], spelling[UNITS], own[UNITS];
    swprintf(plain, UNITS, L"%ls", nt_at(L"readme.txt"));
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        BOOL exists = opens(nt_at(tails[i]), FILE_READ_ATTRIBUTES, 0);
        swprintf(spelling, UNITS, L"%ls", nt_at(tails[i]));
        if (exists) /* one that does not exist would be another file, made in the VM */
            check(spelling, plain);
    }
    swprintf(own, UNITS, L"%ls", unix_name(top));
    if (!own[0])
        return;
    static const wchar_t *const unix_tails[] = {L"/readme.txt",           L"\\readme.txt",      L"//readme.txt",
                                                L"/sub/../readme.txt",    L"/./readme.txt",     L"/sub//..//readme.txt",
                                                L"\\sub\\..\\readme.txt", L"/link-to-file.txt", L"/README.TXT"};
    for (size_t i = 0; i < sizeof(unix_tails) / sizeof(unix_tails[0]); i++) {
        swprintf(spelling, UNITS, L"%ls%ls", own, unix_tails[i]);
        if (opens(spelling, FILE_READ_ATTRIBUTES, 0))
            check(spelling, plain);
        else
            report(FALSE, "%s", utf8(spelling));
    }
    const wchar_t *path = own + wcslen(L"\\??\\unix");
    static const wchar_t *const prefixes[] = {L"\\??\\UNIX",
                                              L"\\??\\unix/",
                                              L"\\??\\unix\\",
                                              L"\\??\\Z:",
                                              L"\\??\\z:\\",
                                              L"\\DosDevices\\unix",
                                              L"\\GLOBAL??\\unix",
                                              L"\\??\\GLOBALROOT\\??\\unix",
                                              L"\\??\\Global\\unix",
                                              L"\\??\\unix/proc/self/root",
                                              L"\\??\\unix/proc/self/cwd/../../../..",
                                              L"\\??\\unix/tmp/..",
                                              L"\\??\\Z:\\tmp\\..",
                                              L"\\??\\Z:\\proc\\self\\root"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        swprintf(spelling, UNITS, L"%ls%ls/readme.txt", prefixes[i], path);
        check(spelling, plain);
        for (wchar_t *c = spelling; *c; c++)
            if (*c == '/')
                *c = '\\';
        check(spelling, plain);
    }
}

static void by_win32(void)
{
    static const wchar_t *const formats[] = {L"\\\\?\\C:\\%ls",
                                             L"\\\\.\\C:\\%ls",
                                             L"\\\\?\\GLOBALROOT\\Device\\HarddiskVolume1\\%ls",
                                             L"\\\\localhost\\C$\\%ls",
                                             L"\\\\127.0.0.1\\C$\\%ls",
                                             L"\\\\?\\UNC\\localhost\\C$\\%ls",
                                             L"//localhost/C$/%ls",
                                             L"\\\\.\\GLOBALROOT\\??\\C:\\%ls",
                                             L"\\\\?\\Global\\C:\\%ls",
                                             L"C:%ls",
                                             L"\\%ls",
                                             L"\\\\?\\unix\\%ls"};
    wchar_t rest[UNITS], path[UNITS];
    swprintf(rest, UNITS, L"%ls\\sub\\one.txt", drive_path);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        char text[32];
        snprintf(text, sizeof(text), "win32 %zu", i);
        swprintf(path, UNITS, formats[i], rest);
        BOOL let = put(path, text);
        report(let && !holds(nt_at(L"sub\\one.txt"), text), "write by %s%s", utf8(path), let ? ", in the VM" : "");
    }
    SetCurrentDirectoryW(top);
    BOOL let = put(L"..\\..\\..\\..\\escape\\spellings\\sub\\..\\sub\\.\\one.txt", "relative");
    report(let && !holds(nt_at(L"sub\\one.txt"), "relative"), "write by a relative name with too many ..");
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    wcscpy(drive_path, top + wcslen(L"C:\\"));
    all_spellings(0, check_write);
    all_spellings(FIRST_DELETED, check_delete);
    all_spellings(FIRST_RENAMED, check_rename);
    all_variants(check_write);
    by_win32();
    if (GetVolumeNameForVolumeMountPointW(L"C:\\", volume, UNITS)) {
        wchar_t spelling[UNITS];
        swprintf(spelling, UNITS, L"\\??\\%ls%ls\\sub\\two.txt", volume + wcslen(L"\\\\?\\"), drive_path);
        check_write(spelling, nt_at(L"sub\\two.txt"));
    }
    all_variants(check_delete);
    return 0;
}
