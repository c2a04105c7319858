/* Provokes each kind of refusal that can come about on Wine, once, for the event log.
 *   refusals DIRECTORY HOME COLON   (FVM's home, a Windows path; a file with a colon in its Unix name, an NT path)
 *   refusals hold                   on the host: holds a link to the host's named objects, until a line comes on standard input
 *   refusals repeat NAME COUNT      tries to make NAME-0, NAME-1 ... in a directory of the system */
#include "../harness/keys.h"

enum {
    SET_REPARSE_POINT = 0x900a4,
    LOCK_VOLUME = 0x90018,
    WAIT_FOR_PIPE = 0x110018,
    DELETE_MOUNT_POINTS = 0x6dc004,
    READ_CREDENTIAL = 0x6d00c0, /* Wine's */
    LONG_NAME = 20000
};

static wchar_t filled[LONG_NAME + 64];

/* `start` and as many letters as given. */
static const wchar_t *long_name(const wchar_t *start, size_t units)
{
    size_t length = wcslen(start);
    wcscpy(filled, start);
    while (length < units)
        filled[length++] = L'a';
    filled[length] = 0;
    return filled;
}

static void tried(const char *what, NTSTATUS status)
{
    say("%s: %08lx", what, status);
}

static void open_file(const char *what, const wchar_t *name, ACCESS_MASK access, ULONG disposition)
{
    struct opening o = {NULL, name, access, SHARE_ALL, disposition, 0, 0};
    HANDLE file;
    tried(what, open_as(&o, &file, NULL));
    close_handle(file);
}

