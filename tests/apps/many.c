/* many make DIR FIRST COUNT: changes the files f<FIRST>.. below DIR, one after the other, and makes g<FIRST>.. beside them;
 * number n is in DIR\<n/50>: Wine looks through a whole directory for a name that is not there.
 * many check DIR COUNT: says how many of f0..f<COUNT-1> are changed, and how many g there are; then waits for a line on its
 * standard input. */
#include <windows.h>
#include <stdio.h>
#include <wchar.h>

#define PATH_UNITS 512

static HANDLE open_one(const wchar_t *directory, const wchar_t *kind, int number, DWORD access, DWORD disposition)
{
    wchar_t path[PATH_UNITS];
    swprintf(path, PATH_UNITS, L"%ls\\%d\\%ls%d with a name that takes up room in the map of changes", directory,
             number / 50, kind, number);
    return CreateFileW(path, access, FILE_SHARE_READ, NULL, disposition, 0, NULL);
}

static BOOL change(const wchar_t *directory, const wchar_t *kind, int number, DWORD disposition)
{
    DWORD put;
    HANDLE file = open_one(directory, kind, number, GENERIC_WRITE, disposition);
    if (file == INVALID_HANDLE_VALUE)
        return FALSE;
    BOOL ok = WriteFile(file, "new", 3, &put, NULL);
    return CloseHandle(file) && ok;
}

static BOOL is_new(const wchar_t *directory, const wchar_t *kind, int number)
{
    char text[4] = "";
    DWORD got = 0;
    HANDLE file = open_one(directory, kind, number, GENERIC_READ, OPEN_EXISTING);
    if (file == INVALID_HANDLE_VALUE)
        return FALSE;
    ReadFile(file, text, 3, &got, NULL);
    CloseHandle(file);
    return got == 3 && memcmp(text, "new", 3) == 0;
}

int wmain(int argc, wchar_t **argv)
{
    if (argc == 5 && wcscmp(argv[1], L"make") == 0) {
        int first = _wtoi(argv[3]);
        for (int i = first; i < first + _wtoi(argv[4]); i++)
            if (!change(argv[2], L"f", i, OPEN_EXISTING) || !change(argv[2], L"g", i, CREATE_NEW)) {
                printf("file %d: error %lu\n", i, GetLastError());
                return 1;
            }
        return 0;
    }
    if (argc != 4)
        return 2;
    int changed = 0, made = 0;
    for (int i = 0; i < _wtoi(argv[3]); i++) {
        changed += is_new(argv[2], L"f", i);
        made += is_new(argv[2], L"g", i);
    }
    printf("%d changed, %d made\n", changed, made);
    fflush(stdout);
    getchar();
    return 0;
}
