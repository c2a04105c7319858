/* Another thread puts a Unix program in the place of a VM's own program while that is started: between the layer's look at the file
 * and the system's, or between the two that Wine has. What ran outside left a file on the host. */
#include "try.h"

#define RACE_MS 1500

static char script[64];
static DWORD script_size;
static wchar_t place[UNITS], elsewhere[UNITS], third[UNITS]; /* directories */
static wchar_t program[UNITS], other[UNITS], spare[UNITS];
static wchar_t mark[UNITS];
static BYTE *content; /* of a Windows program */
static DWORD size;
static volatile BOOL stop;

static BOOL write_file(const wchar_t *name, const void *data, DWORD length)
{
    DWORD done = 0;
    HANDLE file = CreateFileW(name, GENERIC_WRITE, SHARE_ALL, NULL, CREATE_ALWAYS, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return FALSE;
    WriteFile(file, data, length, &done, NULL);
    CloseHandle(file);
    return done == length;
}

static const wchar_t *named(const wchar_t *name, int number)
{
    wchar_t text[UNITS];
    swprintf(text, UNITS, L"%ls%d", name, number);
    return at(text);
}

/* Everything has its own names for each technique. */
static void make_both(int number)
{
    script_size = (DWORD)sprintf(script, "#!/bin/sh\n: >escaped%d\nexit\n", number);
    wcscpy(mark, named(L"escaped", number));
    wcscpy(place, named(L"place", number));
    wcscpy(elsewhere, named(L"other", number));
    wcscpy(third, named(L"third", number));
    CreateDirectoryW(place, NULL);
    CreateDirectoryW(elsewhere, NULL);
    wcscpy(program, joined(place, L"\\program.exe"));
    wcscpy(other, joined(elsewhere, L"\\program.exe"));
    wcscpy(spare, joined(elsewhere, L"\\spare.exe"));
    write_file(program, content, size);
    write_file(other, script, script_size);
}

/* Each does one exchange, or one there and back. */

static void by_renaming(void)
{
    MoveFileExW(program, spare, MOVEFILE_REPLACE_EXISTING);
    MoveFileExW(other, program, MOVEFILE_REPLACE_EXISTING);
    MoveFileExW(program, other, MOVEFILE_REPLACE_EXISTING);
    MoveFileExW(spare, program, MOVEFILE_REPLACE_EXISTING);
}

static void by_renaming_directories(void)
{
    MoveFileW(place, third);
    MoveFileW(elsewhere, place);
    MoveFileW(place, elsewhere);
    MoveFileW(third, place);
}

static void by_writing(void)
{
    DWORD done;
    for (int i = 0; i < 2; i++) {
        HANDLE file = CreateFileW(program, GENERIC_WRITE, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
        WriteFile(file, i ? content : (const BYTE *)script, script_size, &done, NULL);
        CloseHandle(file);
    }
}

static void by_deleting(void)
{
    DeleteFileW(program);
    write_file(program, script, script_size);
    DeleteFileW(program);
    write_file(program, content, size);
}

static void by_linking(void)
{
    CreateHardLinkW(spare, program, NULL);
    DeleteFileW(program);
    CreateHardLinkW(program, other, NULL);
    DeleteFileW(program);
    CreateHardLinkW(program, spare, NULL);
    DeleteFileW(spare);
}

static BYTE *volatile view;

static void by_mapping(void)
{
    memcpy(view, script, script_size);
    Sleep(0);
    memcpy(view, content, script_size);
    Sleep(0);
}

static void map_program(void)
{
    HANDLE file = CreateFileW(program, GENERIC_READ | GENERIC_WRITE, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    HANDLE section = CreateFileMappingW(file, NULL, PAGE_READWRITE, 0, 0, NULL);
    view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
    CloseHandle(section);
    CloseHandle(file);
}

static DWORD WINAPI exchange(void *how)
{
    while (!stop)
        ((void (*)(void))how)();
    return 0;
}

static int run_program(void)
{
    PROCESS_INFORMATION process;
    STARTUPINFOW startup = {.cb = sizeof(startup)};
    if (!CreateProcessW(program, NULL, NULL, NULL, FALSE, 0, NULL, at(L""), &startup, &process))
        return 0;
    WaitForSingleObject(process.hProcess, 20000);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    return 1;
}

static void race(const char *technique, void (*how)(void), void (*begin_it)(void))
{
    static int number;
    make_both(++number);
    if (begin_it)
        begin_it();
    stop = FALSE;
    int ran = 0, tries = 0;
    HANDLE thread = CreateThread(NULL, 0, exchange, (void *)how, 0, NULL);
    for (DWORD start = GetTickCount(); GetTickCount() - start < RACE_MS; tries++)
        ran += run_program();
    stop = TRUE;
    WaitForSingleObject(thread, INFINITE);
    Sleep(200); /* a Unix program runs on its own */
    report(GetFileAttributesW(mark) != INVALID_FILE_ATTRIBUTES,
           "a Unix program put in place %s (started %d of %d times)", technique, ran, tries);
    if (view)
        UnmapViewOfFile(view);
    view = NULL;
}

int wmain(int argc, wchar_t **argv)
{
    if (argc < 2)
        return 0; /* the program that is started */
    begin(argc, argv);
    wchar_t self[UNITS];
    GetModuleFileNameW(NULL, self, UNITS);
    HANDLE file = CreateFileW(self, GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    size = GetFileSize(file, NULL);
    content = malloc(size);
    ReadFile(file, content, size, &size, NULL);
    CloseHandle(file);
    race("by renaming", by_renaming, NULL);
    race("by renaming directories", by_renaming_directories, NULL);
    race("by writing", by_writing, NULL);
    race("by deleting", by_deleting, NULL);
    race("by linking", by_linking, NULL);
    race("by mapping", by_mapping, map_program);
    return 0;
}
