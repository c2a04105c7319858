/* writer change DIR COUNT: changes the files f0 to f<COUNT-1> of DIR, one way each, and prints a number when each change
 * is complete. Meant to be killed.
 * writer check DIR COUNT DONE: the first DONE changes must be there, the next one entirely or not at all, the rest not.
 * Exit code 0 when that is so. */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#define OLD_SIZE 65536u /* of each file at first: bytes 'o' */
#define PATH_UNITS 512
static const char added[] = "added at the end";

enum way { APPEND, RENAME, REMOVE, OVERWRITE, WAYS };

static void path_of(wchar_t *path, const wchar_t *directory, const wchar_t *kind, unsigned number)
{
    swprintf(path, PATH_UNITS, L"%ls\\%ls%u", directory, kind, number);
}

static BOOL change(const wchar_t *directory, unsigned number)
{
    wchar_t path[PATH_UNITS], other[PATH_UNITS];
    path_of(path, directory, L"f", number);
    path_of(other, directory, L"r", number);
    if (number % WAYS == RENAME)
        return MoveFileW(path, other);
    if (number % WAYS == REMOVE)
        return DeleteFileW(path);
    DWORD access = number % WAYS == APPEND ? FILE_APPEND_DATA : GENERIC_WRITE, put;
    DWORD disposition = number % WAYS == APPEND ? OPEN_EXISTING : CREATE_ALWAYS;
    HANDLE file = CreateFileW(path, access, FILE_SHARE_READ, NULL, disposition, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return FALSE;
    BOOL ok = WriteFile(file, added, sizeof added - 1, &put, NULL);
    return CloseHandle(file) && ok;
}

/* What a file is: its old content, that with the addition, the addition alone, empty, absent, or anything else. */
enum state { OLD, GROWN, NEW, EMPTY, ABSENT, TORN };

static enum state state_of(const wchar_t *path)
{
    static char data[OLD_SIZE + sizeof added + 1];
    DWORD size = 0, old;
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return GetLastError() == ERROR_FILE_NOT_FOUND ? ABSENT : TORN;
    BOOL ok = ReadFile(file, data, sizeof data, &size, NULL);
    CloseHandle(file);
    if (!ok)
        return TORN;
    if (size == 0)
        return EMPTY;
    if (size == sizeof added - 1 && memcmp(data, added, size) == 0)
        return NEW;
    for (old = 0; old < OLD_SIZE && old < size && data[old] == 'o';)
        old++;
    if (old != OLD_SIZE)
        return TORN;
    if (size == OLD_SIZE)
        return OLD;
    return size == OLD_SIZE + sizeof added - 1 && memcmp(data + OLD_SIZE, added, sizeof added - 1) == 0 ? GROWN : TORN;
}

static BOOL is_changed(const wchar_t *directory, unsigned number, BOOL *partly)
{
    static const enum state changed[WAYS] = {GROWN, ABSENT, ABSENT, NEW};
    wchar_t path[PATH_UNITS], other[PATH_UNITS];
    path_of(path, directory, L"f", number);
    path_of(other, directory, L"r", number);
    enum state here = state_of(path), there = state_of(other);
    enum state there_changed = number % WAYS == RENAME ? OLD : ABSENT;

    if (here == changed[number % WAYS] && there == there_changed)
        return TRUE;
    if (here == OLD && there == ABSENT)
        return FALSE;
    /* to overwrite is two steps for the program itself: empty, then write */
    if (number % WAYS == OVERWRITE && here == EMPTY && there == ABSENT)
        return FALSE;
    printf("%ls: neither old nor new (%d, %d)\n", path, here, there);
    *partly = TRUE;
    return FALSE;
}

int wmain(int argc, wchar_t **argv)
{
    if (argc < 4) {
        fputs("usage: writer change DIR COUNT | check DIR COUNT DONE\n", stderr);
        return 2;
    }
    unsigned count = (unsigned)wcstoul(argv[3], NULL, 10), wrong = 0;
    if (wcscmp(argv[1], L"change") == 0) {
        for (unsigned i = 0; i < count; i++) {
            if (!change(argv[2], i)) {
                fprintf(stderr, "change %u: error %lu\n", i, GetLastError());
                return 1;
            }
            printf("%u\n", i);
            fflush(stdout);
        }
        return 0;
    }
    unsigned done = argc > 4 ? (unsigned)wcstoul(argv[4], NULL, 10) : count;
    for (unsigned i = 0; i < count; i++) {
        BOOL partly = FALSE, changed = is_changed(argv[2], i, &partly);
        if (partly || (i < done && !changed) || (i > done && changed)) {
            printf("%u of %u done: file %u is %ls\n", done, count, i,
                   partly    ? L"torn"
                   : changed ? L"changed"
                             : L"unchanged");
            wrong++;
        }
    }
    printf("%u wrong\n", wrong);
    return wrong != 0;
}
