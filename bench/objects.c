/* objects PROGRAM: for each line of standard input one line of times, in seconds, of creating, opening and closing a named event,
 * mutex and section, of round trips over a named pipe, and of starting PROGRAM until it ends. */
#include <stdio.h>
#include <wchar.h>
#include <windows.h>

#define OBJECTS 300
#define ROUNDS 1000
#define STARTS 1
#define LINE 64

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

/* A pipe that a thread answers on. The host and each VM have one of that name. */
static HANDLE answered_pipe(const wchar_t *name)
{
    HANDLE server = CreateNamedPipeW(name, PIPE_ACCESS_DUPLEX, 0, 1, 100, 100, 0, NULL);
    CreateThread(NULL, 0, echo, server, 0, NULL);
    return CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
}

static double ping_pong(HANDLE client)
{
    char byte = 'x';
    DWORD done;
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
    char line[LINE];
    if (argc != 2)
        return 2;
    HANDLE client = answered_pipe(L"\\\\.\\pipe\\fvm-bench");
    while (fgets(line, LINE, stdin)) {
        printf("event %.6f", events());
        printf(" mutex %.6f", mutexes());
        printf(" section %.6f", sections());
        printf(" pipe %.6f", ping_pong(client));
        printf(" process %.6f\n", starts(argv[1]));
        fflush(stdout);
    }
    return 0;
}
