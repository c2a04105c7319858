/* objects PROGRAM: times, in seconds, of creating, opening and closing a named event, mutex and section, of round trips over a
 * named pipe, and of starting PROGRAM until it ends. */
#include <stdio.h>
#include <wchar.h>
#include <windows.h>

#define OBJECTS 3000
#define ROUNDS 100000
#define STARTS 10

static double now(void)
{
    LARGE_INTEGER counter, frequency;
    QueryPerformanceCounter(&counter);
    QueryPerformanceFrequency(&frequency);
    return (double)counter.QuadPart / (double)frequency.QuadPart;
}

static double events(void)
{
    double start = now();
    for (int i = 0; i < OBJECTS; i++) {
        HANDLE made = CreateEventW(NULL, FALSE, FALSE, L"fvm-bench-event");
        CloseHandle(OpenEventW(SYNCHRONIZE, FALSE, L"fvm-bench-event"));
        CloseHandle(made);
    }
    return now() - start;
}

static double mutexes(void)
{
    double start = now();
    for (int i = 0; i < OBJECTS; i++) {
        HANDLE made = CreateMutexW(NULL, FALSE, L"fvm-bench-mutex");
        CloseHandle(OpenMutexW(SYNCHRONIZE, FALSE, L"fvm-bench-mutex"));
        CloseHandle(made);
    }
    return now() - start;
}

static double sections(void)
{
    double start = now();
    for (int i = 0; i < OBJECTS; i++) {
        HANDLE made = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, L"fvm-bench-section");
        CloseHandle(OpenFileMappingW(FILE_MAP_READ, FALSE, L"fvm-bench-section"));
        CloseHandle(made);
    }
    return now() - start;
}

static DWORD WINAPI echo(void *pipe)
{
    char byte;
    DWORD done;
    while (ReadFile(pipe, &byte, 1, &done, NULL) && WriteFile(pipe, &byte, 1, &done, NULL))
        ;
    return 0;
}

static double ping_pong(void)
{
    char byte = 'x';
    DWORD done;
    HANDLE server = CreateNamedPipeW(L"\\\\.\\pipe\\fvm-bench", PIPE_ACCESS_DUPLEX, 0, 1, 100, 100, 0, NULL);
    HANDLE client =
        CreateFileW(L"\\\\.\\pipe\\fvm-bench", GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    CreateThread(NULL, 0, echo, server, 0, NULL);
    double start = now();
    for (int i = 0; i < ROUNDS; i++)
        if (!WriteFile(client, &byte, 1, &done, NULL) || !ReadFile(client, &byte, 1, &done, NULL))
            return -1;
    return now() - start;
}

static double starts(const wchar_t *program)
{
    double start = now();
    for (int i = 0; i < STARTS; i++) {
        STARTUPINFOW info = {.cb = sizeof(info)};
        PROCESS_INFORMATION process;
        if (!CreateProcessW(program, NULL, NULL, NULL, FALSE, 0, NULL, NULL, &info, &process))
            return -1;
        WaitForSingleObject(process.hProcess, INFINITE);
        CloseHandle(process.hProcess);
        CloseHandle(process.hThread);
    }
    return now() - start;
}

int wmain(int argc, wchar_t **argv)
{
    if (argc < 2)
        return 2;
    events();
    printf("event %.6f\n", events());
    printf("mutex %.6f\n", mutexes());
    printf("section %.6f\n", sections());
    if (argc > 2)
        printf("pipe %.6f\n", ping_pong());
    starts(argv[1]);
    printf("process %.6f\n", starts(argv[1]));
    return 0;
}
