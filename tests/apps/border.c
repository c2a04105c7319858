/* Tries every known way from a VM to a program outside it.   border PID TID ADDRESS   (of target.exe)
 * Prints `blocked: TECHNIQUE` or `ESCAPED: TECHNIQUE`. */
#include "../vm/native_objects.h"

#include <stdlib.h>
#include <tlhelp32.h>

static unsigned long pid, tid;
static unsigned long long address;

static void tried(const char *technique, BOOL escaped)
{
    printf("%s: %s\n", escaped ? "ESCAPED" : "blocked", technique);
}

static BOOL opens(enum object_type type, HANDLE root, const WCHAR *name)
{
    struct named n;
    HANDLE h = NULL;
    NTSTATUS status = open_object(type, &h, named(&n, root, name, OBJ_CASE_INSENSITIVE));
    if (h)
        NtClose(h);
    return status >= 0;
}

/* By the service for files, for no more than asking for attributes. */
static NTSTATUS asks(const WCHAR *name)
{
    struct named n;
    IO_STATUS_BLOCK io;
    HANDLE h = NULL;
    NTSTATUS status = NtOpenFile(&h, FILE_READ_ATTRIBUTES | SYNCHRONIZE, named(&n, NULL, name, OBJ_CASE_INSENSITIVE),
                                 &io, 7, FILE_SYNCHRONOUS_IO_NONALERT);
    if (h)
        NtClose(h);
    return status;
}

static BOOL creates(HANDLE root, const WCHAR *name)
{
    struct named n;
    HANDLE h = NULL;
    NTSTATUS status = NtCreateEvent(&h, MAXIMUM_ALLOWED, named(&n, root, name, 0), 0, FALSE);
    if (h)
        NtClose(h);
    return status >= 0;
}

static HANDLE directory(const WCHAR *name)
{
    struct named n;
    HANDLE h = NULL;
    NtOpenDirectoryObject(&h, 0xf, named(&n, NULL, name, OBJ_CASE_INSENSITIVE));
    return h;
}

static void object_types(void)
{
    static const WCHAR *const spaces[] = {L"\\BaseNamedObjects\\fvm-target-%d",
                                          L"\\Sessions\\%d\\BaseNamedObjects\\fvm-target-%d"};
    char technique[80];
    WCHAR name[160];
    for (enum object_type t = 0; t < TYPES; t++)
        for (int space = 0; space < 2; space++) {
            if (space)
                swprintf(name, 160, spaces[1], (int)session(), t);
            else
                swprintf(name, 160, spaces[0], t);
            sprintf(technique, "open %s %s", space ? "session" : "global", type_names[t]);
            tried(technique, opens(t, NULL, name));
        }
}

static void spellings(void)
{
    static const WCHAR *const names[] = {L"\\BaseNamedObjects\\Global\\fvm-target-0",
                                         L"\\BaseNamedObjects\\Local\\fvm-target-0",
                                         L"\\BaseNamedObjects\\Local\\Local\\Global\\fvm-target-0",
                                         L"\\??\\GLOBALROOT\\BaseNamedObjects\\fvm-target-0",
                                         L"\\DosDevices\\GLOBALROOT\\BaseNamedObjects\\fvm-target-0",
                                         L"\\GLOBAL??\\GLOBALROOT\\BaseNamedObjects\\fvm-target-0",
                                         L"\\??\\Global\\GLOBALROOT\\BaseNamedObjects\\fvm-target-0",
                                         L"\\??\\GLOBALROOT\\??\\GLOBALROOT\\BaseNamedObjects\\fvm-target-0",
                                         L"\\Sessions\\BNOLINKS\\0\\fvm-target-0",
                                         L"\\basenamedobjects\\FVM-TARGET-0"};
    char technique[160];
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        sprintf(technique, "open event %ls", names[i]);
        tried(technique, opens(TYPE_EVENT, NULL, names[i]));
    }
    tried("open event by OpenEvent", OpenEventW(SYNCHRONIZE, FALSE, L"fvm-target-0") != NULL);
    tried("open event by OpenEvent Global", OpenEventW(SYNCHRONIZE, FALSE, L"Global\\fvm-target-0") != NULL);
    HANDLE h = directory(L"\\");
    tried("relative to the root", opens(TYPE_EVENT, h, L"BaseNamedObjects\\fvm-target-0"));
    h = directory(L"\\Sessions");
    WCHAR name[128];
    swprintf(name, 128, L"%lu\\BaseNamedObjects\\fvm-target-0", session());
    tried("relative to \\Sessions", opens(TYPE_EVENT, h, name));
    h = directory(L"\\??");
    tried("relative to \\??", opens(TYPE_EVENT, h, L"GLOBALROOT\\BaseNamedObjects\\fvm-target-0"));
    CreateMutexW(NULL, FALSE, L"fvm-single-instance");
    tried("single instance", GetLastError() == ERROR_ALREADY_EXISTS);
    HANDLE view = OpenFileMappingW(FILE_MAP_WRITE, FALSE, L"fvm-target-5");
    char *shared = view ? MapViewOfFile(view, FILE_MAP_WRITE, 0, 0, 0) : NULL;
    if (shared)
        strcpy(shared, "escaped");
    tried("shared memory", shared != NULL);
}

