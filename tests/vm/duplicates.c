/* Duplicates with less and with more access than the handle has, of objects of every type: named, without a name, of files. */
#include "native_objects.h"

static DWORD granted(HANDLE handle)
{
    struct {
        ULONG attributes, access, counts[2], more[10];
    } information = {0};
    ULONG length;
    NTSTATUS status = NtQueryObject(handle, (OBJECT_INFORMATION_CLASS)0, &information, 56, &length);
    return status ? 0xdead0000 : information.access;
}

static HANDLE duplicate(HANDLE source, DWORD access, DWORD options)
{
    HANDLE made = NULL;
    if (!DuplicateHandle(GetCurrentProcess(), source, GetCurrentProcess(), &made, access, FALSE, options)) {
        printf(" error %lu", GetLastError());
        return NULL;
    }
    printf(" %lx", granted(made));
    return made;
}

/* From the handle, and from one that has little: READ_CONTROL and SYNCHRONIZE. */
static void duplicates(const char *what, HANDLE handle)
{
    static const DWORD accesses[] = {0,
                                     GENERIC_READ,
                                     GENERIC_WRITE,
                                     GENERIC_EXECUTE,
                                     GENERIC_ALL,
                                     MAXIMUM_ALLOWED,
                                     SYNCHRONIZE,
                                     WRITE_DAC,
                                     STANDARD_RIGHTS_ALL,
                                     1,
                                     2,
                                     0x1f};
    printf("%s:", what);
    HANDLE little = duplicate(handle, READ_CONTROL | SYNCHRONIZE, 0);
    printf("\n  all of it:");
    for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++)
        CloseHandle(duplicate(handle, accesses[i], 0));
    printf("\n  of little:");
    for (size_t i = 0; little && i < sizeof(accesses) / sizeof(accesses[0]); i++)
        CloseHandle(duplicate(little, accesses[i], 0));
    printf("\n  in its place:");
    HANDLE moved = little ? duplicate(little, GENERIC_ALL, DUPLICATE_CLOSE_SOURCE) : NULL;
    printf("\n");
    CloseHandle(moved);
    CloseHandle(handle);
}

static void objects(void)
{
    static const char *const names[] = {"event",   "mutant", "semaphore", "timer",     "keyed event",
                                        "section", "job",    "port",      "directory", "link"};
    for (int type = TYPE_EVENT; type <= TYPE_DIRECTORY; type++) {
        struct named n;
        OBJECT_ATTRIBUTES none = {.Length = sizeof(none)};
        HANDLE handle = NULL;
        char what[64];
        snprintf(what, sizeof(what), "%s without a name", names[type]);
        if (create_object((enum object_type)type, &handle, &none) >= 0)
            duplicates(what, handle);
        handle = NULL;
        snprintf(what, sizeof(what), "%s with one", names[type]);
        if (create_object((enum object_type)type, &handle, named(&n, NULL, L"\\BaseNamedObjects\\fvm-duplicate", 0)) >=
            0)
            duplicates(what, handle);
    }
}

static void mapping(const char *what, const wchar_t *directory, const wchar_t *name, DWORD access, DWORD protection)
{
    wchar_t path[MAX_PATH];
    swprintf(path, MAX_PATH, L"%ls\\%ls", directory, name);
    HANDLE file = CreateFileW(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_ALWAYS, 0, NULL);
    HANDLE section = CreateFileMappingW(file, NULL, protection, 0, 100, NULL);
    printf("%s: file %d section %d\n", what, file != INVALID_HANDLE_VALUE, section != NULL);
    if (section)
        duplicates("  section", section);
    duplicates("  file", file);
}

int wmain(int argc, wchar_t **argv)
{
    HANDLE handle = NULL;
    if (argc < 2)
        return 2;
    setvbuf(stdout, NULL, _IONBF, 0);
    objects();
    mapping("the host's file, for reading", argv[1], L"big.bin", GENERIC_READ, PAGE_READONLY);
    mapping("the host's file, for writing", argv[1], L"readme.txt", GENERIC_READ | GENERIC_WRITE, PAGE_READWRITE);
    mapping("a new file", argv[1], L"made.bin", GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE, PAGE_EXECUTE_READWRITE);
    DuplicateHandle(GetCurrentProcess(), GetCurrentProcess(), GetCurrentProcess(), &handle,
                    PROCESS_QUERY_INFORMATION | READ_CONTROL | SYNCHRONIZE, FALSE, 0);
    duplicates("process", handle);
    OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY | READ_CONTROL, &handle);
    duplicates("token", handle);
    RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"Software\\Microsoft", 0, KEY_READ, (HKEY *)&handle);
    duplicates("key", handle);
    return 0;
}
