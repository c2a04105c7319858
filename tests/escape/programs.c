/* Starting what the layer cannot enter, and getting a process that is not the VM's. What runs outside would leave a mark on the
 * host: `mark` below is made by every child that runs, and must be a file of the VM.
 *
 * Not tried, because nothing in user mode can stop it on Wine: a program that makes system calls of its own instead of ntdll's.
 * See docs/security.md. */
#include "try.h"

static wchar_t self[UNITS], mark[UNITS];

/* Runs a command line; whether a process came of it. */
static BOOL runs(const wchar_t *program, const wchar_t *text, DWORD flags, STARTUPINFOEXW *startup, DWORD *code)
{
    PROCESS_INFORMATION process;
    STARTUPINFOEXW plain = {.StartupInfo.cb = sizeof(STARTUPINFOW)};
    wchar_t line[UNITS];
    wcsncpy(line, text, UNITS - 1);
    *code = 0xdead;
    if (!CreateProcessW(program, line, NULL, NULL, FALSE, flags, NULL, NULL,
                        startup ? &startup->StartupInfo : &plain.StartupInfo, &process))
        return FALSE;
    ResumeThread(process.hThread);
    WaitForSingleObject(process.hProcess, 20000);
    GetExitCodeProcess(process.hProcess, code);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    return TRUE;
}

static void unix_programs(void)
{
    static const wchar_t *const programs[] = {L"Z:\\bin\\true",     L"Z:\\usr\\bin\\true",     L"Z:\\bin\\sh",
                                              L"Z:\\usr\\bin\\env", L"\\\\?\\unix\\bin\\true", L"Z:\\proc\\self\\exe"};
    DWORD code;
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        report(runs(programs[i], programs[i], 0, NULL, &code), "CreateProcess of %s", utf8(programs[i]));

    put(at(L"script.sh"), "#!/bin/sh\nexit 0\n");
    report(runs(at(L"script.sh"), L"script", 0, NULL, &code), "CreateProcess of a script");
    put(at(L"fake.exe"), "#!/bin/sh\nexit 0\n");
    report(runs(at(L"fake.exe"), L"fake", 0, NULL, &code), "CreateProcess of a script that is called .exe");
    CopyFileW(L"Z:\\bin\\true", at(L"elf.exe"), FALSE);
    report(runs(at(L"elf.exe"), L"elf", 0, NULL, &code), "CreateProcess of a copied Unix program");

    /* start.exe would do it by Wine's own service, below; but its message box brings up a desktop that does not end. */
    static const wchar_t *const lines[] = {L"cmd /c Z:\\bin\\true", L"cmd /c Z:\\usr\\bin\\env true"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        BOOL ran = runs(NULL, lines[i], CREATE_NO_WINDOW, NULL, &code);
        report(ran && !code, "%s: ran %d code %lx", utf8(lines[i]), ran, code);
    }
    NTSTATUS(NTAPI * spawn)
    (char *const argv[], int wait) = (void *)GetProcAddress(GetModuleHandleW(L"ntdll"), "__wine_unix_spawnvp");
    char *arguments[] = {"true", NULL};
    report(spawn && spawn(arguments, 1) >= 0, "Wine's own service for Unix programs");
}

/* A child makes the mark; when it was not the VM's, the host has it. */
static void child(const char *how, const wchar_t *program, DWORD flags, STARTUPINFOEXW *startup)
{
    wchar_t line[UNITS];
    DWORD code;
    DeleteFileW(mark);
    swprintf(line, UNITS, L"\"%ls\" \"%ls\" mark \"%ls\"", self, top, mark);
    BOOL ran = runs(program, line, flags, startup, &code);
    BOOL marked = GetFileAttributesW(mark) != INVALID_FILE_ATTRIBUTES;
    report(ran && !marked, "%s: ran %d, marked the VM %d", how, ran, marked);
}

static HANDLE outside_process(void)
{
    /* Processes of the machine itself; their numbers are small and even. */
    for (DWORD id = 4; id < 4096; id += 4) {
        HANDLE process = OpenProcess(PROCESS_CREATE_PROCESS | PROCESS_QUERY_LIMITED_INFORMATION, FALSE, id);
        wchar_t name[UNITS];
        DWORD length = UNITS;
        if (process && QueryFullProcessImageNameW(process, 0, name, &length) &&
            (wcsstr(name, L"services.exe") || wcsstr(name, L"explorer.exe") || wcsstr(name, L"cmd.exe")))
            return process;
        if (process)
            CloseHandle(process);
    }
    return NULL;
}

