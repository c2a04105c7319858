/* Ways to a program outside the VM that do not ask for it by a plain name: handles that came with the process, identifiers, links,
 * the system's own objects, services for the whole system.   foreign PID TID   (of target.exe)
 * Prints `blocked: TECHNIQUE` or `ESCAPED: TECHNIQUE`. */
#include "../vm/native_objects.h"

#include <psapi.h>
#include <stdlib.h>
#include <tlhelp32.h>

#define HANDLES_END 0x2000
#define CODE_CONSOLE_EVENT 0x50004c /* Wine's IOCTL_CONDRV_CTRL_EVENT */
#define CODE_CONSOLE_BIND 0x5000cc  /* Wine's IOCTL_CONDRV_BIND_PID */

NTSTATUS NTAPI NtMakeTemporaryObject(HANDLE);
NTSTATUS NTAPI NtOpenProcess(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, CLIENT_ID *);
NTSTATUS NTAPI NtOpenThread(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, CLIENT_ID *);
NTSTATUS NTAPI NtLoadDriver(UNICODE_STRING *);
NTSTATUS NTAPI NtMapViewOfSection(HANDLE, HANDLE, void **, ULONG_PTR, SIZE_T, LARGE_INTEGER *, SIZE_T *, int, ULONG,
                                  ULONG);
NTSTATUS NTAPI NtCreateNamedPipeFile(HANDLE *, ULONG, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG, ULONG,
                                     ULONG, ULONG, ULONG, ULONG, ULONG, ULONG, LARGE_INTEGER *);

static unsigned long pid, tid;

static void tried(const char *technique, BOOL escaped)
{
    printf("%s: %s\n", escaped ? "ESCAPED" : "blocked", technique);
}

/* ---- what came with the process ---- */

static void handles(void)
{
    struct {
        UNICODE_STRING name;
        WCHAR text[512];
    } info;
    ULONG length;
    BOOL process = FALSE, thread = FALSE, object = FALSE, disk = FALSE;
    for (ULONG_PTR value = 4; value < HANDLES_END; value += 4) {
        HANDLE h = (HANDLE)value;
        DWORD flags, owner;
        if (!GetHandleInformation(h, &flags))
            continue;
        owner = GetProcessId(h);
        process |= owner && owner != GetCurrentProcessId();
        owner = GetProcessIdOfThread(h);
        thread |= owner && owner != GetCurrentProcessId();
        memset(&info, 0, sizeof(info));
        if (GetFileType(h) == FILE_TYPE_UNKNOWN &&
            NtQueryObject(h, (OBJECT_INFORMATION_CLASS)1, &info, sizeof(info), &length) >= 0 && info.name.Length)
            object |= wcsstr(info.name.Buffer, L"fvm-given") != NULL;
        disk |= info.name.Length && !wcsncmp(info.name.Buffer, L"\\Device\\Harddisk", 16) &&
                !wcschr(info.name.Buffer + 16, '\\');
    }
    tried("inherit a handle of a process", process);
    tried("inherit a handle of a thread", thread);
    tried("inherit a handle of an event, a section or a mutex", object);
    tried("inherit a raw disk or volume", disk);
}

/* ---- identifiers ---- */

static BOOL opens_process(ULONG_PTR process, ULONG_PTR thread, ACCESS_MASK access)
{
    CLIENT_ID id = {(HANDLE)process, (HANDLE)thread};
    OBJECT_ATTRIBUTES at = {.Length = sizeof(at)};
    HANDLE h = NULL;
    return NtOpenProcess(&h, access, &at, &id) >= 0;
}

static BOOL opens_thread(ULONG_PTR process, ULONG_PTR thread, ACCESS_MASK access)
{
    CLIENT_ID id = {(HANDLE)process, (HANDLE)thread};
    OBJECT_ATTRIBUTES at = {.Length = sizeof(at)};
    HANDLE h = NULL;
    return NtOpenThread(&h, access, &at, &id) >= 0;
}

static DWORD parent_id(void)
{
    ULONG_PTR basic[6] = {0}; /* the last one: InheritedFromUniqueProcessId */
    NtQueryInformationProcess(GetCurrentProcess(), ProcessBasicInformation, basic, sizeof(basic), NULL);
    return (DWORD)basic[5];
}

