/* Every way to a child process (but the shell's: on Wine it leaves a process that keeps the output open): what it answers, and that what it writes is seen by its parent (and, as always, not by the host). */
#include "../harness/show.h"

#include <process.h>

static wchar_t self[UNITS];

/* The child writes its mark over a file of the host; the parent shows it. */
static void say_mark(const wchar_t *name)
{
    say_file(name);
}

static const wchar_t *command_line(const wchar_t *name)
{
    static wchar_t line[UNITS];
    swprintf(line, UNITS, L"\"%ls\" \"%ls\" \"%ls\"", self, top, name);
    return line;
}

static void with_flags(const wchar_t *name, DWORD flags, STARTUPINFOEXW *startup)
{
    PROCESS_INFORMATION process;
    STARTUPINFOEXW plain = {.StartupInfo.cb = sizeof(STARTUPINFOW)};
    wchar_t line[UNITS];
    wcscpy(line, command_line(name));
    BOOL made = CreateProcessW(NULL, line, NULL, NULL, FALSE, flags, NULL, NULL,
                               startup ? &startup->StartupInfo : &plain.StartupInfo, &process);
    say("flags %lx: %s", flags, worked(made));
    if (!made)
        return;
    if (flags & CREATE_SUSPENDED) {
        say("  before: %lu", WaitForSingleObject(process.hProcess, 100));
        say_mark(name);
        say("  resume %lu", ResumeThread(process.hThread));
    }
    say_end(&process, 20000);
    say_mark(name);
}

static void with_parent(const wchar_t *name)
{
    HANDLE parent = OpenProcess(PROCESS_CREATE_PROCESS, FALSE, GetCurrentProcessId());
    SIZE_T size = 0;
    STARTUPINFOEXW startup = {.StartupInfo.cb = sizeof(startup)};
    InitializeProcThreadAttributeList(NULL, 1, 0, &size);
    startup.lpAttributeList = malloc(size);
    InitializeProcThreadAttributeList(startup.lpAttributeList, 1, 0, &size);
    say("attribute: %s",
        worked(UpdateProcThreadAttribute(startup.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_PARENT_PROCESS, &parent,
                                         sizeof(parent), NULL, NULL)));
    with_flags(name, EXTENDED_STARTUPINFO_PRESENT, &startup);
    CloseHandle(parent);
}

static ACCESS_MASK granted(HANDLE handle)
{
    FVM_OBJECT_BASIC_INFORMATION basic = {0};
    nt.NtQueryObject(handle, (OBJECT_INFORMATION_CLASS)ObjectBasicInformationClass, &basic, sizeof(basic), NULL);
    return basic.GrantedAccess;
}

/* Without CreateProcess. */
static void native(const wchar_t *name, ULONG thread_flags, ACCESS_MASK access, ULONG inherit)
{
    NTSTATUS(NTAPI * create_parameters)
    (void **, UNICODE_STRING *, UNICODE_STRING *, UNICODE_STRING *, UNICODE_STRING *, void *, UNICODE_STRING *,
     UNICODE_STRING *, UNICODE_STRING *, UNICODE_STRING *, ULONG) =
        (void *)GetProcAddress(GetModuleHandleW(L"ntdll"), "RtlCreateProcessParametersEx");
    wchar_t image[UNITS];
    swprintf(image, UNITS, L"\\??\\%ls", self);
    UNICODE_STRING dos = unicode(self), line = unicode(command_line(name)), directory = unicode(L"C:\\");
    void *parameters;
    NTSTATUS status = create_parameters(&parameters, &dos, NULL, &directory, &line, NULL, NULL, NULL, NULL, NULL, 1);
    say("parameters %08lx", status);
    struct {
        SIZE_T length;
        FVM_PS_ATTRIBUTE image;
    } list = {sizeof(list), {FVM_PS_ATTRIBUTE_IMAGE_NAME, wcslen(image) * sizeof(wchar_t), {.ValuePtr = image}, NULL}};
    BYTE info[88] = {sizeof(info)}; /* PS_CREATE_INFO */
    PROCESS_INFORMATION process = {0};
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof(attributes), .Attributes = inherit};
    DWORD flags[2] = {9, 9};
    status = nt.NtCreateUserProcess(&process.hProcess, &process.hThread, access, access, &attributes, &attributes, 0,
                                    thread_flags, parameters, info, (FVM_PS_ATTRIBUTE_LIST *)&list);
    say("NtCreateUserProcess %08lx", status);
    if (status < 0)
        return;
    GetHandleInformation(process.hProcess, &flags[0]);
    GetHandleInformation(process.hThread, &flags[1]);
    say("  access %lx %lx flags %lu %lu", granted(process.hProcess), granted(process.hThread), flags[0], flags[1]);
    if (thread_flags)
        say("  resume %lu", ResumeThread(process.hThread));
    say_end(&process, 20000);
    say_mark(name);
}

