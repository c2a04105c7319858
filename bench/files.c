/* files run DIR: for each line of standard input one line of times, in seconds, of opening and closing a file, of reading and
 * writing an open file, and of listing a directory. DIR holds `file` and the directory `many`, which nobody has changed.
 * files wait: prints "ready" and waits for the end of standard input, so that its memory can be looked at. */
#include <windows.h>
#include <stdio.h>
#include <wchar.h>

#define OPENS 1000
#define TRANSFERS 20000
#define LISTS 5
#define LINE 64
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

static void run(const wchar_t *directory)
{
    wchar_t path[PATH_UNITS];
    unsigned entries;
    swprintf(path, PATH_UNITS, L"%ls\\file", directory);
    printf("open %.6f", time_open(path));
    swprintf(path, PATH_UNITS, L"%ls\\scratch", directory);
    printf(" transfer %.6f", time_transfer(path));
    swprintf(path, PATH_UNITS, L"%ls\\many\\*", directory);
    printf(" list %.6f", time_list(path, &entries));
    printf(" entries %u\n", entries);
    fflush(stdout);
}

int wmain(int argc, wchar_t **argv)
{
    char line[LINE];
    if (argc == 2) {
        puts("ready");
        fflush(stdout);
        return getchar() == EOF ? 0 : 1;
    }
    if (argc != 3)
        return 2;
    while (fgets(line, LINE, stdin))
        run(argv[2]);
    return 0;
}