static BOOL child_of(HANDLE parent)
{
    STARTUPINFOEXW si = {.StartupInfo.cb = sizeof(si)};
    PROCESS_INFORMATION pi;
    WCHAR command[] = L"cmd /c exit 0";
    BYTE room[256];
    SIZE_T size = sizeof(room);
    si.lpAttributeList = (void *)room;
    InitializeProcThreadAttributeList(si.lpAttributeList, 1, 0, &size);
    UpdateProcThreadAttribute(si.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_PARENT_PROCESS, &parent, sizeof(parent),
                              NULL, NULL);
    return CreateProcessW(NULL, command, NULL, NULL, FALSE, EXTENDED_STARTUPINFO_PRESENT | CREATE_NO_WINDOW, NULL, NULL,
                          &si.StartupInfo, &pi);
}

static void identifiers(BOOL harmless)
{
    HANDLE same, given = (HANDLE)(ULONG_PTR)pid;
    DWORD parent = parent_id();
    tried("open a process by ids of process and thread", opens_process(pid, tid, PROCESS_ALL_ACCESS));
    tried("open a process for everything there is", opens_process(pid, 0, MAXIMUM_ALLOWED));
    tried("open a process by its number and a bit", opens_process(pid | 1, 0, PROCESS_VM_WRITE));
    tried("open a thread by its id alone", opens_thread(0, tid, THREAD_ALL_ACCESS));
    tried("open a thread by ids of process and thread", opens_thread(pid, tid, THREAD_SET_CONTEXT));
    tried("open a thread as one of this process", opens_thread(GetCurrentProcessId(), tid, THREAD_SET_CONTEXT));
    tried("open a thread to ask a little", opens_thread(0, tid, THREAD_QUERY_LIMITED_INFORMATION));
    tried("open the supervisor", opens_process(parent, 0, PROCESS_QUERY_LIMITED_INFORMATION));
    tried("open the supervisor to duplicate its handles", opens_process(parent, 0, PROCESS_DUP_HANDLE));
    tried("debug the supervisor", !harmless && DebugActiveProcess(parent));
    tried("duplicate a handle by a process's id",
          DuplicateHandle(given, (HANDLE)4, GetCurrentProcess(), &same, 0, FALSE, DUPLICATE_SAME_ACCESS));
    tried("be a child by a process's id", child_of(given));
    tried("be a child of what is no process", child_of(CreateEventW(NULL, TRUE, FALSE, NULL)));
}

