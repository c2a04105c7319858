/* A process of the VM, reached before it begins by the one that created it. It begins with handles that its layer needs: to close them would
 * make it a process outside. What it does then, a file and an event, must be the VM's, or nothing. */
#include "try.h"

#define HANDLES_END 0x100

static wchar_t self[UNITS], mark[UNITS];
static const wchar_t *const event = L"fvm-early";

static BOOL by_apcs(const PROCESS_INFORMATION *p, ULONG_PTR handle)
{
    return QueueUserAPC((PAPCFUNC)(void *)nt.NtClose, p->hThread, handle) != 0;
}

static BOOL by_threads(const PROCESS_INFORMATION *p, ULONG_PTR handle)
{
    HANDLE thread = CreateRemoteThread(p->hProcess, NULL, 0, (LPTHREAD_START_ROUTINE)(void *)nt.NtClose, (void *)handle,
                                       CREATE_SUSPENDED, NULL);
    if (!thread)
        return FALSE;
    ResumeThread(thread);
    WaitForSingleObject(thread, 5000);
    CloseHandle(thread);
    return TRUE;
}

static BOOL by_duplicating(const PROCESS_INFORMATION *p, ULONG_PTR handle)
{
    HANDLE taken;
    return DuplicateHandle(p->hProcess, (HANDLE)handle, GetCurrentProcess(), &taken, 0, FALSE,
                           DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE);
}

/* Whether it is not in the VM: its event is not found, while it says that it made it. */
static BOOL is_outside(const PROCESS_INFORMATION *p)
{
    for (int i = 0; i < 100; i++) {
        HANDLE found = OpenEventW(EVENT_MODIFY_STATE, FALSE, event);
        if (found) {
            SetEvent(found);
            CloseHandle(found);
            return FALSE;
        }
        if (WaitForSingleObject(p->hProcess, 100) == WAIT_OBJECT_0)
            return FALSE; /* nothing, but what is on the host */
    }
    return GetFileAttributesW(mark) != INVALID_FILE_ATTRIBUTES;
}

static void early(const char *how, BOOL (*way)(const PROCESS_INFORMATION *, ULONG_PTR))
{
    STARTUPINFOW startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION p;
    wchar_t line[UNITS];
    DWORD code = 0;
    unsigned done = 0;
    DeleteFileW(mark);
    swprintf(line, UNITS, L"\"%ls\" \"%ls\" early", self, top);
    if (!CreateProcessW(NULL, line, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &startup, &p))
        exit(3);
    for (ULONG_PTR handle = 4; handle < HANDLES_END; handle += 4)
        done += way(&p, handle);
    ResumeThread(p.hThread);
    BOOL outside = is_outside(&p);
    if (WaitForSingleObject(p.hProcess, 5000) == WAIT_TIMEOUT)
        TerminateProcess(p.hProcess, 1);
    GetExitCodeProcess(p.hProcess, &code);
    report(outside || code, "close handles of a process that has not begun, %s: %u, code %lx", how, done, code);
    CloseHandle(p.hThread);
    CloseHandle(p.hProcess);
}

static int child(void)
{
    HANDLE made = CreateEventW(NULL, TRUE, FALSE, event);
    put(mark, "early");
    return made && WaitForSingleObject(made, 20000) == WAIT_OBJECT_0 ? 0 : 4;
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    GetModuleFileNameW(NULL, self, UNITS);
    wcscpy(mark, at(L"early.txt"));
    if (argc > 2)
        return child();
    early("by APCs", by_apcs);
    early("by its threads", by_threads);
    early("by duplicating", by_duplicating);
    return 0;
}
