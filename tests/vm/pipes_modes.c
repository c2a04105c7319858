/* Named pipes at work: what handles say of themselves, overlapped calls and their cancelling, messages and bytes, without waiting, instances and directions, time limits,
 * and what a server learns of its client at every level of impersonation. */
#include "native_objects.h"

NTSTATUS NTAPI NtCreateNamedPipeFile(HANDLE *, ULONG, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG, ULONG,
                                     ULONG, ULONG, ULONG, ULONG, ULONG, ULONG, LARGE_INTEGER *);

#define NAME L"\\\\.\\pipe\\fvm-modes"

static void win32(const char *what, BOOL ok)
{
    printf("%s: %d %lu\n", what, ok != 0, ok ? 0 : GetLastError());
}

static HANDLE serve(DWORD open_mode, DWORD pipe_mode, DWORD instances)
{
    HANDLE h = CreateNamedPipeW(NAME, open_mode, pipe_mode, instances, 512, 512, 60, NULL);
    win32("serve", h != INVALID_HANDLE_VALUE);
    return h;
}

static HANDLE connect_with(DWORD access, DWORD flags)
{
    HANDLE h = CreateFileW(NAME, access, 0, NULL, OPEN_EXISTING, flags, NULL);
    win32("connect", h != INVALID_HANDLE_VALUE);
    return h;
}

static HANDLE client(void)
{
    return connect_with(GENERIC_READ | GENERIC_WRITE, 0);
}

static void close_both(HANDLE a, HANDLE b)
{
    CloseHandle(a);
    CloseHandle(b);
}

static void result(const char *what, HANDLE h, OVERLAPPED *o)
{
    DWORD done = 0;
    BOOL ok = GetOverlappedResult(h, o, &done, TRUE);
    DWORD error = ok ? 0 : GetLastError();
    printf("%s: result %d %lu, %lu bytes\n", what, ok, error, done);
}

static void overlapped(void)
{
    OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)},
               p = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    HANDLE s = serve(PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 1);
    char in[16] = {0}, out[16] = {0};
    DWORD done, mode = PIPE_READMODE_MESSAGE;
    win32("listen", ConnectNamedPipe(s, &o));
    HANDLE c = connect_with(GENERIC_READ | GENERIC_WRITE, FILE_FLAG_OVERLAPPED);
    result("listen", s, &o);
    win32("mode", SetNamedPipeHandleState(c, &mode, NULL, NULL));
    win32("read", ReadFile(s, in, sizeof(in), NULL, &o));
    win32("write", WriteFile(c, "hello", 5, NULL, &p));
    result("write", c, &p);
    result("read", s, &o);
    printf("%s\n", in);
    win32("read", ReadFile(s, in, sizeof(in), NULL, &o));
    win32("cancel", CancelIo(s));
    result("read", s, &o);
    win32("read", ReadFile(s, in, sizeof(in), NULL, &o));
    win32("cancel this", CancelIoEx(s, &o));
    result("read", s, &o);
    win32("cancel nothing", CancelIoEx(s, &o));
    win32("read", ReadFile(s, in, sizeof(in), NULL, &o));
    win32("transact", TransactNamedPipe(c, "ask", 3, out, sizeof(out), NULL, &p));
    result("read", s, &o);
    win32("answer", WriteFile(s, "answer", 6, NULL, &o));
    result("answer", s, &o);
    result("transact", c, &p);
    printf("%s\n", out);
    win32("read", ReadFile(s, in, sizeof(in), &done, &o));
    CloseHandle(c);
    result("broken read", s, &o);
    win32("disconnect", DisconnectNamedPipe(s));
    win32("listen again", ConnectNamedPipe(s, &o));
    win32("cancel listening", CancelIo(s));
    result("listen", s, &o);
    CloseHandle(s);
}

static void messages(void)
{
    HANDLE s = serve(PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 1), c = client();
    char got[16];
    DWORD done = 0, left = 0, message = 0, mode = PIPE_READMODE_BYTE, flags, out, in, most;
    WriteFile(c, "first", 5, &done, NULL);
    WriteFile(c, "second", 6, &done, NULL);
    win32("peek", PeekNamedPipe(s, got, 3, &done, &left, &message));
    printf("%lu %lu %lu\n", done, left, message);
    win32("a part", ReadFile(s, got, 3, &done, NULL));
    printf("%lu\n", done);
    win32("the rest", ReadFile(s, got, sizeof(got), &done, NULL));
    printf("%lu\n", done);
    win32("bytes", SetNamedPipeHandleState(s, &mode, NULL, NULL));
    WriteFile(c, "third", 5, &done, NULL);
    win32("both", ReadFile(s, got, sizeof(got), &done, NULL));
    printf("%lu\n", done);
    win32("info", GetNamedPipeInfo(s, &flags, &out, &in, &most));
    printf("%lx %lu %lu %lu\n", flags, out, in, most);
    win32("info of the client", GetNamedPipeInfo(c, &flags, &out, &in, &most));
    printf("%lx %lu %lu %lu\n", flags, out, in, most);
    win32("nothing to transact", TransactNamedPipe(s, "x", 1, got, 1, &done, NULL));
    win32("nothing", WriteFile(c, "", 0, &done, NULL));
    close_both(c, s);
    s = serve(PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE | PIPE_READMODE_MESSAGE, 1);
    CloseHandle(s);
}

