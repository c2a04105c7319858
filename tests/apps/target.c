/* What a program in a VM tries to reach: holds objects of every kind under well-known names, and says at the end whether anybody
 * touched them.   target   (a line on standard input ends it) */
#include "../vm/native_objects.h"

static volatile LONG connected, ran, planted;
static char secret[16] = "host";

static DWORD WINAPI serve(void *pipe)
{
    if (ConnectNamedPipe(pipe, NULL) || GetLastError() == ERROR_PIPE_CONNECTED)
        InterlockedIncrement(&connected);
    return 0;
}

static DWORD WINAPI idle(void *unused)
{
    (void)unused;
    while (SleepEx(INFINITE, TRUE) == WAIT_IO_COMPLETION)
        InterlockedIncrement(&ran);
    return 0;
}

/* Is there a server of a name that only programs in a VM make? */
static DWORD WINAPI look(void *unused)
{
    (void)unused;
    while (!planted) {
        Sleep(10);
        HANDLE h = CreateFileW(L"\\\\.\\pipe\\fvm-planted", GENERIC_READ, 3, NULL, OPEN_EXISTING, 0, NULL);
        if (h == INVALID_HANDLE_VALUE)
            h = CreateFileW(L"\\\\.\\mailslot\\fvm-planted", GENERIC_WRITE, 3, NULL, OPEN_EXISTING, 0, NULL);
        if (h != INVALID_HANDLE_VALUE)
            InterlockedIncrement(&planted);
    }
    return 0;
}

int main(void)
{
    static const WCHAR *const prefixes[] = {L"\\BaseNamedObjects\\fvm-target-", NULL};
    WCHAR local[128], name[160];
    struct named n;
    HANDLE objects[2][TYPES], listed, pipe, slot, lock, thread, link;
    UNICODE_STRING target;
    DWORD count = 0, next = 0, tid;
    char line[16];
    swprintf(local, 128, L"\\Sessions\\%lu\\BaseNamedObjects\\fvm-target-", session());
    for (int space = 0; space < 2; space++)
        for (enum object_type t = 0; t < TYPES; t++) {
            swprintf(name, 160, L"%ls%d", space ? local : prefixes[0], t);
            NTSTATUS status = create_object(t, &objects[space][t], named(&n, NULL, name, 0));
            if (status) {
                printf("cannot create %ls: %lx\n", name, (unsigned long)status);
                return 1;
            }
        }
    swprintf(name, 160, L"%lspipe", local);
    RtlInitUnicodeString(&target, L"\\Device\\NamedPipe\\fvm-target");
    NtCreateSymbolicLinkObject(&link, 1, named(&n, NULL, name, 0), &target);
    NtCreateSymbolicLinkObject(&link, 1, named(&n, NULL, L"\\??\\fvm-target-pipe", 0), &target);
    create_object(TYPE_EVENT, &listed, named(&n, NULL, L"\\fvm-target-listed", 0)); /* Windows lets nobody */
    char *shared = MapViewOfFile(objects[1][TYPE_SECTION], FILE_MAP_WRITE, 0, 0, 0);
    strcpy(shared, "host");
    lock = CreateMutexW(NULL, TRUE, L"fvm-single-instance");
    pipe = CreateNamedPipeW(L"\\\\.\\pipe\\fvm-target", PIPE_ACCESS_DUPLEX, 0, 1, 100, 100, 0, NULL);
    slot = CreateMailslotW(L"\\\\.\\mailslot\\fvm-target", 0, 0, NULL);
    CreateThread(NULL, 0, serve, pipe, 0, NULL);
    CreateThread(NULL, 0, look, NULL, 0, NULL);
    thread = CreateThread(NULL, 0, idle, NULL, 0, &tid);
    printf("%lu %lu %llu\n", GetCurrentProcessId(), tid, (unsigned long long)(ULONG_PTR)secret);
    fflush(stdout);
    if (!fgets(line, sizeof(line), stdin))
        return 1;
    GetMailslotInfo(slot, NULL, &next, &count, NULL);
    printf("events %lu %lu\n", WaitForSingleObject(objects[0][TYPE_EVENT], 0),
           WaitForSingleObject(objects[1][TYPE_EVENT], 0));
    printf("connected %ld\n", connected);
    printf("letters %lu\n", count);
    printf("memory %s\n", secret);
    printf("shared %s\n", shared);
    printf("suspended %lu\n", SuspendThread(thread));
    printf("ran %ld\n", ran);
    printf("planted %ld\n", planted);
    fflush(stdout);
    return lock ? 0 : 1;
}