/* Wine passes a code on, whichever of the two services it came by. */
static void consoles(void)
{
    struct {
        ULONG event, group;
    } control = {CTRL_BREAK_EVENT, pid};
    IO_STATUS_BLOCK io;
    HANDLE connection = CreateFileW(L"\\\\?\\GLOBALROOT\\Device\\ConDrv\\Connection", GENERIC_READ,
                                    FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    ULONG *hidden = VirtualAlloc(NULL, sizeof(*hidden), MEM_COMMIT, PAGE_NOACCESS);
    for (int way = 0; way < 2; way++) {
        NTSTATUS(NTAPI * service)
        (HANDLE, HANDLE, PIO_APC_ROUTINE, void *, IO_STATUS_BLOCK *, ULONG, void *, ULONG, void *, ULONG) =
            way ? NtFsControlFile : NtDeviceIoControlFile;
        NTSTATUS status = service(GetStdHandle(STD_INPUT_HANDLE), NULL, NULL, NULL, &io, CODE_CONSOLE_EVENT, &control,
                                  sizeof(control), NULL, 0);
        tried("a console event for a group", status != (NTSTATUS)STATUS_ACCESS_DENIED);
        status = service(connection, NULL, NULL, NULL, &io, CODE_CONSOLE_BIND, &pid, sizeof(ULONG), NULL, 0);
        tried("bind a connection to its console", status != (NTSTATUS)STATUS_ACCESS_DENIED);
        status = service(connection, NULL, NULL, NULL, &io, CODE_CONSOLE_BIND, hidden, sizeof(*hidden), NULL, 0);
        tried("bind it by an id that cannot be read yet", status != (NTSTATUS)STATUS_ACCESS_VIOLATION);
    }
    NtClose(connection);
}

/* ---- questions ---- */

static void questions(void)
{
    static char table[1 << 20];
    DWORD ids[1024], bytes = 0;
    ULONG length;
    BOOL seen = FALSE;
    THREADENTRY32 entry = {.dwSize = sizeof(entry)};
    MODULEENTRY32W module = {.dwSize = sizeof(module)};
    HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    for (BOOL more = Thread32First(list, &entry); more; more = Thread32Next(list, &entry))
        seen |= entry.th32ThreadID == tid || entry.th32OwnerProcessID == pid;
    tried("see its threads", seen);
    list = CreateToolhelp32Snapshot(TH32CS_SNAPMODULE, pid);
    tried("see its modules", list != INVALID_HANDLE_VALUE && Module32FirstW(list, &module));
    seen = FALSE;
    K32EnumProcesses(ids, sizeof(ids), &bytes);
    for (DWORD i = 0; i < bytes / sizeof(ids[0]); i++)
        seen |= ids[i] == pid;
    tried("see it by EnumProcesses", seen);
    seen = FALSE;
    if (NtQuerySystemInformation((SYSTEM_INFORMATION_CLASS)64, table, sizeof(table), &length) >= 0)
        for (ULONG_PTR i = 0; i < *(ULONG_PTR *)table; i++)
            seen |= *(ULONG_PTR *)(table + 16 + 40 * i + 8) == pid;
    tried("see its handles in the longer list", seen);
    struct {
        HANDLE id;
        UNICODE_STRING name;
        WCHAR text[300];
    } image = {.id = (HANDLE)(ULONG_PTR)pid};
    image.name = (UNICODE_STRING){0, sizeof(image.text), image.text};
    tried("ask for the name of its image",
          NtQuerySystemInformation((SYSTEM_INFORMATION_CLASS)88, &image, sizeof(image), &length) >= 0);
    ULONG job[64] = {0};
    seen = FALSE;
    if (QueryInformationJobObject(NULL, JobObjectBasicProcessIdList, job, sizeof(job), NULL))
        for (ULONG i = 0; i < job[1]; i++)
            seen |= ((ULONG_PTR *)(job + 2))[i] == parent_id();
    tried("list the job that it is in", seen);
}

/* ---- links and spellings ---- */

static BOOL connects(HANDLE root, const WCHAR *name)
{
    struct named n;
    IO_STATUS_BLOCK io;
    HANDLE h = NULL;
    NTSTATUS status = NtOpenFile(&h, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE,
                                 named(&n, root, name, OBJ_CASE_INSENSITIVE), &io, 7, FILE_SYNCHRONOUS_IO_NONALERT);
    return status >= 0 || status == STATUS_PIPE_NOT_AVAILABLE; /* it is there, and somebody else was first */
}

static HANDLE link_to(const WCHAR *name, const WCHAR *to)
{
    struct named n;
    UNICODE_STRING target;
    HANDLE h = NULL;
    RtlInitUnicodeString(&target, to);
    NtCreateSymbolicLinkObject(&h, GENERIC_ALL, named(&n, NULL, name, OBJ_CASE_INSENSITIVE), &target);
    return h;
}

/* The first of so many links, the last of which leads to the pipe device. */
static void chain(int count)
{
    WCHAR name[64], next[64];
    char technique[64];
    HANDLE links[200];
    for (int i = 0; i < count; i++) {
        swprintf(name, 64, L"\\BaseNamedObjects\\c%d", i);
        swprintf(next, 64, L"\\BaseNamedObjects\\c%d", i + 1);
        links[i] = link_to(name, i + 1 < count ? next : L"\\Device\\NamedPipe");
    }
    sprintf(technique, "connect through %d links", count);
    tried(technique, connects(NULL, L"\\BaseNamedObjects\\c0\\fvm-target"));
    for (int i = 0; i < count; i++)
        NtClose(links[i]);
}

static BOOL makes_pipe(HANDLE root, const WCHAR *name)
{
    struct named n;
    IO_STATUS_BLOCK io;
    HANDLE pipe = NULL;
    LARGE_INTEGER timeout = {.QuadPart = -10000};
    NTSTATUS status = NtCreateNamedPipeFile(&pipe, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE,
                                            named(&n, root, name, OBJ_CASE_INSENSITIVE), &io, 3, FILE_CREATE, 0, 0, 0,
                                            0, 1, 100, 100, &timeout);
    if (status >= 0)
        NtClose(pipe);
    return status >= 0;
}

static void links(void)
{
    static const WCHAR *const names[] = {L"\\??\\pipe\\..\\fvm-target",
                                         L"\\??\\pipe\\x\\..\\fvm-target",
                                         L"\\??\\pipe\\\\fvm-target",
                                         L"\\??\\pipe\\.\\fvm-target",
                                         L"\\Device\\NamedPipe\\\\fvm-target",
                                         L"\\Device\\NamedPipe\\..\\NamedPipe\\fvm-target",
                                         L"\\??\\GLOBALROOT\\??\\pipe\\fvm-target",
                                         L"\\??\\GLOBALROOT\\GLOBALROOT\\Device\\NamedPipe\\fvm-target",
                                         L"\\??\\Global\\Global\\pipe\\fvm-target",
                                         L"\\??\\UNC\\127.0.0.1\\pipe\\fvm-target",
                                         L"\\??\\UNC\\localhost\\mailslot\\fvm-target",
                                         L"\\Device\\Mup\\localhost\\pipe\\fvm-target"};
    static const int counts[] = {1, 2, 8, 9, 10, 63, 64, 65, 66, 80, 150};
    char technique[120];
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        sprintf(technique, "connect to %ls", names[i]);
        tried(technique, connects(NULL, names[i]));
    }
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        chain(counts[i]);
    HANDLE a = link_to(L"\\BaseNamedObjects\\ring", L"\\BaseNamedObjects\\ring\\ring");
    tried("connect through a ring of links", connects(NULL, L"\\BaseNamedObjects\\ring\\fvm-target"));
    NtClose(a);
    a = link_to(L"\\BaseNamedObjects\\bare", L"Device\\NamedPipe");
    tried("connect through a link to a relative name", connects(NULL, L"\\BaseNamedObjects\\bare\\fvm-target"));
    a = link_to(L"\\??\\fvmpipe", L"\\Device\\NamedPipe");
    tried("connect through a link in \\??", connects(NULL, L"\\??\\fvmpipe\\fvm-target"));
    tried("connect through a link in \\?? by another spelling", connects(NULL, L"\\DosDevices\\fvmpipe\\fvm-target"));
    tried("connect to \\\\.\\GLOBALROOT", CreateFileW(L"\\\\.\\GLOBALROOT\\Device\\NamedPipe\\fvm-target", GENERIC_READ,
                                                      0, NULL, OPEN_EXISTING, 0, NULL) != INVALID_HANDLE_VALUE);
    tried("wait for a pipe by way of the network", WaitNamedPipeW(L"\\\\localhost\\pipe\\fvm-target", 50));
    link_to(L"\\BaseNamedObjects\\made", L"\\Device\\NamedPipe");
    tried("make a pipe through a link", makes_pipe(NULL, L"\\BaseNamedObjects\\made\\fvm-planted"));
    struct named n;
    HANDLE root = NULL;
    NtOpenDirectoryObject(&root, 3, named(&n, NULL, L"\\Device", OBJ_CASE_INSENSITIVE));
    tried("make a pipe relative to \\Device", makes_pipe(root, L"NamedPipe\\fvm-planted"));
    tried("connect relative to \\Device", connects(root, L"NamedPipe\\fvm-target"));
}

