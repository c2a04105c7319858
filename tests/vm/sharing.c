/* Sharing modes, locks and mappings, between handles of one program: on untouched files of the host, on copies, on new files. */
#include "../harness/show.h"

static void modes(const wchar_t *name)
{
    static const ACCESS_MASK accesses[] = {GENERIC_READ, GENERIC_WRITE, DELETE, FILE_READ_ATTRIBUTES};
    static const ULONG sharings[] = {0, FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_SHARE_DELETE, SHARE_ALL};
    enum { ACCESSES = sizeof(accesses) / sizeof(accesses[0]), SHARINGS = sizeof(sharings) / sizeof(sharings[0]) };
    for (unsigned first = 0; first < ACCESSES * SHARINGS; first++) {
        struct opening one = {NULL, nt_at(name), accesses[first / SHARINGS], sharings[first % SHARINGS], FILE_OPEN, 0,
                              0};
        HANDLE a, b;
        if (open_as(&one, &a, NULL) < 0) {
            say("%s: cannot open", utf8(name));
            continue;
        }
        printf("%s %lx %lx:", utf8(name), one.access, one.sharing);
        for (unsigned second = 0; second < ACCESSES * SHARINGS; second++) {
            struct opening two = {
                NULL, nt_at(name), accesses[second / SHARINGS], sharings[second % SHARINGS], FILE_OPEN, 0, 0};
            printf(" %lx", open_as(&two, &b, NULL));
            close_handle(b);
        }
        say("");
        close_handle(a);
    }
}

/* The first open leaves the host's file where it is, the second wants to change it. Each pair has a file of its own. */
static void untouched(void)
{
    static const ACCESS_MASK firsts[] = {GENERIC_READ, FILE_READ_ATTRIBUTES, GENERIC_EXECUTE};
    static const ULONG sharings[] = {FILE_SHARE_READ, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                     FILE_SHARE_READ | FILE_SHARE_DELETE, SHARE_ALL};
    static const ACCESS_MASK seconds[] = {GENERIC_WRITE, DELETE, FILE_WRITE_ATTRIBUTES, GENERIC_READ | DELETE,
                                          FILE_APPEND_DATA};
    enum { FIRST_FILE = 20 };
    unsigned number = FIRST_FILE;
    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++)
        for (size_t s = 0; s < sizeof(sharings) / sizeof(sharings[0]); s++)
            for (size_t n = 0; n < sizeof(seconds) / sizeof(seconds[0]); n++) {
                wchar_t name[32];
                HANDLE a, b;
                swprintf(name, 32, L"many\\%02u.txt", number++);
                struct opening one = {NULL, nt_at(name), firsts[i], sharings[s], FILE_OPEN, 0, 0};
                struct opening two = {NULL, nt_at(name), seconds[n], SHARE_ALL, FILE_OPEN, 0, 0};
                NTSTATUS status = open_as(&one, &a, NULL), second = open_as(&two, &b, NULL);
                say("%lx %lx then %lx: %08lx %08lx", one.access, one.sharing, two.access, status, second);
                close_handle(b);
                if (second < 0) { /* else it is a copy by now, which the first handle does not keep from anybody */
                    say("  rename: %s", worked(MoveFileW(at(name), at(L"renamed.txt"))));
                    say("  replace: %s", worked(put(at(name), "replaced")));
                }
                close_handle(a);
                say_file(name);
            }
}

/* A lock that is waited for until another handle of the file gives it up. */
static DWORD WINAPI lock_and_wait(void *file)
{
    OVERLAPPED at_start = {0};
    return LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK, 0, 4, 0, &at_start);
}

