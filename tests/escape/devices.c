/* What is below and beside the file system: disks, volumes, mount points, drive letters, and on Wine the directories in which
 * Unix keeps its devices and processes. */
#include "try.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void disks(void)
{
    static const wchar_t *const names[] = {L"\\\\.\\PhysicalDrive0",
                                           L"\\\\.\\PhysicalDrive1",
                                           L"\\\\.\\C:",
                                           L"\\\\.\\c:",
                                           L"\\\\?\\C:",
                                           L"\\\\.\\Z:",
                                           L"\\\\.\\CdRom0",
                                           L"\\\\.\\A:",
                                           L"\\\\.\\HarddiskVolume1",
                                           L"\\\\.\\Harddisk0Partition1",
                                           L"\\\\?\\GLOBALROOT\\Device\\Harddisk0\\DR0",
                                           L"\\\\?\\GLOBALROOT\\Device\\Harddisk0\\Partition0",
                                           L"\\\\?\\GLOBALROOT\\Device\\HarddiskVolume1",
                                           L"\\\\?\\GLOBALROOT\\Device\\PhysicalMemory",
                                           L"\\\\.\\GLOBALROOT\\??\\C:",
                                           L"\\\\.\\GLOBALROOT\\??\\PhysicalDrive0",
                                           L"\\\\?\\Volume{00000000-0000-0000-0000-000000000043}",
                                           L"\\\\?\\Volume{00000000-0000-0000-0000-00000000005a}"};
    static const DWORD accesses[] = {GENERIC_READ, GENERIC_WRITE, GENERIC_READ | GENERIC_WRITE, GENERIC_ALL};
    for (size_t i = 0; i < COUNT(names); i++)
        for (size_t a = 0; a < COUNT(accesses); a++) {
            wchar_t name[UNITS];
            swprintf(name, UNITS, L"\\??%ls", names[i] + wcslen(L"\\\\?")); /* as CreateFile would make it */
            report(grants(name, accesses[a]), "%s with access %lx", utf8(name), accesses[a]);
        }
}

/* Whether the handle may read or write what it has open; closes it. */
static BOOL may_touch(HANDLE handle)
{
    FVM_OBJECT_BASIC_INFORMATION basic = {0};
    if (!handle || handle == INVALID_HANDLE_VALUE)
        return FALSE;
    nt.NtQueryObject(handle, (OBJECT_INFORMATION_CLASS)ObjectBasicInformationClass, &basic, sizeof(basic), NULL);
    close_handle(handle);
    return basic.GrantedAccess & (FILE_READ_DATA | FILE_WRITE_DATA | FILE_APPEND_DATA | DELETE);
}

static HANDLE opened(HANDLE root, const wchar_t *name, ACCESS_MASK access)
{
    struct opening o = {root, name, access, SHARE_ALL, FILE_OPEN, 0, 0};
    HANDLE handle;
    return open_as(&o, &handle, NULL) < 0 ? NULL : handle;
}

/* A handle for questions can be had; it must not become one for reading and writing. */
static void disks_by_handle(void)
{
    static const wchar_t *const names[] = {L"\\??\\C:",
                                           L"\\??\\Z:",
                                           L"\\??\\PhysicalDrive0",
                                           L"\\??\\HarddiskVolume1",
                                           L"\\Device\\HarddiskVolume1",
                                           L"\\Device\\Harddisk0\\DR0",
                                           L"\\Device\\Harddisk0\\Partition0",
                                           L"\\??\\Volume{00000000-0000-0000-0000-000000000043}"};
    static const wchar_t *const behind[] = {L"", L"\\", L":", L"::$DATA"};
    for (size_t i = 0; i < COUNT(names); i++) {
        HANDLE h = opened(NULL, names[i], FILE_READ_ATTRIBUTES), other;
        say("%s: %s", utf8(names[i]), h ? "opened" : "not opened");
        for (size_t b = 0; b < COUNT(behind); b++) {
            report(h && may_touch(opened(h, behind[b], GENERIC_READ)), "read %s, \"%s\" relative", utf8(names[i]),
                   utf8(behind[b]));
            report(h && may_touch(opened(h, behind[b], GENERIC_WRITE)), "write %s, \"%s\" relative", utf8(names[i]),
                   utf8(behind[b]));
        }
        report(h && may_touch(ReOpenFile(h, GENERIC_READ | GENERIC_WRITE, SHARE_ALL, 0)), "%s by ReOpenFile",
               utf8(names[i]));
        other = NULL;
        if (h)
            DuplicateHandle(GetCurrentProcess(), h, GetCurrentProcess(), &other, GENERIC_READ | GENERIC_WRITE, FALSE,
                            0);
        report(may_touch(other), "%s by a duplicate", utf8(names[i]));
        close_handle(h);
    }
}