/* ---- the system's own objects ---- */

static BOOL maps_for_writing(HANDLE root, const WCHAR *name, ACCESS_MASK access)
{
    struct named n;
    HANDLE section = NULL;
    void *view = NULL;
    SIZE_T size = 0;
    if (NtOpenSection(&section, access, named(&n, root, name, OBJ_CASE_INSENSITIVE)) < 0)
        return FALSE;
    BOOL mapped = NtMapViewOfSection(section, GetCurrentProcess(), &view, 0, 0, NULL, &size, 1, 0, PAGE_READWRITE) >= 0;
    NtClose(section);
    return mapped;
}

/* Only asks for the right to do it. */
static BOOL may_change(const WCHAR *name, enum object_type type, ACCESS_MASK access)
{
    struct named n;
    HANDLE h = NULL;
    OBJECT_ATTRIBUTES *at = named(&n, NULL, name, OBJ_CASE_INSENSITIVE);
    NTSTATUS status = type == TYPE_LINK        ? NtOpenSymbolicLinkObject(&h, access, at)
                      : type == TYPE_DIRECTORY ? NtOpenDirectoryObject(&h, access, at)
                                               : NtOpenSection(&h, access, at);
    PUBLIC_OBJECT_BASIC_INFORMATION basic = {0};
    if (status < 0)
        return FALSE;
    NtQueryObject(h, ObjectBasicInformation, &basic, sizeof(basic), NULL);
    NtClose(h);
    return basic.GrantedAccess & (DELETE | WRITE_DAC | WRITE_OWNER);
}

