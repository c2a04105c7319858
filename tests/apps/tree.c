/* A tree of processes, 32-bit and 64-bit in turns: each leaves its marks and starts the next, in the way that is asked for.
 *   tree HOW DEPTH DIRECTORY OWN OTHER    OWN, OTHER: this program's file, and that of the other kind
 * HOW: create, suspended, breakaway, shell, system. The exit code is that of the last one. */
#include <windows.h>

#include <shellapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

enum { UNITS = 2048, LAST = 42 };

static void put(const wchar_t *path, const char *text)
{
    DWORD written;
    HANDLE file = CreateFileW(path, FILE_APPEND_DATA, 7, NULL, OPEN_ALWAYS, 0, NULL);
    BOOL ok = file != INVALID_HANDLE_VALUE && WriteFile(file, text, (DWORD)strlen(text), &written, NULL);
    if (!ok)
        printf("cannot write %ls: %lu\n", path, GetLastError());
    CloseHandle(file);
}

/* In a file and a key of the host, in new ones, and where redirection leads. */
static void leave_marks(const wchar_t *how, const wchar_t *directory, int depth)
{
    wchar_t path[UNITS], name[64];
    char text[64];
    DWORD bits = 8 * sizeof(void *);
    HKEY key;
    sprintf(text, "%d: %lu bits\r\n", depth, bits);
    swprintf(path, UNITS, L"%ls\\common.log", directory);
    put(path, text);
    swprintf(path, UNITS, L"%ls\\level%d.txt", directory, depth);
    put(path, text);
    swprintf(path, UNITS, L"C:\\windows\\system32\\tree-%ls.txt", how);
    put(path, text);
    swprintf(path, UNITS, L"Software\\FVM-tree-%ls", how);
    swprintf(name, 64, L"level %d", depth);
    LSTATUS status = RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL);
    if (status || (status = RegSetValueExW(key, name, 0, REG_DWORD, (BYTE *)&bits, sizeof bits)))
        printf("cannot write the registry: %ld\n", status);
    printf("%s", text);
    fflush(stdout);
}

static HANDLE by_create(wchar_t *line, DWORD flags)
{
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    if (!CreateProcessW(NULL, line, NULL, NULL, TRUE, flags, NULL, NULL, &startup, &process))
        return NULL;
    if (flags & CREATE_SUSPENDED) {
        Sleep(20);
        ResumeThread(process.hThread);
    }
    CloseHandle(process.hThread);
    return process.hProcess;
}

static HANDLE by_shell(const wchar_t *program, const wchar_t *arguments)
{
    SHELLEXECUTEINFOW info = {.cbSize = sizeof info,
                              .fMask = SEE_MASK_NOCLOSEPROCESS | SEE_MASK_FLAG_NO_UI | SEE_MASK_NO_CONSOLE,
                              .lpFile = program,
                              .lpParameters = arguments};
    return ShellExecuteExW(&info) ? info.hProcess : NULL;
}

int wmain(int argc, wchar_t **argv)
{
    wchar_t arguments[UNITS], line[UNITS];
    DWORD code = LAST;
    if (argc != 6)
        return 2;
    const wchar_t *how = argv[1], *other = argv[5];
    int depth = _wtoi(argv[2]);
    leave_marks(how, argv[3], depth);
    if (depth == 1)
        return LAST;
    swprintf(arguments, UNITS, L"%ls %d %ls %ls %ls", how, depth - 1, argv[3], other, argv[4]);
    swprintf(line, UNITS, L"%ls %ls", other, arguments);
    if (!wcscmp(how, L"system"))
        return _wsystem(line);
    HANDLE child = !wcscmp(how, L"shell") ? by_shell(other, arguments)
                                          : by_create(line, !wcscmp(how, L"suspended")   ? CREATE_SUSPENDED
                                                            : !wcscmp(how, L"breakaway") ? CREATE_BREAKAWAY_FROM_JOB
                                                                                         : 0);
    if (!child) {
        printf("cannot start %ls: %lu\n", other, GetLastError());
        return 1;
    }
    WaitForSingleObject(child, INFINITE);
    GetExitCodeProcess(child, &code);
    return (int)code;
}
