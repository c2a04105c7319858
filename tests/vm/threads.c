/* Eight threads create, write, rename and delete in one tree of the host at the same time, each on names of its own and all in
 * the same directories; what is left must be what the same steps leave one after the other. */
#include "../harness/show.h"

enum { THREADS = 8, ROUNDS = 40 };

static LONG failures;

static void expect(BOOL ok)
{
    if (!ok)
        InterlockedIncrement(&failures);
}

static void path_of(wchar_t *out, const wchar_t *format, unsigned thread, unsigned round)
{
    wchar_t name[128];
    swprintf(name, 128, format, thread, round);
    swprintf(out, UNITS, L"%ls\\%ls", top, name);
}

static DWORD WINAPI work(void *argument)
{
    unsigned thread = (unsigned)(ULONG_PTR)argument;
    wchar_t a[UNITS], b[UNITS], c[UNITS];
    path_of(c, L"tree\\of %u", thread, 0);
    expect(CreateDirectoryW(c, NULL));
    for (unsigned round = 0; round < ROUNDS; round++) {
        path_of(a, L"sub\\t%u-%u.txt", thread, round);
        path_of(b, L"tree\\of %u\\r%u.txt", thread, round);
        expect(put(a, "made"));
        expect(append(a, " and appended"));
        expect(MoveFileW(a, b));
        expect(GetFileAttributesW(a) == INVALID_FILE_ATTRIBUTES);
        expect(GetFileAttributesW(b) != INVALID_FILE_ATTRIBUTES);
        if (round % 2)
            expect(DeleteFileW(b));
        unsigned number = thread * 10 + round % 10; /* a file of the host, one each for ten rounds */
        path_of(a, L"many\\%02u.txt", number, 0);
        path_of(b, L"many\\%02u.moved", number, 0);
        switch (round / 10) {
        case 0:
            expect(append(a, "first"));
            break;
        case 1:
            expect(MoveFileW(a, b));
            break;
        case 2:
            expect(append(b, "second"));
            break;
        default:
            expect(number % 3 ? MoveFileW(b, a) : DeleteFileW(b));
        }
        path_of(a, L"dirs\\%02u", thread * 10 + round % 10, 0);
        path_of(b, L"dirs\\%02u.moved", thread * 10 + round % 10, 0);
        if (round / 10 == 0)
            expect(MoveFileW(a, b));
        if (round / 10 == 1)
            expect(MoveFileW(b, a));
    }
    return 0;
}

/* All want the same file: exactly one makes it, whatever the order. */
static LONG made, directories;

static DWORD WINAPI race(void *argument)
{
    (void)argument;
    for (unsigned round = 0; round < ROUNDS; round++) {
        wchar_t path[UNITS];
        path_of(path, L"dirs\\race %u%u", 0, round);
        HANDLE file = CreateFileW(path, GENERIC_WRITE, SHARE_ALL, NULL, CREATE_NEW, 0, NULL);
        if (file != INVALID_HANDLE_VALUE) {
            InterlockedIncrement(&made);
            CloseHandle(file);
        }
        path_of(path, L"dirs\\directory %u%u", 0, round);
        if (CreateDirectoryW(path, NULL))
            InterlockedIncrement(&directories);
    }
    return 0;
}

static DWORD WINAPI first_change(void *argument)
{
    unsigned thread = (unsigned)(ULONG_PTR)argument;
    wchar_t path[UNITS];
    char text[8];
    snprintf(text, sizeof(text), "<%u>", thread);
    path_of(path, L"big.bin", 0, 0); /* all copy the same large file up, and each writes behind its end */
    HANDLE file = CreateFileW(path, GENERIC_WRITE, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    OVERLAPPED at_own = {.Offset = 4000000 + thread * 8};
    DWORD written;
    expect(WriteFile(file, text, 3, &written, &at_own));
    CloseHandle(file);
    path_of(path, L"sub\\deeper\\still deeper\\%u.txt", thread, 0);
    expect(put(path, text));
    return 0;
}

static void run(DWORD(WINAPI *function)(void *))
{
    HANDLE threads[THREADS];
    for (ULONG_PTR i = 0; i < THREADS; i++)
        threads[i] = CreateThread(NULL, 0, function, (void *)i, 0, NULL);
    say("wait %lu", WaitForMultipleObjects(THREADS, threads, TRUE, 60000));
    for (unsigned i = 0; i < THREADS; i++)
        CloseHandle(threads[i]);
    say("failures %ld", failures);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    say_section("the same first change");
    run(first_change);
    say_file(L"big.bin");
    say_section("each its own");
    run(work);
    say_section("races");
    run(race);
    say("made %ld directories %ld", made, directories);
    say_section("all");
    say_tree(top);
    return 0;
}
