/* Named pipes and mailslots: server and client under every spelling, waiting, names, messages, modes, impersonation. */
#include "native_objects.h"

static void win32(const char *what, BOOL ok)
{
    printf("%s: %d %lu\n", what, ok, ok ? 0 : GetLastError());
}

static const WCHAR *const spellings[] = {L"\\??\\pipe\\fvm-pipe",
                                         L"\\??\\PIPE\\fvm-pipe",
                                         L"\\DosDevices\\pipe\\FVM-Pipe",
                                         L"\\??\\GLOBALROOT\\Device\\NamedPipe\\fvm-pipe",
                                         L"\\??\\GLOBALROOT\\??\\pipe\\fvm-pipe",
                                         L"\\??\\Global\\pipe\\fvm-pipe",
                                         L"\\Device\\NamedPipe\\fvm-pipe"};
#define SPELLINGS (sizeof(spellings) / sizeof(spellings[0]))

NTSTATUS NTAPI NtCreateNamedPipeFile(HANDLE *, ULONG, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG, ULONG,
                                     ULONG, ULONG, ULONG, ULONG, ULONG, ULONG, LARGE_INTEGER *);
NTSTATUS NTAPI NtCreateMailslotFile(HANDLE *, ULONG, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG, ULONG,
                                    LARGE_INTEGER *);

static NTSTATUS serve(HANDLE *pipe, HANDLE root, const WCHAR *name, ULONG instances)
{
    struct named n;
    IO_STATUS_BLOCK io;
    LARGE_INTEGER timeout = {.QuadPart = -500000};
    *pipe = NULL;
    return NtCreateNamedPipeFile(pipe, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE,
                                 named(&n, root, name, OBJ_CASE_INSENSITIVE), &io, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                 FILE_OPEN_IF, FILE_SYNCHRONOUS_IO_NONALERT, 1, 1, 0, instances, 4096, 4096, &timeout);
}

static NTSTATUS connect_to(HANDLE *pipe, HANDLE root, const WCHAR *name)
{
    struct named n;
    IO_STATUS_BLOCK io;
    *pipe = NULL;
    return NtOpenFile(pipe, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, named(&n, root, name, OBJ_CASE_INSENSITIVE),
                      &io, FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_SYNCHRONOUS_IO_NONALERT);
}

static void close_all(HANDLE a, HANDLE b)
{
    if (a)
        NtClose(a);
    if (b)
        NtClose(b);
}

static void file_name(const char *what, HANDLE h)
{
    struct {
        ULONG length;
        WCHAR name[128];
    } info = {0};
    IO_STATUS_BLOCK io = {0};
    for (ULONG room = 4; room < sizeof(info); room += 9) {
        memset(&info, 0, sizeof(info));
        NTSTATUS status = NtQueryInformationFile(h, &io, &info, room, FileNameInformation);
        printf("%s file name in %lu: 0x%08lx %lu %lu %.*ls\n", what, room, (unsigned long)status, info.length,
               (ULONG)io.Information, (int)((room - 4) / 2 < info.length / 2 ? (room - 4) / 2 : info.length / 2),
               info.name);
    }
}

/* Windows says the name in it. */
static void all_information(const char *what, HANDLE h)
{
    static union {
        FILE_ALL_INFORMATION all;
        BYTE room[1024];
    } info;
    IO_STATUS_BLOCK io = {0};
    FILE_NAME_INFORMATION *name = &info.all.NameInformation;
    static const ULONG rooms[] = {sizeof(FILE_ALL_INFORMATION), sizeof(FILE_ALL_INFORMATION) + 4, sizeof(info)};
    for (unsigned i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        memset(&info, 0, sizeof(info));
        NTSTATUS status = NtQueryInformationFile(h, &io, &info, rooms[i], FileAllInformation);
        printf("%s all in %lu: 0x%08lx %lu %ls\n", what, rooms[i], (unsigned long)status, name->FileNameLength,
               name->FileName);
    }
}

