/* Objects that are no files, opened by the services for files: what the system says, and that no success comes without a handle. */
#include "native_objects.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define READ (GENERIC_READ | SYNCHRONIZE)
#define ASK (FILE_READ_ATTRIBUTES | SYNCHRONIZE)
#define UNTOUCHED ((HANDLE)0x77777770)

static NTSTATUS open_file(HANDLE *h, HANDLE root, const WCHAR *name, ACCESS_MASK access)
{
    struct named n;
    IO_STATUS_BLOCK io;
    return NtOpenFile(h, access, named(&n, root, name, OBJ_CASE_INSENSITIVE), &io, 7, FILE_SYNCHRONOUS_IO_NONALERT);
}

static void show(const char *what, NTSTATUS status, HANDLE h)
{
    DWORD flags;
    BOOL valid = h != UNTOUCHED && GetHandleInformation(h, &flags);
    printf("%s: 0x%08lx%s\n", what, (unsigned long)status, valid ? ", a handle" : "");
    if (valid)
        NtClose(h);
}

static void each_way(const char *where, HANDLE root, const WCHAR *name, BOOL create)
{
    static const ACCESS_MASK accesses[] = {READ, ASK};
    struct named n;
    IO_STATUS_BLOCK io;
    char what[200];
    for (unsigned i = 0; i < COUNT(accesses); i++) {
        HANDLE h = UNTOUCHED;
        sprintf(what, "%s \"%ls\" to %s", where, name, i ? "ask" : "read");
        show(what, open_file(&h, root, name, accesses[i]), h);
        if (!create)
            continue;
        h = UNTOUCHED;
        strcat(what, ", create");
        show(what,
             NtCreateFile(&h, accesses[i], named(&n, root, name, OBJ_CASE_INSENSITIVE), &io, NULL, 0, 7, FILE_CREATE,
                          FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0),
             h);
    }
}

static void absolute(void)
{
    static const WCHAR *const names[] = {L"\\KernelObjects\\none",
                                         L"\\KernelObjects\\LowMemoryCondition",
                                         L"\\KernelObjects\\__wine_user_shared_data",
                                         L"\\KernelObjects",
                                         L"\\ObjectTypes\\Event",
                                         L"\\KnownDlls\\none.dll",
                                         L"\\Security\\none",
                                         L"\\Device",
                                         L"\\??",
                                         L"\\NLS\\none",
                                         L"\\none",
                                         L"\\BaseNamedObjects",
                                         L"\\BaseNamedObjects\\none",
                                         L"\\BaseNamedObjects\\none\\none",
                                         L"\\BaseNamedObjects\\fvm-object",
                                         L"\\BaseNamedObjects\\fvm-object\\none",
                                         L"\\BaseNamedObjects\\Local\\fvm-object",
                                         L"\\??\\GLOBALROOT\\BaseNamedObjects\\fvm-object",
                                         L"\\??\\GLOBALROOT\\BaseNamedObjects\\none",
                                         L"\\??\\GLOBALROOT\\KernelObjects\\LowMemoryCondition",
                                         L"\\??\\GLOBALROOT\\KernelObjects\\none",
                                         L"\\??\\GLOBALROOT\\Device"};
    for (unsigned i = 0; i < COUNT(names); i++)
        each_way("name", NULL, names[i], TRUE);
}

static void relative(void)
{
    static const WCHAR *const names[] = {L"none", L"fvm-object", L"LowMemoryCondition", L"__wine_user_shared_data"};
    static const WCHAR *const directories[] = {L"\\KernelObjects", L"\\BaseNamedObjects"};
    HANDLE slot = CreateMailslotW(L"\\\\.\\mailslot\\fvm-object", 0, 0, NULL);
    HANDLE nul = CreateFileW(L"NUL", GENERIC_READ, 3, NULL, OPEN_EXISTING, 0, NULL);
    struct named n;
    for (unsigned i = 0; i < COUNT(directories); i++) {
        HANDLE directory = NULL;
        step("directory", NtOpenDirectoryObject(&directory, 3, named(&n, NULL, directories[i], 0)));
        for (unsigned k = 0; k < COUNT(names); k++)
            each_way("in a directory", directory, names[k], TRUE);
        NtClose(directory);
    }
    each_way("in a mailslot", slot, L"none", TRUE);
    each_way("in NUL", nul, L"none", FALSE);
    each_way("in NUL", nul, L"none\\none", FALSE);
    NtClose(slot);
    NtClose(nul);
}

/* The same of kernel32. */
static void win32(void)
{
    static const WCHAR *const names[] = {L"\\\\.\\GLOBALROOT\\KernelObjects\\LowMemoryCondition",
                                         L"\\\\?\\GLOBALROOT\\KernelObjects\\none", L"\\\\?\\GLOBALROOT\\Device",
                                         L"\\\\?\\GLOBALROOT\\BaseNamedObjects\\none"};
    static const DWORD accesses[] = {GENERIC_READ, 0};
    for (unsigned i = 0; i < COUNT(names); i++)
        for (unsigned a = 0; a < COUNT(accesses); a++) {
            SetLastError(0);
            HANDLE h = CreateFileW(names[i], accesses[a], 7, NULL, OPEN_EXISTING, 0, NULL);
            printf("CreateFile %ls: %d, error %lu\n", names[i], h != INVALID_HANDLE_VALUE, GetLastError());
        }
}

int main(void)
{
    struct named n;
    HANDLE event = NULL;
    step("event",
         NtCreateEvent(&event, MAXIMUM_ALLOWED, named(&n, NULL, L"\\BaseNamedObjects\\fvm-object", 0), 0, FALSE));
    absolute();
    relative();
    win32();
    NtClose(event);
    return 0;
}