/* Is there such an object? And what a host's link leads to is opened. */
static void as_files(void)
{
    static const WCHAR *const spaces[] = {L"\\BaseNamedObjects", L"\\Sessions\\%d\\BaseNamedObjects",
                                          L"\\??\\GLOBALROOT\\BaseNamedObjects", L"\\BaseNamedObjects\\Session\\%d"};
    char technique[100];
    WCHAR space[80], name[160];
    for (unsigned i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        swprintf(space, 80, spaces[i], (int)session());
        swprintf(name, 160, L"%ls\\fvm-target-0", space);
        sprintf(technique, "tell by opening it as a file that there is %ls", name);
        tried(technique, asks(name) != STATUS_OBJECT_NAME_NOT_FOUND);
    }
    swprintf(name, 160, L"\\Sessions\\%d\\BaseNamedObjects\\fvm-target-pipe", (int)session());
    tried("connect through a link of the host's, to ask", asks(name) >= 0);
    tried("connect through a device that the host defines, to ask", asks(L"\\??\\fvm-target-pipe") >= 0);
}

static void links(void)
{
    static const WCHAR *const targets[] = {L"\\BaseNamedObjects", L"\\??\\GLOBALROOT\\BaseNamedObjects", L"\\GLOBAL??",
                                           L"\\", L"\\Sessions"};
    static const WCHAR *const through[] = {L"\\BaseNamedObjects\\l\\fvm-target-0",
                                           L"\\BaseNamedObjects\\l\\fvm-target-0",
                                           L"\\BaseNamedObjects\\l\\GLOBALROOT\\BaseNamedObjects\\fvm-target-0",
                                           L"\\BaseNamedObjects\\l\\BaseNamedObjects\\fvm-target-0",
                                           L"\\BaseNamedObjects\\l\\1\\BaseNamedObjects\\fvm-target-0"};
    char technique[100];
    struct named n;
    HANDLE link;
    UNICODE_STRING target;
    for (unsigned i = 0; i < 5; i++) {
        RtlInitUnicodeString(&target, targets[i]);
        NtCreateSymbolicLinkObject(&link, 1, named(&n, NULL, L"\\BaseNamedObjects\\l", 0), &target);
        sprintf(technique, "through a link to %ls", targets[i]);
        tried(technique, opens(TYPE_EVENT, NULL, through[i]));
        NtClose(link);
    }
}

#define LONGEST 32766

/* As many units as there is room for between a head and a tail. */
static UNICODE_STRING filled(const WCHAR *head, const WCHAR *unit, const WCHAR *tail)
{
    static WCHAR text[LONGEST + 1];
    size_t len = wcslen(head), step = wcslen(unit), rest = wcslen(tail);
    for (wcscpy(text, head); len + step + rest <= LONGEST; len += step)
        wcscpy(text + len, unit);
    wcscpy(text + len, tail);
    return (UNICODE_STRING){(USHORT)(2 * (len + rest)), (USHORT)(2 * (len + rest)), text};
}