static void by_shell(void)
{
    wchar_t line[UNITS];
    swprintf(line, UNITS, L"\"%ls\"", command_line(L"many\\20.txt"));
    say("_wsystem: %d", _wsystem(line));
    say_mark(L"many\\20.txt");

    char batch[2 * UNITS];
    snprintf(batch, sizeof(batch), "@echo off\r\n%s\r\nexit /b 5\r\n", utf8(command_line(L"many\\21.txt")));
    say("batch: %s", worked(put(at(L"run.bat"), batch)));

    say("cmd: %d", _wsystem(at(L"run.bat")));
    say_mark(L"many\\21.txt");

    STARTUPINFOW startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process;
    wcscpy(line, at(L"run.bat"));
    BOOL made = CreateProcessW(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process);
    say("CreateProcess of a batch file: %s", worked(made));
    if (made)
        say_end(&process, 20000);

    say("WinExec: %d", WinExec(utf8(command_line(L"many\\23.txt")), SW_HIDE) > 31);
    for (int i = 0; i < 200 && GetFileAttributesW(at(L"many\\23.txt.done")) == INVALID_FILE_ATTRIBUTES; i++)
        Sleep(50);
    say_mark(L"many\\23.txt");
    say("_wspawnl: %d", (int)_wspawnl(_P_WAIT, self, joined(L"\"", joined(self, L"\"")),
                                      joined(L"\"", joined(top, L"\"")), L"many\\24.txt", NULL));
    say_mark(L"many\\24.txt");
}

static void failures(void)
{
    static const wchar_t *const names[] = {L"missing.exe", L"readme.txt", L"empty", L"big.bin"};
    STARTUPINFOW startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        say("CreateProcess of %s: %s", utf8(names[i]),
            worked(CreateProcessW(at(names[i]), NULL, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process)));
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    if (argc == 3) { /* a child: writes, and has a child of its own for one of the names */
        BOOL ok = put(at(argv[2]), "written by a child");
        if (wcsstr(argv[2], L"01")) {
            GetModuleFileNameW(NULL, self, UNITS);
            wchar_t line[UNITS];
            swprintf(line, UNITS, L"\"%ls\"", command_line(L"many\\02.txt"));
            ok = ok && !_wsystem(line);
        }
        return put(joined(at(argv[2]), L".done"), "done") && ok ? 0 : 1;
    }
    GetModuleFileNameW(NULL, self, UNITS);
    with_flags(L"many\\00.txt", 0, NULL);
    with_flags(L"many\\01.txt", 0, NULL);
    say_mark(L"many\\02.txt");
    with_flags(L"many\\03.txt", CREATE_SUSPENDED, NULL);
    with_flags(L"many\\04.txt", DETACHED_PROCESS, NULL);
    with_flags(L"many\\05.txt", CREATE_BREAKAWAY_FROM_JOB, NULL);
    with_flags(L"many\\06.txt", CREATE_NEW_PROCESS_GROUP, NULL);
    with_flags(L"many\\07.txt", CREATE_NO_WINDOW, NULL);
    with_parent(L"many\\08.txt");
    native(L"many\\09.txt", 0, MAXIMUM_ALLOWED, 0);
    native(L"many\\10.txt", THREAD_CREATE_FLAGS_CREATE_SUSPENDED_FLAG, GENERIC_ALL, 0);
    native(L"many\\11.txt", 0, GENERIC_ALL, OBJ_INHERIT);
    native(L"many\\12.txt", 0, PROCESS_ALL_ACCESS & ~PROCESS_SET_QUOTA, OBJ_INHERIT);
    native(L"many\\13.txt", 0, MAXIMUM_ALLOWED, OBJ_INHERIT);
    by_shell();
    failures();
    say_tree(at(L"many"));
    return 0;
}