static void every_spelling(void)
{
    HANDLE server, client, second;
    char text[100], got[16];
    DWORD done;
    for (unsigned i = 0; i < SPELLINGS; i++) {
        sprintf(text, "serve %u", i);
        step(text, serve(&server, NULL, spellings[i], 1));
        if (!server)
            continue;
        print_name(text, server);
        file_name(text, server);
        all_information(text, server);
        step("second instance", serve(&second, NULL, spellings[i], 1));
        for (unsigned j = 0; j < SPELLINGS; j++) {
            sprintf(text, "connect %u to %u", j, i);
            step(text, connect_to(&client, NULL, spellings[j]));
            if (!client)
                continue;
            win32("write", WriteFile(client, "hello", 5, &done, NULL));
            win32("read", ReadFile(server, got, sizeof(got), &done, NULL));
            printf("%lu %.*s\n", done, (int)done, got);
            print_name("client", client);
            step("connect again", connect_to(&second, NULL, spellings[j]));
            NtClose(client);
            win32("disconnect", DisconnectNamedPipe(server));
            /* a new instance listens by itself */
            NtClose(server);
            serve(&server, NULL, spellings[i], 1);
        }
        close_all(server, NULL);
        step("after close", connect_to(&client, NULL, spellings[i]));
    }
}

static void relative(void)
{
    static const WCHAR *const roots[] = {L"\\??\\pipe\\", L"\\Device\\NamedPipe\\", L"\\Device\\NamedPipe"};
    HANDLE root, server, client;
    struct named n;
    IO_STATUS_BLOCK io;
    for (unsigned i = 0; i < 3; i++) {
        NTSTATUS status = NtOpenFile(&root, GENERIC_READ | SYNCHRONIZE, named(&n, NULL, roots[i], OBJ_CASE_INSENSITIVE),
                                     &io, FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_SYNCHRONOUS_IO_NONALERT);
        step("root", status);
        if (status < 0)
            continue;
        print_name("root", root);
        step("serve in it", serve(&server, root, L"fvm-relative", 2));
        if (server)
            print_name("server", server);
        step("connect in it", connect_to(&client, root, L"fvm-relative"));
        close_all(client, NULL);
        step("connect by name", connect_to(&client, NULL, L"\\??\\pipe\\fvm-relative"));
        close_all(client, server);
        step("without a name", serve(&server, root, L"", 1));
        close_all(server, NULL);
        NtClose(root);
    }
}