static HANDLE long_link(const WCHAR *head, const WCHAR *unit, const WCHAR *tail)
{
    struct named n;
    HANDLE link = NULL;
    UNICODE_STRING target = filled(head, unit, tail);
    NtCreateSymbolicLinkObject(&link, 1, named(&n, NULL, L"\\BaseNamedObjects\\l", 0), &target);
    return link;
}

/* Targets for which there is no room below the VM's root. What is reached is changed, so that the target sees it. */
static void long_links(void)
{
    static const WCHAR *const targets[][3] = {{L"\\BaseNamedObjects", L"\\Global", L""},
                                              {L"", L"\\??\\GLOBALROOT", L"\\BaseNamedObjects"}};
    struct named n;
    IO_STATUS_BLOCK io;
    HANDLE link, h;
    WCHAR local[64];
    for (int i = 0; i < 2; i++) {
        link = long_link(targets[i][0], targets[i][1], targets[i][2]);
        h = NULL;
        NTSTATUS status = NtOpenEvent(&h, EVENT_ALL_ACCESS, named(&n, NULL, L"\\BaseNamedObjects\\l\\fvm-target-0", 0));
        tried(i ? "an event through a long link to the root" : "an event through a long link", status >= 0);
        SetEvent(h);
        tried(i ? "plant through a long link to the root" : "plant through a long link",
              creates(NULL, L"\\BaseNamedObjects\\l\\fvm-planted"));
        h = directory(L"\\BaseNamedObjects\\l");
        tried(i ? "a directory through a long link to the root" : "a directory through a long link", h != NULL);
        NtClose(link);
    }
    swprintf(local, 64, L"\\Sessions\\%lu\\BaseNamedObjects", session());
    link = long_link(local, L"\\Local", L"");
    HANDLE view = OpenFileMappingW(FILE_MAP_WRITE, FALSE, L"Global\\l\\fvm-target-5");
    char *shared = view ? MapViewOfFile(view, FILE_MAP_WRITE, 0, 0, 0) : NULL;
    if (shared)
        strcpy(shared, "escaped");
    tried("shared memory through a long link", shared != NULL);
    NtClose(link);
    link = long_link(L"", L"\\??\\GLOBALROOT", L"\\Device\\NamedPipe");
    tried("a pipe through a long link",
          NtOpenFile(&h, GENERIC_READ | SYNCHRONIZE,
                     named(&n, NULL, L"\\BaseNamedObjects\\l\\fvm-target", OBJ_CASE_INSENSITIVE), &io, 7, 0) >= 0);
    NtClose(link);
}

/* A name relative to a handle or to the VM's root keeps to it whatever its characters become. */
static void relative_names(void)
{
    HANDLE h = directory(L"\\BaseNamedObjects");
    tried("an absolute name relative to a handle", opens(TYPE_EVENT, h, L"\\BaseNamedObjects\\fvm-target-0"));
}

/* The test looks on the host for what is left when the VM is gone. */
static void permanent_objects(void)
{
    struct named n;
    WCHAR name[64];
    char technique[80];
    for (enum object_type t = 0; t < TYPES; t++) {
        HANDLE h = NULL;
        swprintf(name, 64, L"\\BaseNamedObjects\\fvm-permanent-%d", t);
        create_object(t, &h, named(&n, NULL, name, OBJ_PERMANENT));
        if (h)
            NtClose(h);
        sprintf(technique, "leave a permanent %s", type_names[t]);
        tried(technique, !h || opens(t, NULL, name));
    }
}

/* The VM may keep these; the test looks for them on the host. */
static void permanent_devices(void)
{
    struct named n;
    UNICODE_STRING target;
    HANDLE link = NULL;
    DefineDosDeviceW(0, L"Q7", L"C:\\windows");
    RtlInitUnicodeString(&target, L"\\Device\\Null");
    NtCreateSymbolicLinkObject(&link, 1, named(&n, NULL, L"\\??\\fvm-device-2", OBJ_PERMANENT), &target);
}

