/* What processes of one VM share beyond memory and handles: views of sections, tokens, jobs, timers, and keyed events by name. */
#include "native_objects.h"

NTSTATUS NTAPI NtMapViewOfSection(HANDLE, HANDLE, void **, ULONG_PTR, SIZE_T, LARGE_INTEGER *, SIZE_T *, int, ULONG,
                                  ULONG);
NTSTATUS NTAPI NtSetInformationThread(HANDLE, THREADINFOCLASS, void *, ULONG);
NTSTATUS NTAPI NtUnmapViewOfSection(HANDLE, void *);
NTSTATUS NTAPI NtWaitForKeyedEvent(HANDLE, const void *, BOOLEAN, const LARGE_INTEGER *);
NTSTATUS NTAPI NtReleaseKeyedEvent(HANDLE, const void *, BOOLEAN, const LARGE_INTEGER *);

enum { PROCESS_ACCESS_TOKEN = 9, THREAD_IMPERSONATION_TOKEN = 5 };

static void win32(const char *what, BOOL ok)
{
    printf("%s: %d %lu\n", what, ok != 0, ok ? 0 : GetLastError());
}

static PROCESS_INFORMATION start(DWORD flags)
{
    char path[MAX_PATH], command[MAX_PATH + 64];
    STARTUPINFOA si = {.cb = sizeof(si)};
    PROCESS_INFORMATION pi = {0};
    GetModuleFileNameA(NULL, path, sizeof(path));
    snprintf(command, sizeof(command), "\"%s\" wait wait", path);
    win32("start", CreateProcessA(path, command, NULL, NULL, FALSE, flags, NULL, NULL, &si, &pi));
    return pi;
}

static void stop(PROCESS_INFORMATION *pi)
{
    TerminateProcess(pi->hProcess, 7);
    WaitForSingleObject(pi->hProcess, INFINITE);
    CloseHandle(pi->hThread);
    CloseHandle(pi->hProcess);
}

static void views(void)
{
    PROCESS_INFORMATION pi = start(CREATE_SUSPENDED);
    LARGE_INTEGER size = {.QuadPart = 8192};
    struct named n;
    HANDLE section = NULL, again = NULL, limited;
    char *own = NULL, text[16] = {0};
    void *there = NULL;
    SIZE_T length = 0, done;
    step("section", NtCreateSection(&section, SECTION_ALL_ACCESS, named(&n, NULL, L"\\BaseNamedObjects\\fvm-view", 0),
                                    &size, PAGE_READWRITE, SEC_COMMIT, NULL));
    step("own view",
         NtMapViewOfSection(section, GetCurrentProcess(), (void **)&own, 0, 0, NULL, &length, 1, 0, PAGE_READWRITE));
    length = 0;
    step("view there", NtMapViewOfSection(section, pi.hProcess, &there, 0, 0, NULL, &length, 2, 0, PAGE_READWRITE));
    printf("length %lu\n", (ULONG)length);
    strcpy(own, "from here");
    win32("read there", ReadProcessMemory(pi.hProcess, there, text, sizeof(text), &done));
    printf("%s\n", text);
    win32("write there", WriteProcessMemory(pi.hProcess, there, "from there", 11, &done));
    printf("%s\n", own);
    step("unmap there", NtUnmapViewOfSection(pi.hProcess, there));
    win32("read there", ReadProcessMemory(pi.hProcess, there, text, sizeof(text), &done));
    step("open", NtOpenSection(&again, SECTION_MAP_READ, named(&n, NULL, L"\\BaseNamedObjects\\fvm-view", 0)));
    there = NULL;
    length = 0;
    step("to write by a reader's handle",
         NtMapViewOfSection(again, pi.hProcess, &there, 0, 0, NULL, &length, 2, 0, PAGE_READWRITE));
    there = NULL;
    step("to read", NtMapViewOfSection(again, pi.hProcess, &there, 0, 0, NULL, &length, 2, 0, PAGE_READONLY));
    limited = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pi.dwProcessId);
    there = NULL;
    step("without the right", NtMapViewOfSection(section, limited, &there, 0, 0, NULL, &length, 2, 0, PAGE_READONLY));
    step("into no process",
         NtMapViewOfSection(section, (HANDLE)(ULONG_PTR)0x7770, &there, 0, 0, NULL, &length, 2, 0, PAGE_READONLY));
    CloseHandle(limited);
    CloseHandle(again);
    CloseHandle(section);
    stop(&pi);
}

static void show_thread_token(HANDLE thread)
{
    HANDLE token = NULL;
    DWORD level = 99, size;
    win32("token of the thread", OpenThreadToken(thread, TOKEN_QUERY, TRUE, &token));
    if (token)
        GetTokenInformation(token, TokenImpersonationLevel, &level, sizeof(level), &size);
    printf("level %lu\n", level);
    CloseHandle(token);
}