static OBJECT_ATTRIBUTES *named(UNICODE_STRING *name, OBJECT_ATTRIBUTES *attributes)
{
    InitializeObjectAttributes(attributes, name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return attributes;
}

static HANDLE object_directory(const wchar_t *path)
{
    UNICODE_STRING name = unicode(path);
    OBJECT_ATTRIBUTES attributes;
    HANDLE h = NULL;
    return nt.NtOpenDirectoryObject(&h, DIRECTORY_QUERY | DIRECTORY_TRAVERSE, named(&name, &attributes)) < 0 ? NULL : h;
}

/* By directories of objects, and by links that the VM makes. */
static void disks_by_object(void)
{
    static const struct {
        const wchar_t *directory, *name;
    } relative[] = {{L"\\Device", L"HarddiskVolume1"},
                    {L"\\Device", L"Harddisk0\\DR0"},
                    {L"\\Device", L"Harddisk0\\Partition0"},
                    {L"\\Device\\Harddisk0", L"DR0"},
                    {L"\\??", L"C:"},
                    {L"\\??", L"PhysicalDrive0"},
                    {L"\\GLOBAL??", L"C:"},
                    {L"\\GLOBAL??", L"PhysicalDrive0"},
                    {L"\\", L"Device\\HarddiskVolume1"},
                    {L"\\", L"??\\PhysicalDrive0"}};
    static const wchar_t *const targets[] = {L"\\??\\C:", L"\\??\\PhysicalDrive0", L"\\Device\\HarddiskVolume1",
                                             L"\\Device\\Harddisk0\\DR0",
                                             L"\\??\\Volume{00000000-0000-0000-0000-000000000043}"};
    for (size_t i = 0; i < COUNT(relative); i++) {
        HANDLE directory = object_directory(relative[i].directory);
        report(directory && may_touch(opened(directory, relative[i].name, GENERIC_READ | GENERIC_WRITE)),
               "%s relative to %s", utf8(relative[i].name), utf8(relative[i].directory));
        close_handle(directory);
    }
    for (size_t i = 0; i < COUNT(targets); i++) {
        UNICODE_STRING name = unicode(L"\\BaseNamedObjects\\fvm-disk"), target = unicode(targets[i]);
        OBJECT_ATTRIBUTES attributes;
        HANDLE link = NULL;
        nt.NtCreateSymbolicLinkObject(&link, GENERIC_ALL, named(&name, &attributes), &target);
        report(may_touch(opened(NULL, L"\\BaseNamedObjects\\fvm-disk", GENERIC_READ | GENERIC_WRITE)),
               "%s through a link", utf8(targets[i]));
        close_handle(link);
        DefineDosDeviceW(DDD_RAW_TARGET_PATH, L"Q8:", targets[i]);
        report(may_touch(opened(NULL, L"\\??\\Q8:", GENERIC_READ | GENERIC_WRITE)), "%s through a drive letter",
               utf8(targets[i]));
        report(may_touch(
                   CreateFileW(L"\\\\.\\Q8:", GENERIC_READ | GENERIC_WRITE, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL)),
               "%s through a drive letter by CreateFile", utf8(targets[i]));
        DefineDosDeviceW(DDD_RAW_TARGET_PATH | DDD_REMOVE_DEFINITION | DDD_EXACT_MATCH_ON_REMOVE, L"Q8:", targets[i]);
    }
}

static void drives(void)
{
    report(DefineDosDeviceW(DDD_RAW_TARGET_PATH, L"Q:", L"\\??\\C:\\windows") && put(L"Q:\\evil.txt", "x") &&
               !opens(L"\\??\\C:\\windows\\evil.txt", FILE_READ_DATA, 0),
           "a drive letter for a directory");
    report(DefineDosDeviceW(0, L"R:", top) && put(L"R:\\readme.txt", "drive") && !holds(nt_at(L"readme.txt"), "drive"),
           "a drive letter for the own directory");
    DefineDosDeviceW(DDD_REMOVE_DEFINITION, L"Z:", NULL);
    report(GetDriveTypeW(L"Z:\\") == DRIVE_NO_ROOT_DIR, "a drive letter removed");
    report(SetVolumeMountPointW(L"Y:\\", L"\\\\?\\Volume{00000000-0000-0000-0000-000000000043}\\"), "a mount point");
    report(DeleteVolumeMountPointW(L"Z:\\"), "a mount point removed");
    report(FALSE, "a volume's label: %s", worked(SetVolumeLabelW(L"C:\\", L"evil"))); /* Wine keeps it in a file */
    HANDLE manager =
        CreateFileW(L"\\\\.\\MountPointManager", GENERIC_READ | GENERIC_WRITE, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    static const DWORD codes[] = {0x6dc000, 0x6dc004, 0x6dc040, 0x6dc084, 0x6d4008, 0x6dc080};
    BYTE buffer[512] = {0};
    DWORD size;
    for (size_t i = 0; i < COUNT(codes); i++) {
        IO_STATUS_BLOCK io;
        report(manager != INVALID_HANDLE_VALUE && codes[i] != 0x6d4008 &&
                   DeviceIoControl(manager, codes[i], buffer, sizeof(buffer), buffer, sizeof(buffer), &size, NULL),
               "mount manager code %lx", codes[i]);
        /* Wine passes it on whichever service it came by; it says what is wrong with the buffer when it got there */
        NTSTATUS status = nt.NtFsControlFile(manager, NULL, NULL, NULL, &io, codes[i], buffer, sizeof(buffer), buffer,
                                             sizeof(buffer));
        report(codes[i] >> 14 & 2 && status != STATUS_ACCESS_DENIED, "mount manager code %lx by the other service: %lx",
               codes[i], status);
    }
    HANDLE volume = CreateFileW(L"\\\\.\\C:", 0, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    static const DWORD volume_codes[] = {0x90018 /* lock */, 0x90020 /* dismount */, 0x2d4808 /* eject */,
                                         0x900f8 /* delete USN journal */};
    for (size_t i = 0; i < COUNT(volume_codes); i++)
        report(volume != INVALID_HANDLE_VALUE &&
                   DeviceIoControl(volume, volume_codes[i], NULL, 0, NULL, 0, &size, NULL),
               "volume code %lx", volume_codes[i]);
}

static void unix_directories(void)
{
    static const wchar_t *const roots[] = {L"\\??\\Z:\\",       L"\\??\\unix/",  L"\\??\\unix\\",
                                           L"\\??\\z:\\\\",     L"\\??\\unix//", L"\\??\\GLOBALROOT\\??\\Z:\\",
                                           L"\\GLOBAL??\\unix/"};
    static const wchar_t *const names[] = {L"dev\\null",
                                           L"dev\\zero",
                                           L"dev\\mem",
                                           L"proc\\self\\mem",
                                           L"proc\\self\\comm",
                                           L"proc\\self\\environ",
                                           L"proc\\self\\fd\\1",
                                           L"proc\\sys\\kernel\\ostype",
                                           L"sys\\kernel\\notes",
                                           L"PROC\\self\\mem",
                                           L"Dev\\null",
                                           L"dev",
                                           L"dev\\fd\\1",
                                           L"dev\\stdout",
                                           L"proc\\thread-self\\mem",
                                           L"proc\\1\\root\\proc\\self\\mem"};
    for (size_t r = 0; r < COUNT(roots); r++)
        for (size_t n = 0; n < COUNT(names); n++) {
            wchar_t name[UNITS];
            swprintf(name, UNITS, L"%ls%ls", roots[r], names[n]);
            BOOL directory = opens(name, FILE_READ_ATTRIBUTES, FILE_DIRECTORY_FILE);
            report(!directory && grants(name, FILE_WRITE_DATA), "write to %s", utf8(name));
            report(!directory && grants(name, FILE_READ_DATA), "read of %s", utf8(name));
        }
    HANDLE root =
        CreateFileW(L"Z:\\", FILE_LIST_DIRECTORY, SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    static const wchar_t *const relative[] = {L"proc\\self\\mem", L"dev\\mem", L"sys\\kernel\\profiling"};
    for (size_t i = 0; i < COUNT(relative); i++) {
        struct opening o = {root, relative[i], GENERIC_READ, SHARE_ALL, FILE_OPEN, 0, 0};
        HANDLE file = NULL;
        report(open_as(&o, &file, NULL) >= 0, "%s relative to Z:", utf8(relative[i]));
        close_handle(file);
    }
    CloseHandle(root);
}

static void drivers(void)
{
    UNICODE_STRING name = unicode(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\mountmgr");
    report(nt.NtLoadDriver(&name) >= 0, "loading a driver");
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    disks();
    disks_by_handle();
    disks_by_object();
    drives();
    unix_directories();
    drivers();
    return 0;
}
