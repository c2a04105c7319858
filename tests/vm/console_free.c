/* Leaving consoles: nothing of one stays open, so a console that nobody serves any more does not keep who writes to it waiting. */
#include "../harness/show.h"

#define ROUNDS 4

static void child_writes(BOOL inherit)
{
    wchar_t self[UNITS], line[UNITS];
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION child;
    DWORD code = 0xdead;
    GetModuleFileNameW(NULL, self, UNITS);
    swprintf(line, UNITS, L"\"%ls\" \"%ls\" child", self, top);
    BOOL made = CreateProcessW(NULL, line, NULL, NULL, inherit, 0, NULL, NULL, &startup, &child);
    say("child, inherit %d: %s", inherit, worked(made));
    if (!made)
        return;
    DWORD wait = WaitForSingleObject(child.hProcess, 20000);
    if (wait)
        TerminateProcess(child.hProcess, 1);
    GetExitCodeProcess(child.hProcess, &code);
    say("  wait %lu code %lu", wait, code);
    CloseHandle(child.hThread);
    CloseHandle(child.hProcess);
}

static DWORD count(void)
{
    DWORD handles = 0;
    GetProcessHandleCount(GetCurrentProcess(), &handles);
    return handles;
}

/* A console without a process that serves it, by the names that AllocConsole uses. */
static void reference(void)
{
    struct opening o = {NULL, L"\\Device\\ConDrv\\Server", FILE_READ_DATA | FILE_WRITE_DATA, 0, FILE_OPEN, 0, 0};
    HANDLE server, console;
    NTSTATUS status = open_as(&o, &server, NULL);
    o.root = server;
    o.name = L"Reference";
    say("server %08lx, reference %08lx", status, open_as(&o, &console, NULL));
    close_handle(console);
    close_handle(server);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    if (argc > 2) {
        DWORD written;
        WriteFile(GetStdHandle(STD_ERROR_HANDLE), "to the console\n", 15, &written, NULL);
        printf("from the child\n");
        return 5;
    }
    say("free: %s", worked(FreeConsole()));
    child_writes(TRUE);
    child_writes(FALSE);
    DWORD before = count();
    for (int i = 0; i < ROUNDS; i++)
        reference();
    say("handles left of %d consoles: %lu", ROUNDS, count() - before);
    return 0;
}