static void system_directories(void)
{
    static const WCHAR *const names[] = {L"\\KernelObjects\\fvm-planted", L"\\Device\\fvm-planted",
                                         L"\\Windows\\fvm-planted", L"\\??\\GLOBALROOT\\KernelObjects\\fvm-planted",
                                         L"\\Driver\\fvm-planted"};
    char technique[100];
    for (unsigned i = 0; i < 4; i++) {
        sprintf(technique, "plant %ls", names[i]);
        BOOL made = creates(NULL, names[i]);
        tried(technique, made && i != 3); /* the last one goes through a link; see below */
    }
    HANDLE h = directory(L"\\KernelObjects");
    tried("plant relative to \\KernelObjects", h && creates(h, L"fvm-planted"));
    h = directory(L"\\Device");
    tried("plant relative to \\Device", h && creates(h, L"fvm-planted"));
    struct {
        UNICODE_STRING name, type;
        WCHAR text[256];
    } entry;
    ULONG context = 0, length;
    BOOL seen = FALSE;
    h = directory(L"\\BaseNamedObjects");
    for (BOOLEAN restart = TRUE;
         NtQueryDirectoryObject(h, &entry, sizeof(entry), TRUE, restart, &context, &length) >= 0; restart = FALSE)
        seen |= !_wcsnicmp(entry.name.Buffer, L"fvm-target", 10);
    tried("list \\BaseNamedObjects", seen);
}

static BOOL connects(const WCHAR *name)
{
    struct named n;
    IO_STATUS_BLOCK io;
    HANDLE h = NULL;
    NTSTATUS status = NtOpenFile(&h, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE,
                                 named(&n, NULL, name, OBJ_CASE_INSENSITIVE), &io, 7, FILE_SYNCHRONOUS_IO_NONALERT);
    return status >= 0;
}

NTSTATUS NTAPI NtCreateNamedPipeFile(HANDLE *, ULONG, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG, ULONG,
                                     ULONG, ULONG, ULONG, ULONG, ULONG, ULONG, LARGE_INTEGER *);
NTSTATUS NTAPI NtCreateMailslotFile(HANDLE *, ULONG, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG, ULONG,
                                    LARGE_INTEGER *);

/* Names for which there is no room with the VM's in them. What is made is kept for a moment: the target looks for it. */
static void long_pipes(void)
{
    LARGE_INTEGER timeout = {.QuadPart = -10000};
    struct {
        LARGE_INTEGER timeout;
        ULONG length;
        BOOLEAN specified;
        WCHAR name[LONGEST];
    } *wait = calloc(1, sizeof(*wait));
    UNICODE_STRING name = filled(L"", L"\\??\\GLOBALROOT", L"\\??\\pipe\\fvm-planted");
    OBJECT_ATTRIBUTES at = {.Length = sizeof(at), .ObjectName = &name, .Attributes = OBJ_CASE_INSENSITIVE};
    IO_STATUS_BLOCK io;
    HANDLE h = NULL;
    tried("make a pipe by a long name", NtCreateNamedPipeFile(&h, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, &at, &io,
                                                              3, FILE_CREATE, 0, 0, 0, 0, 1, 100, 100, &timeout) >= 0);
    name = filled(L"", L"\\??\\GLOBALROOT", L"\\??\\mailslot\\fvm-planted");
    tried("make a mailslot by a long name",
          NtCreateMailslotFile(&h, GENERIC_READ | SYNCHRONIZE, &at, &io, 0, 0, 0, &timeout) >= 0);
    name = filled(L"", L"\\??\\GLOBALROOT", L"\\??\\pipe\\fvm-target");
    tried("connect by a long name", NtOpenFile(&h, GENERIC_READ | SYNCHRONIZE, &at, &io, 7, 0) >= 0);
    name = filled(L"", L"x", L"");
    wait->timeout = timeout;
    wait->specified = TRUE;
    wait->length = name.Length;
    memcpy(wait->name, name.Buffer, name.Length);
    HANDLE device = CreateFileW(L"\\\\.\\pipe\\", GENERIC_READ, 7, NULL, OPEN_EXISTING, 0, NULL);
    NTSTATUS status = NtFsControlFile(device, NULL, NULL, NULL, &io, 0x110018, wait, sizeof(*wait), NULL, 0);
    tried("wait for a long name", status >= 0);
    free(wait);
    Sleep(100);
}