/* Opened for what is allowed, duplicated for more. */
static ACCESS_MASK duplicated(const WCHAR *name, enum object_type type, ACCESS_MASK access, ACCESS_MASK more)
{
    struct named n;
    HANDLE h = NULL, d = NULL;
    OBJECT_ATTRIBUTES *at = named(&n, NULL, name, OBJ_CASE_INSENSITIVE);
    PUBLIC_OBJECT_BASIC_INFORMATION basic = {0};
    NTSTATUS status = type == TYPE_LINK        ? NtOpenSymbolicLinkObject(&h, access, at)
                      : type == TYPE_DIRECTORY ? NtOpenDirectoryObject(&h, access, at)
                                               : NtOpenSection(&h, access, at);
    if (status < 0 || !DuplicateHandle(GetCurrentProcess(), h, GetCurrentProcess(), &d, more, FALSE, 0))
        return 0;
    NtQueryObject(d, ObjectBasicInformation, &basic, sizeof(basic), NULL);
    NtClose(h);
    NtClose(d);
    return basic.GrantedAccess & more;
}

/* Opened for what is allowed, opened once more by that handle and no name. */
static ACCESS_MASK reopened(const WCHAR *name, ACCESS_MASK more)
{
    struct named n;
    HANDLE h = NULL, again = NULL;
    PUBLIC_OBJECT_BASIC_INFORMATION basic = {0};
    if (NtOpenSymbolicLinkObject(&h, 1, named(&n, NULL, name, OBJ_CASE_INSENSITIVE)) < 0)
        return 0;
    if (NtOpenSymbolicLinkObject(&again, 1 | more, named(&n, h, L"", 0)) >= 0) {
        NtQueryObject(again, ObjectBasicInformation, &basic, sizeof(basic), NULL);
        NtClose(again);
    }
    NtClose(h);
    return basic.GrantedAccess & more;
}

