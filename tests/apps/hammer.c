/* hammer spawn DIR PROCESSES: PROCESSES processes of THREADS threads work in one directory at once. Each thread has files
 * of its own, whose fate is known; all append to one file that was there before, and fight for a few names.
 * hammer verify DIR PROCESSES: everything must have come out right.
 * hammer same DIR TAG: writes the same few files over and over and must always read back what it wrote.
 *
 * Prints "wrong: ..." for each thing that is not as it must be; exit code 0 when there is none. */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#define THREADS 16
#define ROUNDS 10
#define CONTESTED 7
#define PROCESSES_MAX 32
#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define PATH_UNITS 512

static const wchar_t *directory;
static unsigned process_index;
static LONG wrong;

static void is_wrong(const wchar_t *what, const wchar_t *path)
{
    DWORD error = GetLastError();
    InterlockedIncrement(&wrong);
    printf("wrong: %ls: %ls (error %lu)\n", what, path, error);
    fflush(stdout);
}

static void path_of(wchar_t *path, const wchar_t *kind, unsigned process, unsigned thread, unsigned round)
{
    swprintf(path, PATH_UNITS, L"%ls\\%ls-%u-%u-%u.txt", directory, kind, process, thread, round);
}

static DWORD read_file(const wchar_t *path, char *data, DWORD size)
{
    DWORD got = 0;
    HANDLE file = CreateFileW(path, GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return (DWORD)-1;
    if (!ReadFile(file, data, size, &got, NULL))
        got = (DWORD)-1;
    CloseHandle(file);
    return got;
}

static BOOL write_file(const wchar_t *path, DWORD access, DWORD disposition, const char *data, DWORD size)
{
    DWORD put = 0;
    HANDLE file = CreateFileW(path, access, SHARE_ALL, NULL, disposition, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return FALSE;
    BOOL ok = WriteFile(file, data, size, &put, NULL) && put == size;
    CloseHandle(file);
    return ok;
}

/* Under a lock: Wine appends in two steps, so that two writers can hit the same place. */
static BOOL append_to_file(const wchar_t *path, const char *data, DWORD size)
{
    OVERLAPPED whole = {0};
    DWORD put = 0;
    HANDLE file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return FALSE;
    BOOL ok = LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK, 0, MAXDWORD, MAXDWORD, &whole);
    if (ok) {
        ok = SetFilePointer(file, 0, NULL, FILE_END) != INVALID_SET_FILE_POINTER &&
             WriteFile(file, data, size, &put, NULL) && put == size;
        UnlockFileEx(file, 0, MAXDWORD, MAXDWORD, &whole);
    }
    CloseHandle(file);
    return ok;
}

static unsigned count_kept(unsigned thread)
{
    wchar_t pattern[PATH_UNITS];
    WIN32_FIND_DATAW found;
    unsigned count = 0;

    swprintf(pattern, PATH_UNITS, L"%ls\\kept-%u-%u-*", directory, process_index, thread);
    HANDLE search = FindFirstFileW(pattern, &found);
    if (search == INVALID_HANDLE_VALUE)
        return 0;
    do
        count++;
    while (FindNextFileW(search, &found));
    FindClose(search);
    return count;
}

static void fight(unsigned *random)
{
    wchar_t path[PATH_UNITS], other[PATH_UNITS];

    *random = *random * 1103515245u + 12345u;
    swprintf(path, PATH_UNITS, L"%ls\\contested-%u.txt", directory, (*random >> 16) % CONTESTED);
    swprintf(other, PATH_UNITS, L"%ls\\contested-%u.txt", directory, (*random >> 20) % CONTESTED);
    switch ((*random >> 8) % 4) {
    case 0:
        write_file(path, GENERIC_WRITE, CREATE_ALWAYS, "x", 1);
        break;
    case 1:
        write_file(path, GENERIC_WRITE, OPEN_EXISTING, "y", 1);
        break;
    case 2:
        DeleteFileW(path);
        break;
    default:
        MoveFileExW(path, other, MOVEFILE_REPLACE_EXISTING);
        break;
    }
}

static DWORD WINAPI work(void *parameter)
{
    unsigned thread = (unsigned)(uintptr_t)parameter, random = process_index * 1000 + thread, kept = 0;
    wchar_t made[PATH_UNITS], name[PATH_UNITS], shared[PATH_UNITS], stable[PATH_UNITS];
    char line[64], back[64];

    swprintf(shared, PATH_UNITS, L"%ls\\shared.log", directory);
    swprintf(stable, PATH_UNITS, L"%ls\\stable.txt", directory);
    for (unsigned round = 0; round < ROUNDS; round++) {
        int size = snprintf(line, sizeof line, "%u-%u-%u\n", process_index, thread, round);
        path_of(made, L"made", process_index, thread, round);
        path_of(name, L"kept", process_index, thread, round);
        if (!write_file(made, GENERIC_WRITE, CREATE_NEW, line, (DWORD)size))
            is_wrong(L"create", made);
        if (!MoveFileW(made, name))
            is_wrong(L"rename", made);
        if (read_file(name, back, sizeof back) != (DWORD)size || memcmp(back, line, (size_t)size) != 0)
            is_wrong(L"read back", name);
        if (round % 2 == 0)
            kept++;
        else if (!DeleteFileW(name))
            is_wrong(L"delete", name);
        if (!append_to_file(shared, line, (DWORD)size))
            is_wrong(L"append", shared);
        if (read_file(stable, back, sizeof back) != 6 || memcmp(back, "stable", 6) != 0)
            is_wrong(L"read the host's file", stable);
        if (count_kept(thread) != kept)
            is_wrong(L"list", name);
        fight(&random);
    }
    return 0;
}

static int run(void)
{
    HANDLE threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        threads[i] = CreateThread(NULL, 0, work, (void *)(uintptr_t)i, 0, NULL);
    WaitForMultipleObjects(THREADS, threads, TRUE, INFINITE);
    return wrong != 0;
}

static int spawn(const wchar_t *program, unsigned processes)
{
    HANDLE children[PROCESSES_MAX];
    unsigned failed = 0;

    for (unsigned i = 0; i < processes; i++) {
        wchar_t command[2 * PATH_UNITS];
        STARTUPINFOW startup = {.cb = sizeof startup};
        PROCESS_INFORMATION child;
        swprintf(command, 2 * PATH_UNITS, L"\"%ls\" run \"%ls\" %u", program, directory, i);
        if (!CreateProcessW(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child)) {
            is_wrong(L"start", command);
            return 1;
        }
        CloseHandle(child.hThread);
        children[i] = child.hProcess;
    }
    for (unsigned i = 0; i < processes; i++) {
        DWORD code = 1;
        WaitForSingleObject(children[i], INFINITE);
        GetExitCodeProcess(children[i], &code);
        failed += code != 0;
    }
    printf("%u processes, %u failed\n", processes, failed);
    return failed != 0;
}

static int verify(unsigned processes)
{
    static char log[1 << 20], back[64], line[64];
    wchar_t path[PATH_UNITS];

    swprintf(path, PATH_UNITS, L"%ls\\shared.log", directory);
    DWORD size = read_file(path, log, sizeof log - 1);
    if (size == (DWORD)-1) {
        is_wrong(L"read", path);
        size = 0;
    }
    unsigned lines = 0;
    for (DWORD i = 0; i < size; i++)
        lines += log[i] == '\n';
    if (strncmp(log, "host\n", 5) != 0 || lines != 1 + processes * THREADS * ROUNDS)
        is_wrong(L"number of lines appended", path);

    for (unsigned p = 0; p < processes; p++) {
        for (unsigned t = 0; t < THREADS; t++) {
            for (unsigned r = 0; r < ROUNDS; r++) {
                int line_size = snprintf(line, sizeof line, "\n%u-%u-%u\n", p, t, r);
                if (strstr(log, line) == NULL)
                    is_wrong(L"a line is missing", path);
                path_of(path, L"kept", p, t, r);
                DWORD expected = r % 2 == 0 ? (DWORD)line_size - 1 : (DWORD)-1;
                if (read_file(path, back, sizeof back) != expected)
                    is_wrong(L"fate of", path);
                path_of(path, L"made", p, t, r);
                if (GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES)
                    is_wrong(L"still there", path);
            }
        }
    }
    printf("%u lines\n", lines);
    return wrong != 0;
}

static int same(const wchar_t *tag)
{
    static const DWORD dispositions[] = {CREATE_ALWAYS, OPEN_ALWAYS, TRUNCATE_EXISTING};
    wchar_t path[PATH_UNITS];
    char text[64], back[64];

    /* all texts are of one length: whoever does not truncate still overwrites all of another's */
    for (unsigned round = 0; round < 200; round++) {
        int size = snprintf(text, sizeof text, "%-8ls %06u", tag, round);
        swprintf(path, PATH_UNITS, L"%ls\\same-%u.txt", directory, round % 8);
        if (!write_file(path, GENERIC_WRITE, dispositions[round % 3], text, (DWORD)size))
            is_wrong(L"write", path);
        if (read_file(path, back, sizeof back) != (DWORD)size || memcmp(back, text, (size_t)size) != 0)
            is_wrong(L"another's text in", path);
    }
    printf("%ls done\n", tag);
    return wrong != 0;
}

int wmain(int argc, wchar_t **argv)
{
    if (argc < 4) {
        fputs("usage: hammer spawn|verify|same|run DIR PROCESSES|TAG|INDEX\n", stderr);
        return 2;
    }
    directory = argv[2];
    unsigned number = (unsigned)wcstoul(argv[3], NULL, 10);
    if (wcscmp(argv[1], L"same") == 0)
        return same(argv[3]);
    if (wcscmp(argv[1], L"run") == 0) {
        process_index = number;
        return run();
    }
    if (number == 0 || number > PROCESSES_MAX)
        return 2;
    return wcscmp(argv[1], L"spawn") == 0 ? spawn(argv[0], number) : verify(number);
}
