/* What processes of one VM do with each other: everything, with the same results as without a VM. */
#include "native_objects.h"

#include <tlhelp32.h>

NTSTATUS NTAPI NtIsProcessInJob(HANDLE, HANDLE);

static volatile LONG ran;

static void win32(const char *what, BOOL ok)
{
    printf("%s: %d %lu\n", what, ok != 0, ok ? 0 : GetLastError());
}

static DWORD WINAPI child_thread(void *value)
{
    return (DWORD)(ULONG_PTR)value + 1;
}

static void CALLBACK apc(ULONG_PTR value)
{
    ran = (LONG)value;
}

static PROCESS_INFORMATION start(const char *role, DWORD flags)
{
    char path[MAX_PATH], command[MAX_PATH + 64];
    STARTUPINFOA si = {.cb = sizeof(si)};
    PROCESS_INFORMATION pi = {0};
    GetModuleFileNameA(NULL, path, sizeof(path));
    snprintf(command, sizeof(command), "\"%s\" %s", path, role);
    win32(role, CreateProcessA(path, command, NULL, NULL, FALSE, flags, NULL, NULL, &si, &pi));
    return pi;
}

static void stop(PROCESS_INFORMATION *pi)
{
    win32("terminate", TerminateProcess(pi->hProcess, 7));
    WaitForSingleObject(pi->hProcess, INFINITE);
    DWORD code = 0;
    GetExitCodeProcess(pi->hProcess, &code);
    printf("exit code %lu\n", code);
    HANDLE again = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pi->dwProcessId);
    win32("open an ended one", again != NULL);
    CloseHandle(again);
    CloseHandle(pi->hThread);
    CloseHandle(pi->hProcess);
}

static void opened(const char *what, HANDLE h)
{
    PUBLIC_OBJECT_BASIC_INFORMATION basic = {0};
    DWORD flags = 99;
    win32(what, h != NULL);
    NtQueryObject(h, ObjectBasicInformation, &basic, sizeof(basic), NULL);
    GetHandleInformation(h, &flags);
    printf("access %lx flags %lx\n", basic.GrantedAccess, flags);
    CloseHandle(h);
}

static void rights(void)
{
    static const DWORD access[] = {PROCESS_ALL_ACCESS,
                                   PROCESS_TERMINATE,
                                   PROCESS_VM_READ,
                                   PROCESS_VM_WRITE,
                                   PROCESS_CREATE_THREAD,
                                   PROCESS_DUP_HANDLE,
                                   PROCESS_SUSPEND_RESUME,
                                   PROCESS_CREATE_PROCESS,
                                   PROCESS_QUERY_INFORMATION,
                                   PROCESS_QUERY_LIMITED_INFORMATION,
                                   SYNCHRONIZE};
    PROCESS_INFORMATION pi = start("wait", 0);
    for (unsigned i = 0; i < sizeof(access) / sizeof(access[0]); i++) {
        opened("open", OpenProcess(access[i], FALSE, pi.dwProcessId));
        opened("open thread",
               OpenThread(access[i] == PROCESS_ALL_ACCESS ? THREAD_ALL_ACCESS : access[i], FALSE, pi.dwThreadId));
    }
    opened("open to inherit", OpenProcess(PROCESS_QUERY_INFORMATION, TRUE, pi.dwProcessId));
    opened("open thread to inherit", OpenThread(THREAD_QUERY_INFORMATION, TRUE, pi.dwThreadId));
    HANDLE none = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, 0xfff0);
    win32("open none", none != NULL);
    none = OpenThread(THREAD_QUERY_INFORMATION, FALSE, 0xfff0);
    win32("open no thread", none != NULL);
    stop(&pi);
}