/* The same question by a handle to the device. */
static void wait_by_code(const WCHAR *name)
{
    struct {
        LARGE_INTEGER timeout;
        ULONG length;
        BOOLEAN timeout_specified;
        WCHAR name[64];
    } wait = {{.QuadPart = -100000}, (ULONG)(wcslen(name) * sizeof(WCHAR)), TRUE, L""};
    DWORD got;
    HANDLE device =
        CreateFileW(L"\\\\.\\pipe\\", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    wcscpy(wait.name, name);
    win32("wait by a code", DeviceIoControl(device, 0x110018, &wait, sizeof(wait), NULL, 0, &got, NULL));
    CloseHandle(device);
}

static void waiting(void)
{
    HANDLE server =
        CreateNamedPipeW(L"\\\\.\\pipe\\fvm-wait", PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE, 1, 100, 100, 100, NULL);
    HANDLE client;
    win32("wait, free", WaitNamedPipeW(L"\\\\.\\pipe\\fvm-wait", 100));
    wait_by_code(L"fvm-wait");
    wait_by_code(L"fvm-none");
    client = CreateFileW(L"\\\\.\\pipe\\fvm-wait", GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    win32("connect", client != INVALID_HANDLE_VALUE);
    win32("wait, busy", WaitNamedPipeW(L"\\\\.\\pipe\\fvm-wait", 50));
    win32("wait, none", WaitNamedPipeW(L"\\\\.\\pipe\\fvm-none", 50));
    win32("wait, no name", WaitNamedPipeW(L"\\\\.\\pipe\\", 50));
    CloseHandle(client);
    CloseHandle(server);
    win32("gone",
          CreateFileW(L"\\\\.\\pipe\\fvm-wait", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) != INVALID_HANDLE_VALUE);
    printf("attributes: %lx %lu\n", GetFileAttributesW(L"\\\\.\\pipe\\fvm-none"), GetLastError());
    char out[8];
    DWORD got;
    win32("call, none", CallNamedPipeW(L"\\\\.\\pipe\\fvm-none", "x", 1, out, 8, &got, 10));
}

static void impersonation(void)
{
    HANDLE server =
        CreateNamedPipeW(L"\\\\.\\pipe\\fvm-who", PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 1, 100, 100, 100, NULL);
    HANDLE client = CreateFileW(L"\\\\.\\pipe\\fvm-who", GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                                SECURITY_SQOS_PRESENT | SECURITY_IMPERSONATION, NULL);
    char byte;
    DWORD done;
    WriteFile(client, "x", 1, &done, NULL);
    ReadFile(server, &byte, 1, &done, NULL);
    win32("impersonate", ImpersonateNamedPipeClient(server));
    RevertToSelf();
    WCHAR user[64];
    DWORD state, instances;
    win32("state", GetNamedPipeHandleStateW(server, &state, &instances, NULL, NULL, user, 64));
    printf("%lu %lu\n", state, instances);
    CloseHandle(client);
    CloseHandle(server);
}

static void mailslots(void)
{
    HANDLE slot = CreateMailslotW(L"\\\\.\\mailslot\\fvm\\slot", 0, 100, NULL), writer;
    DWORD done, next = 0, count = 0;
    char got[16] = {0};
    win32("slot", slot != INVALID_HANDLE_VALUE);
    print_name("slot", slot);
    win32("again", CreateMailslotW(L"\\\\.\\mailslot\\FVM\\slot", 0, 100, NULL) != INVALID_HANDLE_VALUE);
    writer = CreateFileW(L"\\\\.\\mailslot\\fvm\\slot", GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    win32("writer", writer != INVALID_HANDLE_VALUE);
    win32("write", WriteFile(writer, "letter", 6, &done, NULL));
    win32("info", GetMailslotInfo(slot, NULL, &next, &count, NULL));
    printf("%lu %lu\n", next, count);
    win32("read", ReadFile(slot, got, sizeof(got), &done, NULL));
    printf("%lu %s\n", done, got);
    CloseHandle(writer);
    CloseHandle(slot);
    win32("gone", CreateFileW(L"\\\\.\\mailslot\\fvm\\slot", GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0,
                              NULL) != INVALID_HANDLE_VALUE);
}

static void odd_names(void)
{
    static const WCHAR *const names[] = {L"\\??\\pipe",      L"\\??\\pipe\\",         L"\\??\\pipe\\a\\b\\c",
                                         L"\\??\\pipe\\\\x", L"\\??\\pipefish",       L"\\Device\\NamedPipes\\x",
                                         L"pipe\\x",         L"\\BaseNamedObjects\\x"};
    HANDLE h;
    char what[64];
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        sprintf(what, "odd %u serve", i);
        step(what, serve(&h, NULL, names[i], 1));
        close_all(h, NULL);
    }
    WCHAR name[400];
    for (int len = 200; len <= 300; len += 50) {
        wcscpy(name, L"\\??\\pipe\\");
        for (int i = 9; i < len; i++)
            name[i] = 'n';
        name[len] = 0;
        sprintf(what, "%d characters", len);
        step(what, connect_to(&h, NULL, name));
    }
}

/* As long as the system takes names, and longer. */
static void long_names(void)
{
    static WCHAR name[32770];
    char what[64];
    for (unsigned i = 0; i < 2; i++)
        for (int len = 32660; len <= 32768; len += len < 32760 ? 20 : 1) {
            HANDLE first, other, same;
            wcscpy(name, i ? L"\\Device\\NamedPipe\\" : L"\\??\\pipe\\");
            for (int at = (int)wcslen(name); at < len; at++)
                name[at] = 'N';
            name[len] = 0;
            sprintf(what, "%d characters", len);
            step(what, serve(&first, NULL, name, 1));
            name[len - 1] = 'o';
            step("another", serve(&other, NULL, name, 1));
            name[len - 1] = 'n';
            step("the same", serve(&same, NULL, name, 1));
            close_all(first, same);
            close_all(other, NULL);
        }
}

int main(void)
{
    every_spelling();
    relative();
    waiting();
    impersonation();
    mailslots();
    odd_names();
    long_names();
    return 0;
}
