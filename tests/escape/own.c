/* The handles that the layer itself has in every process of a VM: what they tell, and whether the VM's logs can be changed by them. */
#include "try.h"

#define LAST_HANDLE 0x400u
#define FORGED "2026-01-01T00:00:00.000Z 1 start forged\n"

/* One of the VM's logs: by its name, or, when the layer hides that there is a handle, by what GetFileType asks, which is not
 * intercepted. */
static BOOL is_log(HANDLE handle)
{
    struct {
        FILE_NAME_INFORMATION name;
        WCHAR text[UNITS];
    } file = {0};
    IO_STATUS_BLOCK io;
    if (GetFileType(handle) != FILE_TYPE_DISK)
        return FALSE;
    NTSTATUS status = nt.NtQueryInformationFile(handle, &io, &file, sizeof(file) - sizeof(WCHAR), FileNameInformation);
    return status == STATUS_INVALID_HANDLE || (status >= 0 && wcsstr(file.name.FileName, L".log"));
}

/* Makes the layer open what it opens when it is needed: the logs of events, files and keys. */
static void make_layer_work(BOOL child)
{
    HKEY key;
    opens(L"\\??\\UNC\\localhost\\pipe\\own", GENERIC_READ, 0);
    opens(L"\\Device\\Harddisk0\\Partition0", GENERIC_READ, 0);
    writes(nt_at(child ? L"child.txt" : L"own.txt"), FILE_OVERWRITE_IF, "own");
    if (RegCreateKeyExW(HKEY_CURRENT_USER, child ? L"Software\\fvm-own\\child" : L"Software\\fvm-own", 0, NULL, 0,
                        KEY_WRITE, NULL, &key, NULL) == 0)
        RegCloseKey(key);
}

static void show_names(HANDLE handle)
{
    struct {
        UNICODE_STRING string;
        WCHAR text[UNITS];
    } name = {0};
    struct {
        FILE_NAME_INFORMATION name;
        WCHAR text[UNITS];
    } file = {0};
    struct {
        ULONG length;
        WCHAR text[UNITS];
    } key = {0};
    IO_STATUS_BLOCK io;
    ULONG length;
    nt.NtQueryObject(handle, (OBJECT_INFORMATION_CLASS)1, &name, sizeof(name) - sizeof(WCHAR), &length);
    nt.NtQueryKey(handle, 3, &key, sizeof(key) - sizeof(WCHAR), &length);
    if (GetFileType(handle) == FILE_TYPE_DISK)
        nt.NtQueryInformationFile(handle, &io, &file, sizeof(file) - sizeof(WCHAR), FileNameInformation);
    const wchar_t *texts[] = {name.string.Buffer ? name.string.Buffer : L"", file.name.FileName, key.text};
    for (int i = 0; i < 3; i++)
        report(wcsstr(texts[i], L"FVM") || wcsstr(texts[i], L"fvm.") || wcsstr(texts[i], L".log"),
               "name %d of handle %x: %s", i, (unsigned)(ULONG_PTR)handle, utf8(texts[i]));
}

static NTSTATUS set(HANDLE file, const void *information, ULONG length, FILE_INFORMATION_CLASS class)
{
    IO_STATUS_BLOCK io;
    return nt.NtSetInformationFile(file, &io, (void *)information, length, class);
}

/* Anybody may have a log open to append to it; nobody may take from it. */
static void shorten(HANDLE file, const char *whose)
{
    FILE_STANDARD_INFORMATION before = {0};
    IO_STATUS_BLOCK io;
    nt.NtQueryInformationFile(file, &io, &before, sizeof(before), FileStandardInformation);
    NTSTATUS status = set(file, &before.EndOfFile, sizeof(LARGE_INTEGER), FileEndOfFileInformation);
    report(status >= 0, "end of file of %s handle %x: %08lx", whose, (unsigned)(ULONG_PTR)file, status);
    status = set(file, &before.EndOfFile, sizeof(LARGE_INTEGER), FileAllocationInformation);
    report(status >= 0, "allocation of %s handle %x: %08lx", whose, (unsigned)(ULONG_PTR)file, status);
}

static void forge(HANDLE file)
{
    char start[8] = {0};
    IO_STATUS_BLOCK io = {0};
    LARGE_INTEGER at = {.QuadPart = 0};
    if (nt.NtReadFile(file, NULL, NULL, NULL, &io, start, sizeof(start), &at, NULL) >= 0 && start[0] != '2')
        return; /* not the log of events; to a journal it can append: docs/security.md */
    NTSTATUS status = nt.NtWriteFile(file, NULL, NULL, NULL, &io, FORGED, sizeof(FORGED) - 1, NULL, NULL);
    report(status >= 0, "write to handle %x: %08lx", (unsigned)(ULONG_PTR)file, status);
}

static void duplicate(HANDLE file, HANDLE process, ACCESS_MASK access, const char *whose)
{
    HANDLE made = NULL;
    NTSTATUS status =
        nt.NtDuplicateObject(process, file, GetCurrentProcess(), &made, access, 0, access ? 0 : DUPLICATE_SAME_ACCESS);
    BOOL is = status >= 0 && is_log(made);
    report(is, "duplicate of %s handle %x: %08lx", whose, (unsigned)(ULONG_PTR)file, status);
    if (is)
        shorten(made, "the duplicated");
    if (status >= 0)
        show_names(made);
    close_handle(made);
}