static void waiting(HANDLE a, HANDLE b)
{
    DWORD got = 2;
    say("  lock: %s", worked(LockFile(a, 0, 0, 4, 0)));
    HANDLE thread = CreateThread(NULL, 0, lock_and_wait, b, 0, NULL);
    say("  somebody waits: %lx", WaitForSingleObject(thread, 300));
    say("  unlock: %s", worked(UnlockFile(a, 0, 0, 4, 0)));
    say("  no more: %lx", WaitForSingleObject(thread, 10000));
    GetExitCodeThread(thread, &got);
    say("  got it: %lu", got);
    say("  unlock: %s", worked(UnlockFile(b, 0, 0, 4, 0)));
    CloseHandle(thread);
}

static HANDLE open_to_lock(const wchar_t *name, DWORD access)
{
    return CreateFileW(at(name), access, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
}

static void locks(const wchar_t *name, DWORD access)
{
    HANDLE a = open_to_lock(name, access), b = open_to_lock(name, access), again;
    char buffer[8];
    DWORD size;
    OVERLAPPED at_start = {0};
    say("lock %s %lx: %s", utf8(name), access, worked(LockFile(a, 0, 0, 4, 0)));
    say("  again: %s", worked(LockFile(b, 0, 0, 4, 0)));
    say("  overlapping: %s", worked(LockFile(b, 2, 0, 4, 0)));
    say("  beside: %s", worked(LockFile(b, 4, 0, 4, 0)));
    say("  shared: %s", worked(LockFileEx(b, LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at_start)));
    again = open_to_lock(name, GENERIC_READ);
    say("  shared, opened now: %s", worked(LockFileEx(again, LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at_start)));
    say("  read by the other: %s", worked(ReadFile(b, buffer, sizeof(buffer), &size, NULL)));
    say("  unlock: %s", worked(UnlockFile(a, 0, 0, 4, 0)));
    say("  shared by two: %s", worked(LockFileEx(again, LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at_start)));
    say("  and: %s", worked(LockFileEx(a, LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at_start)));
    say("  exclusive: %s", worked(LockFile(b, 0, 0, 4, 0)));
    say("  unlock: %s", worked(UnlockFile(a, 0, 0, 1, 0)));
    CloseHandle(again);
    say("  exclusive: %s", worked(LockFile(b, 0, 0, 4, 0)));
    say("  not locked: %s", worked(UnlockFile(a, 100, 0, 4, 0)));
    CloseHandle(b);
    say("  after closing: %s", worked(LockFile(a, 0, 0, 8, 0)));
    b = open_to_lock(name, access);
    say("  twice: %s", worked(LockFile(b, 7, 0, 1, 0)));
    CloseHandle(a);
    a = open_to_lock(name, access);
    say("  after closing: %s", worked(LockFile(a, 0, 0, 8, 0)));
    say("  unlock: %s", worked(UnlockFile(a, 0, 0, 8, 0)));
    waiting(a, b);
    CloseHandle(a);
    CloseHandle(b);
}

/* Of a file that nobody has changed yet: who only reads has locked it first, who writes comes then. */
static void readers_and_writers(const wchar_t *name, DWORD flags)
{
    OVERLAPPED at_start = {0};
    HANDLE reader = open_to_lock(name, GENERIC_READ);
    say("reader of %s locks: %s", utf8(name), worked(LockFileEx(reader, flags, 0, 10, 0, &at_start)));
    HANDLE writer = open_to_lock(name, GENERIC_READ | GENERIC_WRITE), another = open_to_lock(name, GENERIC_READ);
    say("  writer: %s", worked(LockFile(writer, 0, 0, 10, 0)));
    say("  another reader: %s", worked(LockFileEx(another, LOCKFILE_FAIL_IMMEDIATELY, 0, 10, 0, &at_start)));
    say("  unlock: %s %s", worked(UnlockFile(reader, 0, 0, 10, 0)), worked(UnlockFile(another, 0, 0, 10, 0)));
    say("  writer: %s", worked(LockFile(writer, 0, 0, 10, 0)));
    say("  reader: %s", worked(LockFileEx(reader, LOCKFILE_FAIL_IMMEDIATELY, 0, 10, 0, &at_start)));
    CloseHandle(another);
    CloseHandle(writer);
    CloseHandle(reader);
}

static void mappings(const wchar_t *name)
{
    HANDLE file = CreateFileW(at(name), GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    HANDLE mapping = CreateFileMappingW(file, NULL, PAGE_READONLY, 0, 0, NULL);
    const BYTE *view = mapping ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0) : NULL;
    say("map %s: %d %d", utf8(name), mapping != NULL, view != NULL);
    if (view) {
        say_bytes("  ", view, 8);
        UnmapViewOfFile(view);
    }
    say("  writable: %d", CreateFileMappingW(file, NULL, PAGE_READWRITE, 0, 0, NULL) != NULL);
    if (mapping)
        CloseHandle(mapping);
    CloseHandle(file);

    file = CreateFileW(at(name), GENERIC_READ | GENERIC_WRITE, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    mapping = CreateFileMappingW(file, NULL, PAGE_READWRITE, 0, 20000, NULL);
    BYTE *writable = mapping ? MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0) : NULL;
    say("  grown to 20000: %d", writable != NULL);
    if (writable) {
        memcpy(writable, "MAPPED", 6);
        writable[19999] = '!';
        FlushViewOfFile(writable, 0);
        say_content(file);
        say("  delete while mapped: %s", worked(DeleteFileW(at(name))));
        UnmapViewOfFile(writable);
    }
    if (mapping)
        CloseHandle(mapping);
    CloseHandle(file);
    say_file(name);
}

/* A program made here is loaded from here. */
static void images(void)
{
    say("copy: %s", worked(CopyFileW(L"C:\\windows\\system32\\version.dll", at(L"copied.dll"), FALSE)));
    HMODULE module = LoadLibraryW(at(L"copied.dll"));
    wchar_t name[UNITS];
    say("load: %d", module != NULL);
    if (!module)
        return;
    GetModuleFileNameW(module, name, UNITS);
    say("  %s", utf8(name));
    say("  GetModuleHandle %d", GetModuleHandleW(L"copied.dll") == module);
    say("  delete while loaded: %s", worked(DeleteFileW(at(L"copied.dll"))));
    say_file(L"copied.dll");
    FreeLibrary(module);
    say("renamed: %s", worked(MoveFileW(at(L"copied.dll"), at(L"sub\\moved.dll"))));
    module = LoadLibraryW(at(L"sub\\moved.dll"));
    say("load: %d", module != NULL);
    if (module)
        FreeLibrary(module);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    say_section("a file of the host, only read and then changed");
    modes(L"readme.txt");
    say_section("untouched files");
    untouched();
    say_section("a copy");
    say("%s", worked(append(at(L"many\\00.txt"), "x")));
    modes(L"many\\00.txt");
    say_section("a new file");
    say("%s", worked(put(at(L"made.txt"), "made by this program")));
    modes(L"made.txt");
    say_section("locks");
    locks(L"many\\01.txt", GENERIC_READ | GENERIC_WRITE);
    locks(L"many\\00.txt", GENERIC_READ | GENERIC_WRITE);
    locks(L"made.txt", GENERIC_READ | GENERIC_WRITE);
    locks(L"many\\03.txt", GENERIC_READ);
    locks(L"many\\00.txt", GENERIC_READ);
    locks(L"made.txt", GENERIC_READ);
    locks(L"empty", GENERIC_READ);
    locks(L"many", GENERIC_READ);
    locks(L"many\\05.txt", FILE_READ_ATTRIBUTES);
    locks(L"many\\06.txt", GENERIC_EXECUTE);
    readers_and_writers(L"many\\07.txt", LOCKFILE_FAIL_IMMEDIATELY);
    readers_and_writers(L"many\\08.txt", LOCKFILE_FAIL_IMMEDIATELY | LOCKFILE_EXCLUSIVE_LOCK);
    say_section("mappings");
    mappings(L"many\\02.txt");
    mappings(L"big.bin");
    mappings(L"empty");
    mappings(L"made.txt");
    say_section("images");
    images();
    return 0;
}
