/* files run DIR: times, in seconds, of opening and closing a file, of reading and writing an open file, and of listing a
 * directory. DIR holds `file` and the directory `many`, which nobody has changed.
 * files wait: prints "ready" and waits for the end of standard input, so that its memory can be looked at. */
#include <windows.h>
#include <stdio.h>
#include <wchar.h>

#define OPENS 5000
#define TRANSFERS 10000
#define LISTS 15
#define BLOCK 4096
#define BLOCKS 64
#define PATH_UNITS 512

static double now(void)
{
    LARGE_INTEGER counter, frequency;
    QueryPerformanceCounter(&counter);
    QueryPerformanceFrequency(&frequency);
    return (double)counter.QuadPart / (double)frequency.QuadPart;
}

static HANDLE open_file(const wchar_t *path, DWORD access, DWORD disposition)
{
    HANDLE file = CreateFileW(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, disposition, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        fprintf(stderr, "files: cannot open %ls: error %lu\n", path, GetLastError());
        ExitProcess(1);
    }
    return file;
}

static double time_open(const wchar_t *path)
{
    double start = now();
    for (int i = 0; i < OPENS; i++)
        CloseHandle(open_file(path, GENERIC_READ, OPEN_EXISTING));
    return now() - start;
}

static double time_transfer(const wchar_t *path)
{
    static char block[BLOCK];
    DWORD done;
    HANDLE file = open_file(path, GENERIC_READ | GENERIC_WRITE, CREATE_ALWAYS);
    double start = now();
    for (int i = 0; i < TRANSFERS; i++) {
        SetFilePointer(file, (i / 2 % BLOCKS) * BLOCK, NULL, FILE_BEGIN);
        if (!(i % 2 ? ReadFile(file, block, BLOCK, &done, NULL) : WriteFile(file, block, BLOCK, &done, NULL)))
            ExitProcess(1);
    }
    double taken = now() - start;
    CloseHandle(file);
    return taken;
}

static double time_list(const wchar_t *pattern, unsigned *entries)
{
    WIN32_FIND_DATAW found;
    double start = now();
    for (int i = 0; i < LISTS; i++) {
        HANDLE search = FindFirstFileW(pattern, &found);
        if (search == INVALID_HANDLE_VALUE)
            ExitProcess(1);
        *entries = 1;
        while (FindNextFileW(search, &found))
            ++*entries;
        FindClose(search);
    }
    return now() - start;
}

int wmain(int argc, wchar_t **argv)
{
    wchar_t path[PATH_UNITS];
    unsigned entries;

    if (argc == 2) {
        puts("ready");
        fflush(stdout);
        return getchar() == EOF ? 0 : 1;
    }
    if (argc != 3)
        return 2;
    swprintf(path, PATH_UNITS, L"%ls\\file", argv[2]);
    printf("open %.6f\n", time_open(path));
    swprintf(path, PATH_UNITS, L"%ls\\scratch", argv[2]);
    printf("transfer %.6f\n", time_transfer(path));
    swprintf(path, PATH_UNITS, L"%ls\\many\\*", argv[2]);
    printf("list %.6f\n", time_list(path, &entries));
    printf("entries %u\n", entries);
    return 0;
}