static void memory(void)
{
    PROCESS_INFORMATION pi = start("wait", 0);
    HANDLE h = OpenProcess(PROCESS_ALL_ACCESS, FALSE, pi.dwProcessId), thread, event, there = NULL, back = NULL;
    char text[16] = {0};
    SIZE_T done;
    void *at = VirtualAllocEx(h, NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    win32("allocate", at != NULL);
    win32("write", WriteProcessMemory(h, at, "through", 8, &done));
    win32("read", ReadProcessMemory(h, at, text, 8, &done));
    printf("%s\n", text);
    thread = CreateRemoteThread(h, NULL, 0, child_thread, (void *)41, 0, NULL);
    win32("thread", thread != NULL);
    WaitForSingleObject(thread, 5000);
    DWORD code = 0;
    GetExitCodeThread(thread, &code);
    printf("thread returned %lu\n", code);
    event = CreateEventA(NULL, FALSE, FALSE, NULL);
    win32("duplicate into", DuplicateHandle(GetCurrentProcess(), event, h, &there, 0, FALSE, DUPLICATE_SAME_ACCESS));
    win32("duplicate back", DuplicateHandle(h, there, GetCurrentProcess(), &back, 0, FALSE, DUPLICATE_SAME_ACCESS));
    SetEvent(back);
    printf("same event: %lu\n", WaitForSingleObject(event, 0));
    win32("suspend", SuspendThread(pi.hThread) != (DWORD)-1);
    win32("resume", ResumeThread(pi.hThread) != (DWORD)-1);
    win32("queue an APC", QueueUserAPC(apc, pi.hThread, 5));
    stop(&pi);
}

static void jobs(void)
{
    BOOL in = 2;
    PROCESS_INFORMATION pi = start("wait", CREATE_SUSPENDED);
    win32("own in a job", IsProcessInJob(GetCurrentProcess(), NULL, &in));
    printf("%d\n", in);
    win32("child in a job", IsProcessInJob(pi.hProcess, NULL, &in));
    printf("%d\n", in);
    HANDLE job = CreateJobObjectA(NULL, NULL);
    win32("assign", AssignProcessToJobObject(job, pi.hProcess));
    win32("child in a job", IsProcessInJob(pi.hProcess, NULL, &in));
    printf("%d\n", in);
    win32("child in this job", IsProcessInJob(pi.hProcess, job, &in));
    printf("%d\n", in);
    win32("own in this job", IsProcessInJob(GetCurrentProcess(), job, &in));
    printf("%d\n", in);
    stop(&pi);
    CloseHandle(job);
    pi = start("wait", CREATE_BREAKAWAY_FROM_JOB);
    stop(&pi);
}

static void debugging(void)
{
    PROCESS_INFORMATION pi = start("wait", 0);
    DEBUG_EVENT event;
    win32("debug", DebugActiveProcess(pi.dwProcessId));
    win32("event", WaitForDebugEvent(&event, 5000));
    printf("%lu\n", event.dwDebugEventCode);
    win32("stop debugging", DebugActiveProcessStop(pi.dwProcessId));
    stop(&pi);
}

static void listing(void)
{
    PROCESS_INFORMATION pi = start("wait", 0);
    PROCESSENTRY32 entry = {.dwSize = sizeof(entry)};
    BOOL self = FALSE, child = FALSE, parent = FALSE, services = FALSE;
    HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    for (BOOL more = Process32First(list, &entry); more; more = Process32Next(list, &entry)) {
        self |= entry.th32ProcessID == GetCurrentProcessId();
        services |= !_stricmp(entry.szExeFile, "services.exe");
        if (entry.th32ProcessID == pi.dwProcessId) {
            child = TRUE;
            parent = entry.th32ParentProcessID == GetCurrentProcessId();
            printf("%s %lu\n", entry.szExeFile, entry.cntThreads);
        }
    }
    printf("self %d child %d parent %d services %d\n", self, child, parent, services);
    stop(&pi);
    ULONG length = 0;
    step("list, no room", NtQuerySystemInformation(SystemProcessInformation, NULL, 0, &length));
    step("list, bad pointer", NtQuerySystemInformation(SystemBasicInformation, NULL, 0, &length));
}

/* By the process's id; of one that there is not, too. */
static void image_names(void)
{
    enum { SYSTEM_PROCESS_ID = 88 };
    const ULONG_PTR ids[] = {GetCurrentProcessId(), 0x1fffc, 0x7ffffff0, 0x7ffffff1};
    for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct {
            ULONG_PTR id;
            UNICODE_STRING name;
            WCHAR text[MAX_PATH];
        } image = {.id = ids[i]};
        image.name.MaximumLength = sizeof(image.text);
        image.name.Buffer = image.text;
        NTSTATUS status =
            NtQuerySystemInformation((SYSTEM_INFORMATION_CLASS)SYSTEM_PROCESS_ID, &image, sizeof(image), NULL);
        printf("image name by id %u: %lx, %d, \"%ls\"\n", i, (unsigned long)status, image.id == ids[i], image.text);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "wait")) {
        while (SleepEx(INFINITE, TRUE) == WAIT_IO_COMPLETION)
            ;
        return 0;
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    rights();
    memory();
    jobs();
    debugging();
    listing();
    image_names();
    return 0;
}