static void tokens(void)
{
    static const SECURITY_IMPERSONATION_LEVEL levels[] = {SecurityAnonymous, SecurityIdentification,
                                                          SecurityImpersonation, SecurityDelegation};
    PROCESS_INFORMATION pi = start(CREATE_SUSPENDED);
    HANDLE token = NULL, copy = NULL, none = NULL;
    win32("token of the child", OpenProcessToken(pi.hProcess, TOKEN_ALL_ACCESS, &token));
    for (unsigned i = 0; i < 4; i++) {
        win32("duplicate", DuplicateTokenEx(token, TOKEN_ALL_ACCESS, NULL, levels[i], TokenImpersonation, &copy));
        step("thread of the child",
             NtSetInformationThread(pi.hThread, (THREADINFOCLASS)THREAD_IMPERSONATION_TOKEN, &copy, sizeof(copy)));
        show_thread_token(pi.hThread);
        HANDLE self = GetCurrentThread();
        win32("own thread", SetThreadToken(&self, copy));
        show_thread_token(self);
        RevertToSelf();
        CloseHandle(copy);
    }
    step("no token",
         NtSetInformationThread(pi.hThread, (THREADINFOCLASS)THREAD_IMPERSONATION_TOKEN, &none, sizeof(none)));
    show_thread_token(pi.hThread);
    win32("primary", DuplicateTokenEx(token, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation, TokenPrimary, &copy));
    struct {
        HANDLE token, thread;
    } primary = {copy, pi.hThread};
    step("token of the child",
         NtSetInformationProcess(pi.hProcess, (PROCESSINFOCLASS)PROCESS_ACCESS_TOKEN, &primary, sizeof(primary)));
    step("token of nobody", NtSetInformationProcess((HANDLE)(ULONG_PTR)0x7770, (PROCESSINFOCLASS)PROCESS_ACCESS_TOKEN,
                                                    &primary, sizeof(primary)));
    CloseHandle(copy);
    CloseHandle(token);
    stop(&pi);
}

static void jobs(void)
{
    PROCESS_INFORMATION pi = start(CREATE_SUSPENDED);
    HANDLE job = CreateJobObjectW(NULL, L"fvm-named-job");
    printf("created: %lu\n", GetLastError());
    HANDLE same = OpenJobObjectW(JOB_OBJECT_ALL_ACCESS, FALSE, L"Local\\fvm-named-job");
    win32("open", same != NULL);
    win32("assign", AssignProcessToJobObject(same, pi.hProcess));
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION counts;
    memset(&counts, 0, sizeof(counts));
    win32("ask", QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &counts, sizeof(counts), NULL));
    printf("%lu of %lu\n", counts.ActiveProcesses, counts.TotalProcesses);
    win32("end them", TerminateJobObject(job, 9));
    DWORD code = 0;
    WaitForSingleObject(pi.hProcess, INFINITE);
    GetExitCodeProcess(pi.hProcess, &code);
    printf("exit code %lu\n", code);
    win32("end by a reader's handle", TerminateJobObject(OpenJobObjectW(JOB_OBJECT_QUERY, FALSE, L"fvm-named-job"), 1));
    CloseHandle(same);
    CloseHandle(job);
    stop(&pi);
}

static void timers(void)
{
    HANDLE timer = CreateWaitableTimerW(NULL, TRUE, L"fvm-named-timer");
    HANDLE same = OpenWaitableTimerW(TIMER_ALL_ACCESS, FALSE, L"Local\\fvm-named-timer");
    LARGE_INTEGER soon = {.QuadPart = -200000}, late = {.QuadPart = -100000000};
    win32("open", same != NULL);
    win32("set", SetWaitableTimer(same, &late, 0, NULL, NULL, FALSE));
    printf("not yet: %lu\n", WaitForSingleObject(timer, 20));
    win32("cancel", CancelWaitableTimer(timer));
    win32("set", SetWaitableTimer(timer, &soon, 0, NULL, NULL, FALSE));
    printf("now: %lu\n", WaitForSingleObject(same, 5000));
    printf("still: %lu\n", WaitForSingleObject(timer, 0));
    HANDLE reader = OpenWaitableTimerW(SYNCHRONIZE, FALSE, L"fvm-named-timer");
    win32("set by a reader's handle", SetWaitableTimer(reader, &soon, 0, NULL, NULL, FALSE));
    CloseHandle(reader);
    CloseHandle(same);
    CloseHandle(timer);
}

static DWORD WINAPI release(void *event)
{
    return (DWORD)NtReleaseKeyedEvent(event, (void *)(ULONG_PTR)8, FALSE, NULL);
}

static void keyed_events(void)
{
    struct named n;
    HANDLE event, same;
    LARGE_INTEGER soon = {.QuadPart = -200000};
    DWORD code = 1;
    step("create",
         NtCreateKeyedEvent(&event, MAXIMUM_ALLOWED, named(&n, NULL, L"\\BaseNamedObjects\\fvm-keyed", 0), 0));
    step("open", NtOpenKeyedEvent(&same, MAXIMUM_ALLOWED, named(&n, NULL, L"\\BaseNamedObjects\\fvm-keyed", 0)));
    step("nobody releases", NtWaitForKeyedEvent(same, (void *)(ULONG_PTR)8, FALSE, &soon));
    step("nobody waits", NtReleaseKeyedEvent(same, (void *)(ULONG_PTR)8, FALSE, &soon));
    HANDLE thread = CreateThread(NULL, 0, release, event, 0, NULL);
    step("wait", NtWaitForKeyedEvent(same, (void *)(ULONG_PTR)8, FALSE, NULL));
    WaitForSingleObject(thread, INFINITE);
    GetExitCodeThread(thread, &code);
    step("release", (NTSTATUS)code);
    step("odd key", NtWaitForKeyedEvent(same, (void *)(ULONG_PTR)7, FALSE, &soon));
    CloseHandle(same);
    CloseHandle(event);
}

int main(int argc, char **argv)
{
    if (argc > 2 && !strcmp(argv[1], "wait")) {
        Sleep(INFINITE);
        return 0;
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    views();
    tokens();
    jobs();
    timers();
    keyed_events();
    return argc < 1;
}
