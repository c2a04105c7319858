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
    for (size_t i = 0; i < COUNT(codes); i++)
        report(manager != INVALID_HANDLE_VALUE && codes[i] != 0x6d4008 &&
                   DeviceIoControl(manager, codes[i], buffer, sizeof(buffer), buffer, sizeof(buffer), &size, NULL),
               "mount manager code %lx", codes[i]);
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
    drives();
    unix_directories();
    drivers();
    return 0;
}