static void processes(void)
{
    child("a plain child", self, 0, NULL);
    child("breakaway from the job", self, CREATE_BREAKAWAY_FROM_JOB, NULL);
    child("detached", self, DETACHED_PROCESS, NULL);
    child("a new group", self, CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW, NULL);
    child("suspended", self, CREATE_SUSPENDED, NULL);
    child("by the Unix name", joined(L"\\\\?\\unix", unix_name(self) + wcslen(L"\\??\\unix")), 0, NULL);

    HANDLE parent = outside_process();
    SIZE_T size = 0;
    STARTUPINFOEXW startup = {.StartupInfo.cb = sizeof(startup)};
    InitializeProcThreadAttributeList(NULL, 1, 0, &size);
    startup.lpAttributeList = malloc(size);
    InitializeProcThreadAttributeList(startup.lpAttributeList, 1, 0, &size);
    UpdateProcThreadAttribute(startup.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_PARENT_PROCESS, &parent, sizeof(parent),
                              NULL, NULL);
    if (parent)
        child("a parent outside the VM", self, EXTENDED_STARTUPINFO_PRESENT, &startup);
    else
        report(FALSE, "a parent outside the VM: none can be opened");
}

/* Calls the service itself with the image names given. */
static void create_native(const wchar_t *const *images, size_t count)
{
    NTSTATUS(NTAPI * create_parameters)
    (void **, UNICODE_STRING *, UNICODE_STRING *, UNICODE_STRING *, UNICODE_STRING *, void *, UNICODE_STRING *,
     UNICODE_STRING *, UNICODE_STRING *, UNICODE_STRING *, ULONG) =
        (void *)GetProcAddress(GetModuleHandleW(L"ntdll"), "RtlCreateProcessParametersEx");
    const wchar_t *unix_mark = joined(unix_name(top) + wcslen(L"\\??\\unix"), L"/marked");
    UNICODE_STRING dos = unicode(self), line = unicode(joined(L"touch ", unix_mark)), directory = unicode(L"C:\\");
    struct {
        SIZE_T length;
        FVM_PS_ATTRIBUTE image[2];
    } list = {sizeof(SIZE_T) + count * sizeof(FVM_PS_ATTRIBUTE), {{0}}};
    BYTE info[88] = {sizeof(info)};
    HANDLE process = NULL, thread = NULL;
    void *parameters;
    create_parameters(&parameters, &dos, NULL, &directory, &line, NULL, NULL, NULL, NULL, NULL, 1);
    for (size_t i = 0; i < count; i++) {
        list.image[i].Attribute = FVM_PS_ATTRIBUTE_IMAGE_NAME;
        list.image[i].Size = wcslen(images[i]) * sizeof(wchar_t);
        list.image[i].ValuePtr = (void *)images[i];
    }
    nt.NtCreateUserProcess(&process, &thread, PROCESS_ALL_ACCESS, THREAD_ALL_ACCESS, NULL, NULL, 0,
                           THREAD_CREATE_FLAGS_CREATE_SUSPENDED_FLAG, parameters, info, (FVM_PS_ATTRIBUTE_LIST *)&list);
    if (process)
        TerminateProcess(process, 0);
}

/* A Unix program that ran leaves a mark on the host, a little later. */
static BOOL marked(void)
{
    Sleep(500);
    return GetFileAttributesW(at(L"marked")) != INVALID_FILE_ATTRIBUTES;
}

/* Of two the layer would look at one, and the system open the other. */
static void two_images(void)
{
    const wchar_t *own = joined(L"\\??\\", self), *both[] = {own, L"\\??\\Z:\\usr\\bin\\touch", own};
    create_native(both, 2);
    report(marked(), "a second image name: a Unix program");
    create_native(both + 1, 2);
    report(marked(), "a first image name: a Unix program");
}

static void without_image(void)
{
    NTSTATUS(NTAPI * create)
    (HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, HANDLE, ULONG, HANDLE, HANDLE, HANDLE, ULONG) =
        (void *)GetProcAddress(GetModuleHandleW(L"ntdll"), "NtCreateProcessEx");
    NTSTATUS(NTAPI * create_user)
    (HANDLE *, HANDLE *, ACCESS_MASK, ACCESS_MASK, OBJECT_ATTRIBUTES *, OBJECT_ATTRIBUTES *, ULONG, ULONG, void *,
     void *, void *) = (void *)GetProcAddress(GetModuleHandleW(L"ntdll"), "NtCreateUserProcess");
    HANDLE process, thread;
    report(create && create(&process, MAXIMUM_ALLOWED, NULL, GetCurrentProcess(), 0, NULL, NULL, NULL, 0) >= 0,
           "a copy of the process");
    SIZE_T empty_list = sizeof(SIZE_T);
    report(create_user(&process, &thread, MAXIMUM_ALLOWED, MAXIMUM_ALLOWED, NULL, NULL, 0, 0, NULL, NULL,
                       &empty_list) >= 0,
           "a process without an image");
    report(create_user(&process, &thread, MAXIMUM_ALLOWED, MAXIMUM_ALLOWED, NULL, NULL, 0, 0, NULL, NULL, NULL) >= 0,
           "a process without attributes");
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    if (argc == 4) /* the child */
        return put(argv[3], "made by a child") ? 0 : 1;
    GetModuleFileNameW(NULL, self, UNITS);
    wcscpy(mark, at(L"mark.txt"));
    processes();
    without_image();
    two_images();
    unix_programs();
    return 0;
}