static void without_waiting(void)
{
    HANDLE s = serve(PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE | PIPE_NOWAIT, 1);
    char got[16];
    DWORD done = 0;
    win32("listen", ConnectNamedPipe(s, NULL));
    win32("read, no client", ReadFile(s, got, 1, &done, NULL));
    HANDLE c = client();
    win32("listen", ConnectNamedPipe(s, NULL));
    win32("read, nothing", ReadFile(s, got, 1, &done, NULL));
    WriteFile(c, "x", 1, &done, NULL);
    win32("read", ReadFile(s, got, sizeof(got), &done, NULL));
    printf("%lu\n", done);
    CloseHandle(c);
    win32("read, closed", ReadFile(s, got, 1, &done, NULL));
    win32("listen, closed", ConnectNamedPipe(s, NULL));
    CloseHandle(s);
}

static void instances(void)
{
    DWORD state, count;
    HANDLE a = serve(PIPE_ACCESS_DUPLEX, 0, 2), b = serve(PIPE_ACCESS_DUPLEX, 0, 2);
    HANDLE third = serve(PIPE_ACCESS_DUPLEX, 0, 2);
    win32("state", GetNamedPipeHandleStateW(a, &state, &count, NULL, NULL, NULL, 0));
    printf("%lx %lu\n", state, count);
    HANDLE first = serve(PIPE_ACCESS_DUPLEX | FILE_FLAG_FIRST_PIPE_INSTANCE, 0, 2);
    HANDLE other = serve(PIPE_ACCESS_INBOUND, 0, 2);
    HANDLE one = client(), two = client(), three = client();
    CloseHandle(first), CloseHandle(other), CloseHandle(third), CloseHandle(three);
    close_both(one, two);
    close_both(a, b);
    a = serve(PIPE_ACCESS_INBOUND, 0, 1);
    one = connect_with(GENERIC_READ, 0);
    two = connect_with(GENERIC_WRITE, 0);
    close_both(one, two);
    CloseHandle(a);
    a = serve(PIPE_ACCESS_OUTBOUND, 0, 1);
    one = connect_with(GENERIC_WRITE, 0);
    two = connect_with(GENERIC_READ, 0);
    close_both(one, two);
    CloseHandle(a);
}

/* What a handle says of itself. */
static void properties(HANDLE h)
{
    IO_STATUS_BLOCK io;
    ULONG mode = 99, modes[2] = {99, 99}, local[10] = {0};
    PUBLIC_OBJECT_BASIC_INFORMATION basic = {0};
    step("mode", NtQueryInformationFile(h, &io, &mode, sizeof(mode), (FILE_INFORMATION_CLASS)16));
    step("modes", NtQueryInformationFile(h, &io, modes, sizeof(modes), (FILE_INFORMATION_CLASS)23));
    step("local", NtQueryInformationFile(h, &io, local, sizeof(local), (FILE_INFORMATION_CLASS)24));
    step("access", NtQueryObject(h, ObjectBasicInformation, &basic, sizeof(basic), NULL));
    printf("%lx %lu %lu access %lx\n", mode, modes[0], modes[1], basic.GrantedAccess);
    for (int i = 0; i < 10; i++)
        printf(" %lu", local[i]);
    printf("\n");
}

static void handles(void)
{
    static const DWORD opens[] = {PIPE_ACCESS_DUPLEX,
                                  PIPE_ACCESS_INBOUND,
                                  PIPE_ACCESS_OUTBOUND,
                                  PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                                  PIPE_ACCESS_DUPLEX | WRITE_DAC,
                                  PIPE_ACCESS_INBOUND | FILE_FLAG_WRITE_THROUGH};
    static const DWORD modes[] = {0, PIPE_TYPE_MESSAGE, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, PIPE_NOWAIT,
                                  PIPE_REJECT_REMOTE_CLIENTS};
    for (unsigned i = 0; i < sizeof(opens) / sizeof(opens[0]); i++)
        for (unsigned j = 0; j < sizeof(modes) / sizeof(modes[0]); j++) {
            printf("opened %lx mode %lx\n", opens[i], modes[j]);
            HANDLE s = serve(opens[i], modes[j], 1 + i), c = connect_with(GENERIC_READ, FILE_FLAG_OVERLAPPED);
            properties(s);
            properties(c);
            close_both(c, s);
        }
}

