/* start PROGRAM VM COUNT: seconds from the start to the exit of a program, in turns as it is and in an existing VM, both
 * started by this process. */
#include "fvm.h"

#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

static double now(void)
{
    LARGE_INTEGER counter, frequency;
    QueryPerformanceCounter(&counter);
    QueryPerformanceFrequency(&frequency);
    return (double)counter.QuadPart / (double)frequency.QuadPart;
}

static void run_plain(wchar_t *command)
{
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION child;
    if (!CreateProcessW(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child)) {
        fprintf(stderr, "start: cannot run %ls: error %lu\n", command, GetLastError());
        exit(1);
    }
    WaitForSingleObject(child.hProcess, INFINITE);
    CloseHandle(child.hProcess);
    CloseHandle(child.hThread);
}

static void check(enum fvm_result result, const struct fvm_error *error)
{
    if (result != FVM_OK) {
        fprintf(stderr, "start: %ls\n", error->text);
        exit(1);
    }
}

int wmain(int argc, wchar_t **argv)
{
    struct fvm_home *home;
    struct fvm_error error;
    wchar_t command[MAX_PATH + 2];
    uint32_t exit_code;

    if (argc != 4)
        return 2;
    swprintf(command, MAX_PATH + 2, L"\"%ls\"", argv[1]);
    check(fvm_home_open(NULL, &home, &error), &error);
    for (int i = _wtoi(argv[3]); i > 0; i--) {
        double start = now();
        run_plain(command);
        double middle = now();
        check(fvm_run(home, argv[2], command, &exit_code, NULL, &error), &error);
        printf("%.6f %.6f\n", middle - start, now() - middle);
    }
    fvm_home_close(home);
    return 0;
}