static void other_uses(HANDLE file)
{
    FVM_HANDLE_FLAGS flags = {.Inherit = TRUE};
    FILE_DISPOSITION_INFORMATION disposition = {TRUE}, none = {FALSE};
    LARGE_INTEGER offset = {.QuadPart = 0}, count = {.QuadPart = 8};
    IO_STATUS_BLOCK io;
    HANDLE mapping = CreateFileMappingW(file, NULL, PAGE_READONLY, 0, 0, NULL);
    unsigned number = (unsigned)(ULONG_PTR)file;
    report(mapping != NULL, "mapping by handle %x", number);
    close_handle(mapping);
    report(nt.NtSetInformationObject(file, (OBJECT_INFORMATION_CLASS)4, &flags, sizeof(flags)) >= 0,
           "unprotected and inherited handle %x", number);
    report(nt.NtLockFile(file, NULL, NULL, NULL, &io, &offset, &count, NULL, TRUE, TRUE) >= 0, "lock by handle %x",
           number);
    report(set(file, &disposition, sizeof(disposition), FileDispositionInformation) >= 0, "delete by handle %x",
           number);
    set(file, &none, sizeof(none), FileDispositionInformation);
    struct opening again = {file, L"", GENERIC_READ, SHARE_ALL, FILE_OPEN, 0, 0};
    HANDLE opened;
    report(open_as(&again, &opened, NULL) >= 0, "open by handle %x", number);
}

/* Those that another process of the VM has. */
static void of_a_child(const wchar_t *program)
{
    WCHAR command[2 * UNITS];
    STARTUPINFOW startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process;
    HANDLE ready = CreateEventW(NULL, TRUE, FALSE, L"own-ready");
    swprintf(command, 2 * UNITS, L"\"%ls\" \"%ls\" child", program, top);
    if (!CreateProcessW(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process) ||
        WaitForSingleObject(ready, 30000) != WAIT_OBJECT_0)
        exit(3);
    for (ULONG_PTR value = 4; value < LAST_HANDLE; value += 4) {
        duplicate((HANDLE)value, process.hProcess, 0, "a child's");
        duplicate((HANDLE)(value + 1), process.hProcess, 0, "a child's");
    }
    TerminateProcess(process.hProcess, 0);
    close_handle(process.hProcess);
    close_handle(process.hThread);
    close_handle(ready);
}

/* What a child finds by a number that it can be asked for by, unlike those of its own layer. */
static int given(void)
{
    int found = 0;
    for (ULONG_PTR value = 4; value < LAST_HANDLE; value += 4) {
        HANDLE handle = (HANDLE)value;
        DWORD flags;
        if (!GetHandleInformation(handle, &flags) || !is_log(handle))
            continue;
        show_names(handle);
        shorten(handle, "a given");
        found++;
    }
    return found;
}

static HANDLE *console(void)
{
    FVM_PROCESS_BASIC_INFORMATION basic;
    nt.NtQueryInformationProcess(GetCurrentProcess(), 0, &basic, sizeof(basic), NULL);
    return &((FVM_PEB *)basic.PebBaseAddress)->ProcessParameters->ConsoleHandle;
}

/* The system gives a child what it is to have as standard input and console, also when no handle is inherited, or others are. */
static void as_standard_handle(const wchar_t *program, HANDLE file)
{
    for (int way = 0; way < 5; way++) {
        WCHAR command[2 * UNITS];
        BYTE room[256];
        SIZE_T size = sizeof(room);
        DWORD code = 0;
        HANDLE event = CreateEventW(&(SECURITY_ATTRIBUTES){sizeof(SECURITY_ATTRIBUTES), NULL, TRUE}, TRUE, FALSE, NULL);
        STARTUPINFOEXW startup = {.StartupInfo = {.cb = sizeof(startup), .dwFlags = STARTF_USESTDHANDLES}};
        PROCESS_INFORMATION process;
        HANDLE kept = *console();
        startup.StartupInfo.hStdInput = way < 3 ? file : NULL;
        startup.StartupInfo.hStdOutput = startup.StartupInfo.hStdError = GetStdHandle(STD_OUTPUT_HANDLE);
        startup.lpAttributeList = (void *)room;
        InitializeProcThreadAttributeList(startup.lpAttributeList, 1, 0, &size);
        if (way == 2)
            UpdateProcThreadAttribute(startup.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, &event,
                                      sizeof(event), NULL, NULL);
        swprintf(command, 2 * UNITS, L"\"%ls\" \"%ls\" given", program, top);
        *console() = way < 3 ? kept : file;
        if (CreateProcessW(NULL, command, NULL, NULL, way % 3 > 0, EXTENDED_STARTUPINFO_PRESENT, NULL, NULL,
                           &startup.StartupInfo, &process)) {
            WaitForSingleObject(process.hProcess, 30000);
            GetExitCodeProcess(process.hProcess, &code);
            close_handle(process.hProcess);
            close_handle(process.hThread);
        }
        *console() = kept;
        report(code != 0, "handle %x as standard handle, way %d", (unsigned)(ULONG_PTR)file, way);
        close_handle(event);
    }
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    if (argc > 2 && !wcscmp(argv[2], L"given"))
        return given();
    make_layer_work(argc > 2);
    if (argc > 2) {
        SetEvent(OpenEventW(EVENT_MODIFY_STATE, FALSE, L"own-ready"));
        Sleep(60000);
        return 0;
    }
    for (ULONG_PTR value = 4; value < LAST_HANDLE; value += 4) {
        HANDLE handle = (HANDLE)value;
        show_names(handle);
        if (is_log(handle))
            as_standard_handle(argv[0], handle);
        for (unsigned tag = 0; tag < 2 && is_log(handle); tag++, handle = (HANDLE)(value + tag)) {
            duplicate(handle, GetCurrentProcess(), 0, "the process's");
            duplicate(handle, GetCurrentProcess(), GENERIC_READ | GENERIC_WRITE | DELETE, "the process's");
            shorten(handle, "the process's");
            forge(handle);
            other_uses(handle);
        }
    }
    of_a_child(argv[0]);
    return 0;
}
