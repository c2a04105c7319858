/* A tree of processes, 32-bit and 64-bit in turns: each leaves its marks and starts the next, in the way that is asked for.
 *   tree HOW DEPTH DIRECTORY OWN OTHER    OWN, OTHER: this program's file, and that of the other kind
 * HOW: create, suspended, detached, breakaway, job, parent, user, batch, shell, system. The exit code is that of the last one. */
#include <windows.h>

#include <shellapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

enum { UNITS = 2048, LAST = 42 };

static void put(const wchar_t *path, const char *text);

/* The system calls this before the program's first instruction. */
static void NTAPI first_of_all(void *module, DWORD reason, void *reserved)
{
    (void)module;
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH)
        put(L"C:\\windows\\tree-first.txt", sizeof(void *) == 8 ? "64 bits\r\n" : "32 bits\r\n");
}

__attribute__((section(".CRT$XLF"), used)) static PIMAGE_TLS_CALLBACK const at_first = first_of_all;

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

static HANDLE by_create(wchar_t *line, DWORD flags, LPPROC_THREAD_ATTRIBUTE_LIST attributes, HANDLE token)
{
    STARTUPINFOEXW startup = {.StartupInfo.cb = attributes ? sizeof startup : sizeof startup.StartupInfo,
                              .lpAttributeList = attributes};
    PROCESS_INFORMATION process;
    if (attributes)
        flags |= EXTENDED_STARTUPINFO_PRESENT;
    BOOL made = token ? CreateProcessAsUserW(token, NULL, line, NULL, NULL, TRUE, flags, NULL, NULL,
                                             &startup.StartupInfo, &process)
                      : CreateProcessW(NULL, line, NULL, NULL, TRUE, flags, NULL, NULL, &startup.StartupInfo, &process);
    if (!made)
        return NULL;
    if (flags & CREATE_SUSPENDED) {
        Sleep(20);
        ResumeThread(process.hThread);
    }
    CloseHandle(process.hThread);
    return process.hProcess;
}

/* As the child of this process, which is named by a handle that was opened. */
static HANDLE by_parent(wchar_t *line)
{
    static ULONG_PTR memory[64];
    LPPROC_THREAD_ATTRIBUTE_LIST attributes = (void *)memory;
    SIZE_T size = sizeof memory;
    HANDLE parent = OpenProcess(PROCESS_ALL_ACCESS, FALSE, GetCurrentProcessId());
    if (!InitializeProcThreadAttributeList(attributes, 1, 0, &size) ||
        !UpdateProcThreadAttribute(attributes, 0, PROC_THREAD_ATTRIBUTE_PARENT_PROCESS, &parent, sizeof parent, NULL,
                                   NULL))
        return NULL;
    return by_create(line, 0, attributes, NULL);
}

/* A job of the program's own, which its child is to leave. */
static HANDLE by_job(wchar_t *line)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_BREAKAWAY_OK};
    HANDLE job = CreateJobObjectW(NULL, NULL);
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    if (!AssignProcessToJobObject(job, GetCurrentProcess()))
        printf("cannot enter a job: %lu\n", GetLastError());
    return by_create(line, CREATE_BREAKAWAY_FROM_JOB, NULL, NULL);
}

static HANDLE by_user(wchar_t *line)
{
    HANDLE token;
    return OpenProcessToken(GetCurrentProcess(), MAXIMUM_ALLOWED, &token) ? by_create(line, 0, NULL, token) : NULL;
}

static HANDLE by_batch(wchar_t *line, const wchar_t *directory, int depth)
{
    wchar_t path[UNITS];
    char text[UNITS];
    swprintf(path, UNITS, L"%ls\\run%d.bat", directory, depth);
    sprintf(text, "@%ls\r\n@exit %%errorlevel%%\r\n", line);
    put(path, text);
    return by_create(path, 0, NULL, NULL);
}

static HANDLE by_shell(const wchar_t *program, const wchar_t *arguments)
{
    SHELLEXECUTEINFOW info = {.cbSize = sizeof info,
                              .fMask = SEE_MASK_NOCLOSEPROCESS | SEE_MASK_FLAG_NO_UI | SEE_MASK_NO_CONSOLE,
                              .lpFile = program,
                              .lpParameters = arguments};
    return ShellExecuteExW(&info) ? info.hProcess : NULL;
}

static HANDLE start(const wchar_t *how, wchar_t *line, const wchar_t *program, const wchar_t *arguments,
                    const wchar_t *directory, int depth)
{
    static const struct {
        const wchar_t *how;
        DWORD flags;
    } flags[] = {{L"create", 0},
                 {L"suspended", CREATE_SUSPENDED},
                 {L"detached", DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP},
                 {L"breakaway", CREATE_BREAKAWAY_FROM_JOB}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (!wcscmp(how, flags[i].how))
            return by_create(line, flags[i].flags, NULL, NULL);
    if (!wcscmp(how, L"parent"))
        return by_parent(line);
    if (!wcscmp(how, L"job"))
        return by_job(line);
    if (!wcscmp(how, L"user"))
        return by_user(line);
    if (!wcscmp(how, L"batch"))
        return by_batch(line, directory, depth);
    return by_shell(program, arguments);
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
    HANDLE child = start(how, line, other, arguments, argv[3], depth);
    if (!child) {
        printf("cannot start %ls: %lu\n", other, GetLastError());
        return 1;
    }
    WaitForSingleObject(child, INFINITE);
    GetExitCodeProcess(child, &code);
    return (int)code;
}