static void pipes(void)
{
    static const WCHAR *const names[] = {
        L"\\??\\pipe\\fvm-target",          L"\\??\\PIPE\\FVM-TARGET",
        L"\\DosDevices\\pipe\\fvm-target",  L"\\GLOBAL??\\pipe\\fvm-target",
        L"\\Device\\NamedPipe\\fvm-target", L"\\??\\GLOBALROOT\\Device\\NamedPipe\\fvm-target",
        L"\\??\\Global\\pipe\\fvm-target",  L"\\??\\UNC\\localhost\\pipe\\fvm-target",
        L"\\??\\UNC\\.\\pipe\\fvm-target"};
    char technique[100], out[8];
    DWORD got, done;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        sprintf(technique, "connect to %ls", names[i]);
        tried(technique, connects(names[i]));
    }
    struct named n;
    IO_STATUS_BLOCK io;
    HANDLE root = NULL, h = NULL;
    NtOpenFile(&root, GENERIC_READ | SYNCHRONIZE, named(&n, NULL, L"\\??\\pipe\\", OBJ_CASE_INSENSITIVE), &io, 7,
               FILE_SYNCHRONOUS_IO_NONALERT);
    tried("connect relative to the pipe device",
          NtOpenFile(&h, GENERIC_READ, named(&n, root, L"fvm-target", OBJ_CASE_INSENSITIVE), &io, 7, 0) >= 0);
    root = directory(L"\\Device");
    tried("connect relative to \\Device",
          NtOpenFile(&h, GENERIC_READ, named(&n, root, L"NamedPipe\\fvm-target", OBJ_CASE_INSENSITIVE), &io, 7, 0) >=
              0);
    root = directory(L"\\??");
    tried("connect relative to \\??",
          NtOpenFile(&h, GENERIC_READ, named(&n, root, L"PIPE\\fvm-target", OBJ_CASE_INSENSITIVE), &io, 7, 0) >= 0);
    UNICODE_STRING target;
    HANDLE link;
    RtlInitUnicodeString(&target, L"\\Device\\NamedPipe");
    NtCreateSymbolicLinkObject(&link, 1, named(&n, NULL, L"\\BaseNamedObjects\\p", 0), &target);
    tried("connect through a link", connects(L"\\BaseNamedObjects\\p\\fvm-target"));
    root = directory(L"\\BaseNamedObjects");
    tried("connect through a link, relative",
          NtOpenFile(&h, GENERIC_READ, named(&n, root, L"p\\fvm-target", OBJ_CASE_INSENSITIVE), &io, 7, 0) >= 0);
    tried("WaitNamedPipe", WaitNamedPipeW(L"\\\\.\\pipe\\fvm-target", 50));
    tried("CallNamedPipe", CallNamedPipeW(L"\\\\.\\pipe\\fvm-target", "x", 1, out, 8, &got, 50));
    HANDLE slot =
        CreateFileW(L"\\\\.\\mailslot\\fvm-target", GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    tried("write to a mailslot", slot != INVALID_HANDLE_VALUE && WriteFile(slot, "x", 1, &done, NULL));
}

/* What a program writes over its own id in its own memory is believed by nobody. */
static void disguised(void)
{
    ULONG_PTR basic[6] = {0}; /* the second one is the address of the TEB */
    NtQueryInformationThread(GetCurrentThread(), (THREADINFOCLASS)0, basic, sizeof(basic), NULL);
    ULONG_PTR *own = (ULONG_PTR *)basic[1] + 8, ids[2] = {own[0], own[1]};
    own[0] = pid;
    own[1] = tid;
    HANDLE process = OpenProcess(PROCESS_ALL_ACCESS, FALSE, pid), thread = OpenThread(THREAD_ALL_ACCESS, FALSE, tid);
    own[0] = ids[0];
    own[1] = ids[1];
    tried("open a process with its id as one's own", process != NULL);
    tried("open a thread with its process's id as one's own", thread != NULL);
    if (process)
        WriteProcessMemory(process, (void *)(ULONG_PTR)address, "escaped", 8, NULL);
}