/* With no instance, with one, and with as many as there may be. */
static void dispositions(void)
{
    static const ULONG dispositions[] = {FILE_SUPERSEDE, FILE_OPEN,         FILE_CREATE,          FILE_OPEN_IF,
                                         FILE_OVERWRITE, FILE_OVERWRITE_IF, FILE_OVERWRITE_IF + 1};
    for (unsigned i = 0; i < sizeof(dispositions) / sizeof(dispositions[0]); i++) {
        HANDLE made[3] = {0};
        printf("disposition %lu\n", dispositions[i]);
        for (int j = 0; j < 3; j++) {
            struct named n;
            IO_STATUS_BLOCK io = {.Information = 99};
            LARGE_INTEGER timeout = {.QuadPart = -10000};
            NTSTATUS status = NtCreateNamedPipeFile(&made[j], GENERIC_READ | SYNCHRONIZE,
                                                    named(&n, NULL, L"\\??\\pipe\\fvm-modes", OBJ_CASE_INSENSITIVE),
                                                    &io, 3, dispositions[i], 0, 0, 0, 0, 2, 100, 100, &timeout);
            step("make", status);
            printf("information %d\n", status < 0 ? 0 : (int)io.Information);
        }
        for (int j = 0; j < 3; j++)
            if (made[j])
                NtClose(made[j]);
    }
}

static DWORD WINAPI close_later(void *h)
{
    Sleep(150);
    CloseHandle(h);
    return 0;
}

static DWORD WINAPI answer(void *s)
{
    char got[16];
    DWORD done;
    ConnectNamedPipe(s, NULL);
    ReadFile(s, got, sizeof(got), &done, NULL);
    WriteFile(s, "pong", 4, &done, NULL);
    FlushFileBuffers(s);
    return done;
}

static void waits(void)
{
    char got[16] = {0};
    DWORD done = 0;
    HANDLE s = serve(PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 2), c = client();
    DWORD start = GetTickCount();
    win32("default time", WaitNamedPipeW(NAME, NMPWAIT_USE_DEFAULT_WAIT));
    DWORD shorter = GetTickCount() - start;
    start = GetTickCount();
    win32("own time", WaitNamedPipeW(NAME, 400));
    DWORD longer = GetTickCount() - start;
    printf("waited: %d %d\n", shorter >= 40, shorter < longer && longer >= 380);
    win32("no time", WaitNamedPipeW(NAME, NMPWAIT_NOWAIT));
    HANDLE thread = CreateThread(NULL, 0, close_later, c, 0, NULL);
    WaitForSingleObject(thread, INFINITE);
    win32("disconnect", DisconnectNamedPipe(s));
    thread = CreateThread(NULL, 0, answer, s, 0, NULL);
    win32("any time", WaitNamedPipeW(NAME, NMPWAIT_WAIT_FOREVER));
    win32("call", CallNamedPipeW(NAME, "ping", 4, got, sizeof(got), &done, 1000));
    printf("%lu %s\n", done, got);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(s);
}

static void levels(void)
{
    static const struct {
        const char *name;
        DWORD flags;
    } levels[] = {{"default", 0},
                  {"anonymous", SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS},
                  {"identification", SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION},
                  {"impersonation", SECURITY_SQOS_PRESENT | SECURITY_IMPERSONATION},
                  {"delegation", SECURITY_SQOS_PRESENT | SECURITY_DELEGATION},
                  {"effective only", SECURITY_SQOS_PRESENT | SECURITY_IMPERSONATION | SECURITY_EFFECTIVE_ONLY},
                  {"static", SECURITY_SQOS_PRESENT | SECURITY_IMPERSONATION | SECURITY_CONTEXT_TRACKING}};
    for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        HANDLE s = serve(PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 1), token = NULL;
        HANDLE c = connect_with(GENERIC_READ | GENERIC_WRITE, levels[i].flags);
        char byte;
        DWORD done, level = 99, size, type = 99;
        printf("%s\n", levels[i].name);
        win32("too early", ImpersonateNamedPipeClient(s));
        RevertToSelf();
        WriteFile(c, "x", 1, &done, NULL);
        ReadFile(s, &byte, 1, &done, NULL);
        win32("impersonate", ImpersonateNamedPipeClient(s));
        win32("token", OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token));
        RevertToSelf();
        if (token) {
            GetTokenInformation(token, TokenImpersonationLevel, &level, sizeof(level), &size);
            GetTokenInformation(token, TokenType, &type, sizeof(type), &size);
            printf("level %lu type %lu\n", level, type);
            CloseHandle(token);
        }
        win32("no token any more", OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token));
        close_both(c, s);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    overlapped();
    messages();
    without_waiting();
    instances();
    handles();
    dispositions();
    waits();
    levels();
    return 0;
}
