/* Ids of processes.   ids list        prints those that there are, a line each
 *                     ids wait        prints its own, and waits for a line of input
 *                     ids again ID    makes processes until one gets that id, says so, and keeps it until a line of input comes */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tlhelp32.h>

#define TRIES 3000

static void list(void)
{
    PROCESSENTRY32 entry = {.dwSize = sizeof(entry)};
    HANDLE processes = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    for (BOOL more = Process32First(processes, &entry); more; more = Process32Next(processes, &entry))
        printf("%lu\n", entry.th32ProcessID);
    CloseHandle(processes);
}

static int again(DWORD id)
{
    for (int i = 0; i < TRIES; i++) {
        STARTUPINFOA startup = {.cb = sizeof(startup)};
        PROCESS_INFORMATION process;
        char command[] = "cmd /c exit 0";
        if (!CreateProcessA(NULL, command, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &startup, &process))
            return 1;
        BOOL found = process.dwProcessId == id;
        if (found) {
            puts("again");
            getchar();
        }
        TerminateProcess(process.hProcess, 0);
        WaitForSingleObject(process.hProcess, 5000);
        CloseHandle(process.hThread);
        CloseHandle(process.hProcess);
        if (found)
            return 0;
    }
    puts("never");
    return 1;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 2)
        return again(strtoul(argv[2], NULL, 10));
    if (argc > 1 && !strcmp(argv[1], "list"))
        list();
    else {
        printf("%lu\n", GetCurrentProcessId());
        getchar();
    }
    return 0;
}