static void processes(void)
{
    static const struct {
        const char *name;
        DWORD access;
    } rights[] = {{"all access", PROCESS_ALL_ACCESS},
                  {"terminate", PROCESS_TERMINATE},
                  {"read memory", PROCESS_VM_READ},
                  {"write memory", PROCESS_VM_WRITE | PROCESS_VM_OPERATION},
                  {"create a thread", PROCESS_CREATE_THREAD},
                  {"duplicate handles", PROCESS_DUP_HANDLE},
                  {"suspend", PROCESS_SUSPEND_RESUME},
                  {"be its child", PROCESS_CREATE_PROCESS},
                  {"set information", PROCESS_SET_INFORMATION},
                  {"ask", PROCESS_QUERY_INFORMATION},
                  {"ask a little", PROCESS_QUERY_LIMITED_INFORMATION},
                  {"wait", SYNCHRONIZE}};
    static const struct {
        const char *name;
        DWORD access;
    } thread_rights[] = {{"all access", THREAD_ALL_ACCESS},
                         {"queue an APC", THREAD_SET_CONTEXT},
                         {"suspend", THREAD_SUSPEND_RESUME},
                         {"terminate", THREAD_TERMINATE},
                         {"its token", THREAD_IMPERSONATE | THREAD_QUERY_INFORMATION}};
    char technique[100];
    for (unsigned i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
        HANDLE h = OpenProcess(rights[i].access, FALSE, pid);
        sprintf(technique, "open a process to %s", rights[i].name);
        if (h && rights[i].access & PROCESS_VM_WRITE)
            WriteProcessMemory(h, (void *)(ULONG_PTR)address, "escaped", 8, NULL);
        tried(technique, h != NULL || GetLastError() != ERROR_ACCESS_DENIED);
    }
    for (unsigned i = 0; i < sizeof(thread_rights) / sizeof(thread_rights[0]); i++) {
        HANDLE h = OpenThread(thread_rights[i].access, FALSE, tid);
        sprintf(technique, "open a thread to %s", thread_rights[i].name);
        tried(technique, h != NULL || GetLastError() != ERROR_ACCESS_DENIED);
    }
    tried("debug a process", DebugActiveProcess(pid));
    BOOL seen = FALSE;
    PROCESSENTRY32W entry = {.dwSize = sizeof(entry)};
    HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    for (BOOL more = Process32FirstW(list, &entry); more; more = Process32NextW(list, &entry))
        seen |= entry.th32ProcessID == pid;
    tried("see it in the list of processes", seen);
    static char table[1 << 20];
    ULONG length;
    seen = FALSE;
    if (NtQuerySystemInformation((SYSTEM_INFORMATION_CLASS)16, table, sizeof(table), &length) >= 0)
        for (ULONG i = 0; i < *(ULONG *)table; i++)
            seen |= *(ULONG *)(table + 8 + 24 * i) == pid;
    tried("see its handles", seen || *(ULONG *)table == 0);
    FreeConsole();
    tried("attach to its console", AttachConsole(pid));
    STARTUPINFOW si = {.cb = sizeof(si)};
    PROCESS_INFORMATION pi;
    WCHAR command[] = L"cmd /c exit 0";
    BOOL child = CreateProcessW(NULL, command, NULL, NULL, FALSE,
                                CREATE_BREAKAWAY_FROM_JOB | CREATE_NO_WINDOW | CREATE_SUSPENDED, NULL, NULL, &si, &pi);
    HANDLE again = child ? OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pi.dwProcessId) : NULL;
    tried("break away from the job", child && !again);
    if (child)
        TerminateProcess(pi.hProcess, 0);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    pid = strtoul(argv[1], NULL, 10);
    tid = strtoul(argv[2], NULL, 10);
    address = strtoull(argv[3], NULL, 10);
    setvbuf(stdout, NULL, _IONBF, 0);
    object_types();
    spellings();
    as_files();
    links();
    long_links();
    relative_names();
    permanent_objects();
    permanent_devices();
    system_directories();
    pipes();
    long_pipes();
    processes();
    disguised();
    return 0;
}