static OBJECT_ATTRIBUTES *named(UNICODE_STRING *string, OBJECT_ATTRIBUTES *at, const wchar_t *name)
{
    *string = unicode(name);
    InitializeObjectAttributes(at, string, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return at;
}

/* ---- files and devices ---- */

static void own_files(const wchar_t *home)
{
    FILE_BASIC_INFORMATION information;
    UNICODE_STRING string;
    OBJECT_ATTRIBUTES at;
    const wchar_t *name = joined(L"\\??\\", home);
    open_file("open FVM's home", name, FILE_READ_ATTRIBUTES, FILE_OPEN);
    open_file("make a file there", joined(name, L"\\new"), GENERIC_WRITE, FILE_CREATE);
    tried("ask for it", nt.NtQueryAttributesFile(named(&string, &at, joined(name, L"\\asked")), &information));
    tried("load it", nt.NtLoadKey(named(&string, &at, MACHINE L"Loaded"),
                                  named(&(UNICODE_STRING){0}, &(OBJECT_ATTRIBUTES){0}, joined(name, L"\\hive"))));
}

static void devices(void)
{
    IO_STATUS_BLOCK io;
    FILE_BASIC_INFORMATION information;
    UNICODE_STRING string;
    OBJECT_ATTRIBUTES at;
    open_file("open a device", L"\\Device\\PhysicalMemory", FILE_READ_DATA, FILE_OPEN);
    open_file("open a Unix device", L"\\??\\unix\\dev\\null", FILE_READ_DATA, FILE_OPEN);
    tried("load a Unix device",
          nt.NtLoadKey(named(&string, &at, MACHINE L"Loaded"),
                       named(&(UNICODE_STRING){0}, &(OBJECT_ATTRIBUTES){0}, L"\\??\\unix\\dev\\zero")));
    open_file("open a volume", L"\\??\\C:", GENERIC_READ, FILE_OPEN);
    open_file("open a pipe of the machine", L"\\??\\UNC\\localhost\\pipe\\opened", GENERIC_READ, FILE_OPEN);
    tried("ask for a pipe of the machine",
          nt.NtQueryAttributesFile(named(&string, &at, L"\\??\\UNC\\localhost\\pipe\\asked"), &information));
    HANDLE file = open_at(L"file.txt", GENERIC_READ, 0);
    BYTE label[64] = {0};
    tried("lock a volume", nt.NtFsControlFile(file, NULL, NULL, NULL, &io, LOCK_VOLUME, NULL, 0, NULL, 0));
    tried("name a volume",
          nt.NtSetVolumeInformationFile(file, &io, label, sizeof label, 2 /* FileFsLabelInformation */));
    tried("make a junction",
          nt.NtFsControlFile(file, NULL, NULL, NULL, &io, SET_REPARSE_POINT, label, sizeof label, NULL, 0));
    close_handle(file);
    struct opening o = {NULL, L"\\??\\MountPointManager", GENERIC_READ | GENERIC_WRITE, SHARE_ALL, FILE_OPEN, 0, 0};
    open_as(&o, &file, NULL);
    tried("remove a drive", nt.NtDeviceIoControlFile(file, NULL, NULL, NULL, &io, DELETE_MOUNT_POINTS, label,
                                                     sizeof label, label, sizeof label));
    tried("a credential", nt.NtDeviceIoControlFile(file, NULL, NULL, NULL, &io, READ_CREDENTIAL, label, sizeof label,
                                                   label, sizeof label));
    close_handle(file);
}

static void files(const wchar_t *colon)
{
    open_file("a name with a colon", colon, GENERIC_READ, FILE_OPEN);
    open_file("a name that is too long", long_name(L"\\??\\unix\\", LONG_NAME), GENERIC_READ, FILE_OPEN);
    open_file("a copy that cannot be made", nt_at(L"obstacle.txt"), GENERIC_WRITE, FILE_OPEN);
    open_file("one of two names", nt_at(L"two names.txt"), GENERIC_WRITE, FILE_OPEN);
}

/* ---- objects, pipes, processes ---- */

static void objects(void)
{
    UNICODE_STRING string, target;
    OBJECT_ATTRIBUTES at;
    HANDLE h;
    tried("the host's objects", nt.NtOpenDirectoryObject(&h, DIRECTORY_QUERY, named(&string, &at, L"\\??\\fvm-way")));
    tried("a long name of the system",
          nt.NtOpenEvent(&h, SYNCHRONIZE, named(&string, &at, long_name(L"\\KernelObjects\\", LONG_NAME))));
    target = unicode(L"\\BaseNamedObjects\\fvm-loop");
    nt.NtCreateSymbolicLinkObject(&h, GENERIC_ALL, named(&string, &at, L"\\BaseNamedObjects\\fvm-loop"), &target);
    open_file("a link to itself", L"\\BaseNamedObjects\\fvm-loop\\x", GENERIC_READ, FILE_OPEN);
    close_handle(h);
}

/* What is the system's, in each way that it might be changed. */
static void system_objects(void)
{
    const wchar_t *data = L"\\KernelObjects\\__wine_user_shared_data";
    UNICODE_STRING string;
    OBJECT_ATTRIBUTES at;
    HANDLE h = NULL, directory = NULL;
    tried("change a section", nt.NtOpenSection(&h, WRITE_DAC, named(&string, &at, data)));
    tried("everything of a section", nt.NtOpenSection(&h, GENERIC_ALL, named(&string, &at, data)));
    HANDLE more = NULL;
    tried("more of it", nt.NtDuplicateObject(GetCurrentProcess(), h, GetCurrentProcess(), &more, WRITE_DAC, 0, 0));
    close_handle(h);
    tried("make an object",
          nt.NtCreateEvent(&h, EVENT_ALL_ACCESS, named(&string, &at, L"\\KernelObjects\\fvm-new"), 0, FALSE));
    nt.NtOpenDirectoryObject(&directory, DIRECTORY_QUERY | DIRECTORY_TRAVERSE, named(&string, &at, L"\\KernelObjects"));
    named(&string, &at, L"fvm-new");
    at.RootDirectory = directory;
    tried("make it relative to a handle", nt.NtCreateEvent(&h, EVENT_ALL_ACCESS, &at, 0, FALSE));
    tried("make the directory temporary", nt.NtMakeTemporaryObject(directory));
    tried("delete a drive letter", nt.NtOpenSymbolicLinkObject(&h, DELETE, named(&string, &at, L"\\??\\C:")));
    named(&string, &at, L"");
    at.RootDirectory = h;
    tried("open it once more", nt.NtOpenSymbolicLinkObject(&more, SYMBOLIC_LINK_QUERY | DELETE, &at));
    close_handle(h);
    h = CreateEventW(NULL, FALSE, FALSE, L"fvm-permanent");
    if (nt.NtMakePermanentObject)
        tried("make it permanent", nt.NtMakePermanentObject(h));
    close_handle(directory);
    close_handle(h);
}

static void pipes(void)
{
    static struct {
        LARGE_INTEGER timeout;
        ULONG name_length;
        BOOLEAN timeout_specified;
        WCHAR name[40000];
    } wait;
    struct opening o = {NULL, L"\\??\\pipe\\", FILE_READ_ATTRIBUTES, SHARE_ALL, FILE_OPEN, 0, 0};
    IO_STATUS_BLOCK io;
    HANDLE device;
    open_as(&o, &device, NULL);
    wait.name_length = sizeof wait.name - 64;
    for (size_t i = 0; i < sizeof wait.name / sizeof *wait.name; i++)
        wait.name[i] = L'p';
    tried("wait for a pipe",
          nt.NtFsControlFile(device, NULL, NULL, NULL, &io, WAIT_FOR_PIPE, &wait, sizeof wait, NULL, 0));
    close_handle(device);
}

NTSTATUS NTAPI RtlCreateProcessParametersEx(void **, const UNICODE_STRING *, const UNICODE_STRING *,
                                            const UNICODE_STRING *, const UNICODE_STRING *, const void *,
                                            const UNICODE_STRING *, const UNICODE_STRING *, const UNICODE_STRING *,
                                            const UNICODE_STRING *, ULONG);

static NTSTATUS create(FVM_PS_ATTRIBUTE_LIST *list)
{
    enum { NORMALIZED = 1 };
    SIZE_T information[16] = {11 * sizeof(SIZE_T)}; /* PS_CREATE_INFO */
    UNICODE_STRING program = unicode(L"C:\\refused.exe");
    void *parameters = NULL;
    HANDLE process, thread;
    RtlCreateProcessParametersEx(&parameters, &program, NULL, NULL, &program, NULL, NULL, NULL, NULL, NULL, NORMALIZED);
    return nt.NtCreateUserProcess(&process, &thread, PROCESS_ALL_ACCESS, THREAD_ALL_ACCESS, NULL, NULL, 0, 0,
                                  parameters, (void *)information, list);
}

static void processes(const wchar_t *home)
{
    union {
        FVM_PS_ATTRIBUTE_LIST list;
        BYTE room[sizeof(FVM_PS_ATTRIBUTE_LIST) + 2 * sizeof(FVM_PS_ATTRIBUTE)];
    } attributes = {0};
    static const wchar_t *const no_files[] = {L"\\??\\pipe\\started", L"\\??\\UNC\\localhost\\pipe\\started",
                                              L"\\??\\unix\\dev\\full"};
    FVM_PS_ATTRIBUTE_LIST *list = &attributes.list;
    PROCESS_INFORMATION information;
    STARTUPINFOW startup = {.cb = sizeof startup};
    wchar_t command[UNITS];
    UNICODE_STRING driver = unicode(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\fvm-driver");
    const wchar_t *name = joined(L"\\??\\", joined(home, L"\\started.exe"));
    for (int i = 0; i < 2; i++) {
        list->Attributes[i].Attribute = FVM_PS_ATTRIBUTE_IMAGE_NAME;
        list->Attributes[i].ValuePtr = (void *)name;
        list->Attributes[i].Size = wcslen(name) * sizeof *name;
    }
    list->TotalLength = sizeof(SIZE_T) + 2 * sizeof(FVM_PS_ATTRIBUTE);
    tried("two images", create(list));
    list->TotalLength -= sizeof(FVM_PS_ATTRIBUTE);
    tried("an image of FVM's own", create(list));
    for (size_t i = 0; i < sizeof no_files / sizeof *no_files; i++) {
        list->Attributes[0].ValuePtr = (void *)no_files[i];
        list->Attributes[0].Size = wcslen(no_files[i]) * sizeof *name;
        tried("an image that is no file", create(list));
    }
    wcscpy(command, at(L"alien.exe"));
    say("a program for another machine: %s",
        worked(CreateProcessW(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &information)));
    tried("a driver", nt.NtLoadDriver(&driver));
}

/* ---- keys ---- */

#define HOST_KEY L"Software\\Wine"

/* Another process of the VM puts a key of the host in the place of one of the VM's, and the layer is not told. */
static void changed_handle(void)
{
    wchar_t command[UNITS], program[UNITS];
    PROCESS_INFORMATION child;
    STARTUPINFOW startup = {.cb = sizeof startup};
    HANDLE key;
    close_key(create_key(NULL, user(L"fvm-changed"))); /* of a new key the layer has a handle of its own */
    key = must_open(NULL, user(L"fvm-changed"), KEY_ALL_ACCESS);
    GetModuleFileNameW(NULL, program, UNITS);
    swprintf(command, UNITS, L"\"%ls\" put %lu", program, GetCurrentProcessId());
    CreateProcessW(NULL, command, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &startup, &child);
    close_key(key);
    ResumeThread(child.hThread);
    WaitForSingleObject(child.hProcess, INFINITE);
    tried("a handle that became another key's", set_value(key, L"changed", REG_SZ, L"x", 4));
    close_key(key);
    CloseHandle(child.hThread);
    CloseHandle(child.hProcess);
}

static int put_key(DWORD pid)
{
    HANDLE key, put, parent = OpenProcess(PROCESS_DUP_HANDLE, FALSE, pid);
    open_key(&key, NULL, user(HOST_KEY), KEY_ALL_ACCESS);
    for (int i = 0; i < 16; i++) /* some lower numbers may be free, too */
        DuplicateHandle(GetCurrentProcess(), key, parent, &put, 0, FALSE, DUPLICATE_SAME_ACCESS);
    return 0;
}

static void keys(void)
{
    HANDLE key, other;
    tried("FVM's own keys", open_key(&key, NULL, user(L"Software\\FVM"), KEY_READ));
    tried("a key at the root", create_key_as(&key, NULL, L"\\Registry\\fvm-root", 18, KEY_READ, NULL, 0, NULL));
    long_name(L"", LONG_NAME);
    for (size_t i = 0; i < LONG_NAME; i++)
        filled[i] = L'\\';
    memcpy(filled, L"\\Registry\\User", 14 * sizeof(wchar_t));
    tried("a name with many backslashes", open_key(&key, NULL, filled, KEY_READ));
    close_key(key);
    key = create_key(NULL, user(L"fvm-refused"));
    if (nt.NtCreateKeyTransacted) {
        UNICODE_STRING string;
        OBJECT_ATTRIBUTES at;
        tried("a transaction", nt.NtCreateKeyTransacted(&other, KEY_READ, named(&string, &at, user(L"fvm-transacted")),
                                                        0, NULL, 0, key, NULL));
    }
    UNICODE_STRING string;
    OBJECT_ATTRIBUTES at;
    IO_STATUS_BLOCK io;
    HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);
    tried("a watch", nt.NtNotifyChangeMultipleKeys(key, 1, named(&string, &at, user(L"Software")), event, NULL, NULL,
                                                   &io, REG_NOTIFY_CHANGE_NAME, FALSE, NULL, 0, TRUE));
    close_key(key);
}

static void given_away(void)
{
    BYTE system[SECURITY_MAX_SID_SIZE];
    ACL list;
    SECURITY_DESCRIPTOR both;
    DWORD size = sizeof system;
    HANDLE key = create_key(NULL, user(L"fvm-given"));
    CreateWellKnownSid(WinLocalSystemSid, NULL, system, &size);
    InitializeAcl(&list, sizeof list, ACL_REVISION);
    InitializeSecurityDescriptor(&both, SECURITY_DESCRIPTOR_REVISION);
    SetSecurityDescriptorDacl(&both, TRUE, &list, FALSE);
    SetSecurityDescriptorOwner(&both, system, FALSE);
    tried("giving a key away",
          nt.NtSetSecurityObject(key, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &both));
    close_key(key);
}

static void hives(void)
{
    UNICODE_STRING key, file;
    OBJECT_ATTRIBUTES key_at, file_at;
    named(&file, &file_at, nt_at(L"hive"));
    tried("a hive with a link", nt.NtLoadKey(named(&key, &key_at, MACHINE L"fvm-loaded"), &file_at));
    tried("a pipe as hive", nt.NtLoadKey(&key_at, named(&(UNICODE_STRING){0}, &(OBJECT_ATTRIBUTES){0},
                                                        L"\\??\\UNC\\localhost\\pipe\\loaded")));
    tried("a hive at the root", nt.NtLoadKey(named(&key, &key_at, L"\\Registry\\fvm-hive"), &file_at));
    tried("a hive over FVM's keys", nt.NtLoadKey(named(&key, &key_at, user(L"Software\\FVM\\hive")), &file_at));
    tried("unloading", nt.NtUnloadKey(named(&key, &key_at, MACHINE L"Software")));
}

/* The journals that the layer has open: what is not intercepted sees them, other services do not. */
static void layers_handles(void)
{
    enum { LAST_HANDLE = 0x400 };
    for (ULONG_PTR value = 4; value < LAST_HANDLE; value += 4) {
        HANDLE handle = (HANDLE)value;
        FVM_OBJECT_BASIC_INFORMATION basic;
        FILE_END_OF_FILE_INFORMATION end = {0};
        IO_STATUS_BLOCK io;
        if (GetFileType(handle) == FILE_TYPE_DISK &&
            nt.NtQueryObject(handle, (OBJECT_INFORMATION_CLASS)ObjectBasicInformationClass, &basic, sizeof(basic),
                             NULL) == STATUS_INVALID_HANDLE)
            tried("the end of a journal",
                  nt.NtSetInformationFile(handle, &io, &end, sizeof(end), FileEndOfFileInformation));
    }
}

static int hold(void)
{
    UNICODE_STRING name, target = unicode(L"\\BaseNamedObjects");
    OBJECT_ATTRIBUTES at;
    HANDLE link;
    tried("up", nt.NtCreateSymbolicLinkObject(&link, GENERIC_ALL, named(&name, &at, L"\\??\\fvm-way"), &target));
    return getchar() == EOF;
}

static int repeat(const wchar_t *text, ULONG count)
{
    HANDLE event;
    UNICODE_STRING string;
    OBJECT_ATTRIBUTES at;
    wchar_t name[64];
    for (ULONG i = 0; i < count; i++) {
        swprintf(name, 64, L"\\KernelObjects\\%ls-%lu", text, i);
        if (nt.NtCreateEvent(&event, EVENT_ALL_ACCESS, named(&string, &at, name), 0, FALSE) != STATUS_ACCESS_DENIED)
            return 1;
    }
    return 0;
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    if (!wcscmp(argv[1], L"hold"))
        return hold();
    if (argc < 3)
        return 2;
    if (!wcscmp(argv[1], L"put"))
        return put_key(wcstoul(argv[2], NULL, 10));
    if (!wcscmp(argv[1], L"repeat"))
        return repeat(argv[2], wcstoul(argv[3], NULL, 10));
    own_files(argv[2]);
    devices();
    files(argv[3]);
    objects();
    system_objects();
    pipes();
    processes(argv[2]);
    keys();
    changed_handle();
    given_away();
    hives();
    layers_handles();
    return 0;
}