static void system_objects(BOOL harmless)
{
    static const WCHAR data[] = L"\\KernelObjects\\__wine_user_shared_data";
    struct named n;
    HANDLE h = NULL;
    tried("write to the data of all processes", maps_for_writing(NULL, data, SECTION_MAP_WRITE | SECTION_MAP_READ));
    tried("write to the data of all processes, any access", maps_for_writing(NULL, data, MAXIMUM_ALLOWED));
    tried("write to the data of all processes, all access", maps_for_writing(NULL, data, GENERIC_ALL));
    NtOpenDirectoryObject(&h, 3, named(&n, NULL, L"\\KernelObjects", OBJ_CASE_INSENSITIVE));
    tried("write to the data of all processes, relative", maps_for_writing(h, data + 15, SECTION_MAP_WRITE));
    tried("change a section's security", may_change(data, TYPE_SECTION, WRITE_DAC | SECTION_QUERY));
    tried("delete a directory", may_change(L"\\KernelObjects", TYPE_DIRECTORY, DELETE | 1));
    tried("change a directory's security", may_change(L"\\Device", TYPE_DIRECTORY, WRITE_DAC | 1));
    tried("change a directory's security, any access", may_change(L"\\Device", TYPE_DIRECTORY, MAXIMUM_ALLOWED));
    tried("delete a drive letter", may_change(L"\\??\\C:", TYPE_LINK, DELETE | 1));
    tried("delete a drive letter, any access", may_change(L"\\??\\C:", TYPE_LINK, MAXIMUM_ALLOWED));
    tried("write to the data of all processes, by a duplicate",
          duplicated(data, TYPE_SECTION, SECTION_MAP_READ, SECTION_MAP_WRITE) != 0);
    tried("change a section's security, by a duplicate",
          duplicated(data, TYPE_SECTION, SECTION_MAP_READ, WRITE_DAC) != 0);
    tried("create in a directory, by a duplicate", duplicated(L"\\KernelObjects", TYPE_DIRECTORY, 1, 0xf) & 0xc);
    tried("delete a drive letter, by a duplicate", duplicated(L"\\??\\C:", TYPE_LINK, 1, DELETE | WRITE_DAC) != 0);
    tried("delete a drive letter, opened once more", reopened(L"\\??\\C:", DELETE | WRITE_DAC | WRITE_OWNER) != 0);
    tried("delete a drive letter by another spelling", may_change(L"\\DosDevices\\C:", TYPE_LINK, MAXIMUM_ALLOWED));
    if (harmless)
        return; /* these would do it */
    h = NULL;
    NtOpenDirectoryObject(&h, 1, named(&n, NULL, L"\\KernelObjects", OBJ_CASE_INSENSITIVE));
    tried("make a directory temporary", NtMakeTemporaryObject(h) >= 0);
    h = NULL;
    NtOpenSymbolicLinkObject(&h, 1, named(&n, NULL, L"\\??\\PIPE", OBJ_CASE_INSENSITIVE));
    tried("make the link of the pipe device temporary", NtMakeTemporaryObject(h) >= 0);
    UNICODE_STRING driver;
    RtlInitUnicodeString(&driver, L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\mountmgr");
    tried("load a driver", NtLoadDriver(&driver) >= 0);
    NTSTATUS(NTAPI * spawn)
    (char *const argv[], int wait) = (void *)GetProcAddress(GetModuleHandleW(L"ntdll"), "__wine_unix_spawnvp");
    char program[] = "/bin/true", *arguments[] = {program, NULL};
    tried("start a Unix program by Wine's own service", spawn && spawn(arguments, 1) >= 0);
    STARTUPINFOW si = {.cb = sizeof(si)};
    PROCESS_INFORMATION pi;
    WCHAR unix_program[] = L"Z:\\bin\\true";
    tried("start a Unix program", CreateProcessW(unix_program, NULL, NULL, NULL, FALSE, 0, NULL, NULL, &si, &pi));
}

/* Whose names lead elsewhere then: another directory gets the number of the handle that they are relative to. */
static void close_in_a_child(void)
{
    STARTUPINFOW si = {.cb = sizeof(si)};
    PROCESS_INFORMATION pi;
    WCHAR command[] = L"cmd /c exit 0";
    BOOL closed = FALSE;
    if (!CreateProcessW(NULL, command, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &si, &pi))
        exit(3);
    for (ULONG_PTR value = 4; value < 0x100; value += 4) {
        HANDLE h = NULL;
        struct {
            UNICODE_STRING name;
            WCHAR text[300];
        } info = {0};
        ULONG length;
        if (DuplicateHandle(pi.hProcess, (HANDLE)value, GetCurrentProcess(), &h, 0, FALSE,
                            DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE) &&
            NtQueryObject(h, (OBJECT_INFORMATION_CLASS)1, &info, sizeof(info) - 2, &length) >= 0 && info.name.Buffer)
            closed |= !wcscmp(info.name.Buffer, L"\\") || wcsstr(info.name.Buffer, L"FVM.") != NULL;
    }
    TerminateProcess(pi.hProcess, 0);
    tried("close the handle that a child's names are relative to", closed);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    pid = strtoul(argv[1], NULL, 10);
    tid = strtoul(argv[2], NULL, 10);
    setvbuf(stdout, NULL, _IONBF, 0);
    handles();
    identifiers(argc > 3);
    consoles();
    questions();
    links();
    close_in_a_child();
    system_objects(argc > 3);
    return 0;
}
