/* Ways to a program outside the VM that need two threads: what a name, a handle or an id is changes after the layer looked at it.
 *   races PID        (of target.exe)
 *   races PID keys   only the security and saving of keys
 *   races PID names  only their names (not without a VM: Wine 8's server dies of it)
 *   races security   shows who may do what with the host's key
 * Prints `blocked: TECHNIQUE` or `ESCAPED: TECHNIQUE`; what is made in the host's files, the test sees. */
#include "../vm/native_objects.h"

#include <stdlib.h>

static unsigned long pid;

static void tried(const char *technique, BOOL escaped)
{
    printf("%s: %s\n", escaped ? "ESCAPED" : "blocked", technique);
}

/* ---- names ---- */

#define RACE_MS 700

/* Names of one length that another thread writes in turn, over the end of the one that the VM shares. */
static struct {
    WCHAR text[64];
    const WCHAR *names[2];
    size_t bytes;
    volatile BOOL stop;
} race;

static DWORD WINAPI flip(void *unused)
{
    (void)unused;
    for (int i = 0; !race.stop; i++) {
        memcpy(race.text, race.names[i & 1], race.bytes);
        __asm__ volatile("" ::: "memory");
    }
    return 0;
}

static BOOL race_event(OBJECT_ATTRIBUTES *at)
{
    HANDLE h;
    if (NtOpenEvent(&h, EVENT_ALL_ACCESS, at) < 0 && NtOpenEvent(&h, SYNCHRONIZE, at) < 0)
        return FALSE;
    SetEvent(h);
    return TRUE;
}

static BOOL race_pipe(OBJECT_ATTRIBUTES *at)
{
    IO_STATUS_BLOCK io;
    HANDLE h;
    return NtOpenFile(&h, GENERIC_READ | SYNCHRONIZE, at, &io, 7, 0) >= 0;
}

static BOOL race_link(OBJECT_ATTRIBUTES *at)
{
    struct named n;
    HANDLE link, h;
    BOOL reached = FALSE;
    if (NtCreateSymbolicLinkObject(&link, 1, named(&n, NULL, L"\\BaseNamedObjects\\l", 0), at->ObjectName) < 0)
        return FALSE;
    if (NtOpenEvent(&h, EVENT_ALL_ACCESS, named(&n, NULL, L"\\BaseNamedObjects\\l", 0)) >= 0)
        reached = SetEvent(h);
    NtClose(link);
    return reached;
}

static void one_race(const char *technique, const WCHAR *harmless, const WCHAR *host,
                     BOOL (*reaches)(OBJECT_ATTRIBUTES *))
{
    UNICODE_STRING name = {0, sizeof(race.text), race.text};
    OBJECT_ATTRIBUTES at = {.Length = sizeof(at), .ObjectName = &name, .Attributes = OBJ_CASE_INSENSITIVE};
    BOOL reached = FALSE;
    race.names[0] = harmless;
    race.names[1] = host;
    race.bytes = wcslen(harmless) * sizeof(WCHAR);
    name.Length = (USHORT)race.bytes;
    race.stop = FALSE;
    HANDLE thread = CreateThread(NULL, 0, flip, NULL, 0, NULL);
    for (DWORD start = GetTickCount(); !reached && GetTickCount() - start < RACE_MS;)
        reached = reaches(&at) || wcslen(harmless) != wcslen(host);
    race.stop = TRUE;
    WaitForSingleObject(thread, INFINITE);
    tried(technique, reached);
}

static void names(void)
{
    one_race("an event by a name that changes", L"\\KernelObjects\\xxxxxxxxxxxxxxx",
             L"\\BaseNamedObjects\\fvm-target-0", race_event);
    one_race("an event by a name that becomes absolute", L"xBaseNamedObjects\\fvm-target-0",
             L"\\BaseNamedObjects\\fvm-target-0", race_event);
    one_race("a pipe by a name that changes", L"\\??\\NUL\\xxxxxxxxxxx", L"\\??\\pipe\\fvm-target", race_pipe);
    one_race("a link whose target changes", L"xBaseNamedObjects\\fvm-target-0", L"\\BaseNamedObjects\\fvm-target-0",
             race_link);
}

/* ---- handles ---- */

/* A handle's number that is in turn one and the other of these. */
static struct {
    HANDLE (*open[2])(void);
    volatile HANDLE now;
    volatile BOOL stop;
} turning;

static DWORD WINAPI turn(void *unused)
{
    (void)unused;
    for (int i = 0; !turning.stop; i++) {
        HANDLE h = turning.open[i & 1]();
        turning.now = h;
        for (volatile int wait = i % 16 * 20000; wait; wait--) /* up to half a millisecond */
            ;
        NtClose(h);
    }
    return 0;
}

static HANDLE open_as_file(const WCHAR *name)
{
    struct named n;
    IO_STATUS_BLOCK io;
    HANDLE h = NULL;
    NtOpenFile(&h, GENERIC_READ | SYNCHRONIZE, named(&n, NULL, name, OBJ_CASE_INSENSITIVE), &io, 7,
               FILE_SYNCHRONOUS_IO_NONALERT);
    return h;
}

static HANDLE open_directory(const WCHAR *name)
{
    struct named n;
    HANDLE h = NULL;
    NtOpenDirectoryObject(&h, 3, named(&n, NULL, name, OBJ_CASE_INSENSITIVE));
    return h;
}

static HANDLE null_device(void)
{
    return open_as_file(L"\\??\\NUL");
}

static HANDLE pipe_device(void)
{
    return open_as_file(L"\\??\\pipe\\");
}

static HANDLE files(void)
{
    return open_as_file(L"\\??\\C:\\");
}

static HANDLE own_objects(void)
{
    return open_directory(L"\\BaseNamedObjects");
}

static HANDLE system_objects(void)
{
    return open_directory(L"\\KernelObjects");
}

static BOOL is_systems(HANDLE h)
{
    struct {
        UNICODE_STRING name;
        WCHAR text[512];
    } info = {0};
    ULONG length;
    return NtQueryObject(h, (OBJECT_INFORMATION_CLASS)1, &info, sizeof(info), &length) >= 0 && info.name.Length &&
           !_wcsnicmp(info.name.Buffer, L"\\KernelObjects", 14);
}

/* Where it is made, only the test can see: by that name the VM has its own. */
static BOOL makes_file(void)
{
    struct named n;
    IO_STATUS_BLOCK io;
    HANDLE h;
    if (NtCreateFile(&h, GENERIC_WRITE | DELETE | SYNCHRONIZE,
                     named(&n, turning.now, L"fvm-planted-file", OBJ_CASE_INSENSITIVE), &io, NULL, 0, 7, FILE_OPEN_IF,
                     FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0) >= 0)
        NtClose(h);
    return FALSE;
}

/* Renames what the handle has open, to a name that a file of the VM has. */
static BOOL renames(void)
{
    struct {
        ULONG replace;
        HANDLE root;
        ULONG length;
        WCHAR name[32];
    } to = {.name = L"\\??\\C:\\fvm-planted-name"};
    IO_STATUS_BLOCK io;
    to.length = (ULONG)(wcslen(to.name) * sizeof(WCHAR));
    NtSetInformationFile(turning.now, &io, &to, sizeof(to), 10 /* FileRenameInformation */);
    return FALSE;
}

static HANDLE own_file(void)
{
    struct named n;
    IO_STATUS_BLOCK io;
    HANDLE h = NULL;
    NtCreateFile(&h, GENERIC_WRITE | DELETE | SYNCHRONIZE,
                 named(&n, NULL, L"\\??\\C:\\fvm-planted-own", OBJ_CASE_INSENSITIVE), &io, NULL, 0, 7, FILE_OPEN_IF,
                 FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0);
    return h;
}

static HANDLE hosts_file(void)
{
    return open_as_file(L"\\??\\C:\\fvm-host-file");
}

static BOOL connects(void)
{
    struct named n;
    IO_STATUS_BLOCK io;
    HANDLE h;
    NTSTATUS status = NtOpenFile(&h, GENERIC_READ | SYNCHRONIZE,
                                 named(&n, turning.now, L"fvm-target", OBJ_CASE_INSENSITIVE), &io, 7, 0);
    BOOL pipe = status >= 0 && GetFileType(h) == FILE_TYPE_PIPE; /* the target counts as well who comes */
    if (status >= 0)
        NtClose(h);
    return pipe;
}

static BOOL makes_event(void)
{
    struct named n;
    HANDLE h;
    if (NtCreateEvent(&h, MAXIMUM_ALLOWED, named(&n, turning.now, L"fvm-planted", OBJ_OPENIF), 0, FALSE) < 0)
        return FALSE;
    BOOL reached = is_systems(h);
    NtClose(h);
    return reached;
}

static BOOL opens_section(void)
{
    struct named n;
    HANDLE h;
    if (NtOpenSection(&h, SECTION_MAP_WRITE | SECTION_MAP_READ,
                      named(&n, turning.now, L"__wine_user_shared_data", OBJ_CASE_INSENSITIVE)) < 0)
        return FALSE;
    BOOL reached = is_systems(h);
    NtClose(h);
    return reached;
}

static void one_turning(const char *technique, HANDLE (*harmless)(void), HANDLE (*other)(void), BOOL (*reaches)(void))
{
    BOOL reached = FALSE;
    turning.open[0] = harmless;
    turning.open[1] = other;
    turning.stop = FALSE;
    HANDLE thread = CreateThread(NULL, 0, turn, NULL, 0, NULL);
    for (DWORD start = GetTickCount(); !reached && GetTickCount() - start < 2 * RACE_MS;)
        reached = reaches();
    turning.stop = TRUE;
    WaitForSingleObject(thread, INFINITE);
    tried(technique, reached);
}

static void handles(void)
{
    struct named n;
    HANDLE own;
    LARGE_INTEGER size = {.QuadPart = 4096};
    NtCreateSection(&own, SECTION_ALL_ACCESS, named(&n, NULL, L"\\BaseNamedObjects\\__wine_user_shared_data", 0), &size,
                    PAGE_READWRITE, SEC_COMMIT, NULL);
    one_turning("a file relative to a device that becomes a directory", null_device, files, makes_file);
    one_turning("a rename of a file that becomes the host's", own_file, hosts_file, renames);
    one_turning("a pipe relative to a device that becomes that of pipes", null_device, pipe_device, connects);
    one_turning("an event relative to a directory that becomes the system's", own_objects, system_objects, makes_event);
    one_turning("a section relative to a directory that becomes the system's", own_objects, system_objects,
                opens_section);
}

/* ---- keys: what is changed in the host's, the test sees ---- */

NTSTATUS NTAPI NtDeleteKey(HANDLE);
NTSTATUS NTAPI NtRenameKey(HANDLE, UNICODE_STRING *);
NTSTATUS NTAPI NtSaveKey(HANDLE, HANDLE);
NTSTATUS NTAPI NtSetSecurityObject(HANDLE, SECURITY_INFORMATION, void *);
NTSTATUS NTAPI RtlAdjustPrivilege(ULONG, BOOLEAN, BOOLEAN, BOOLEAN *);

static HKEY own_key, own_leaf, host_key, host_leaf;
static HANDLE event;

static HKEY key_below(HKEY above, const WCHAR *name)
{
    HKEY key = NULL;
    RegCreateKeyExW(above, name, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL);
    return key;
}

static HANDLE copy_of(HANDLE handle)
{
    HANDLE copy = NULL;
    DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS);
    return copy;
}

static HANDLE vms_key(void)
{
    return copy_of(own_key);
}

static HANDLE vms_leaf(void)
{
    return key_below(own_key, L"leaf");
}

static HANDLE vms_same_leaf(void)
{
    return copy_of(own_leaf);
}

static HANDLE hosts_key(void)
{
    return copy_of(host_key);
}

static HANDLE hosts_leaf(void)
{
    return copy_of(host_leaf);
}

static HANDLE no_key(void)
{
    return copy_of(event);
}

static BOOL sets_value(void)
{
    RegSetValueExW(turning.now, L"planted", 0, REG_SZ, (const BYTE *)L"x", 4);
    return FALSE;
}

static BOOL deletes_value(void)
{
    RegDeleteValueW(turning.now, L"kept");
    return FALSE;
}

static BOOL makes_key(void)
{
    static int count;
    WCHAR name[32];
    HKEY key;
    swprintf(name, 32, L"planted-%d", count++);
    if (!RegCreateKeyExW(turning.now, name, 0, NULL, 0, KEY_READ, NULL, &key, NULL))
        NtClose(key);
    return FALSE;
}

static BOOL deletes_key(void)
{
    NtDeleteKey(turning.now);
    return FALSE;
}

static void keys(void)
{
    own_key = key_below(HKEY_CURRENT_USER, L"Software\\fvm-planted-own");
    host_key = key_below(HKEY_CURRENT_USER, L"Software\\fvm-host-key");
    host_leaf = key_below(HKEY_CURRENT_USER, L"Software\\fvm-host-leaf");
    event = CreateEventW(NULL, FALSE, FALSE, NULL);
    one_turning("a value of a key that becomes the host's", vms_key, hosts_key, sets_value);
    one_turning("a value of an event that becomes the host's key", no_key, hosts_key, sets_value);
    one_turning("the end of a value of a key that becomes the host's", vms_key, hosts_key, deletes_value);
    one_turning("a key below one that becomes the host's", vms_key, hosts_key, makes_key);
    one_turning("the end of a key that becomes the host's", vms_leaf, hosts_leaf, deletes_key);
}

/* A descriptor that leaves everybody everything, and can be told from the one that a key is made with. */
static BOOL sets_security(void)
{
    SECURITY_DESCRIPTOR descriptor;
    union {
        ACL acl;
        BYTE room[128];
    } dacl;
    SID everyone = {SID_REVISION, 1, {SECURITY_WORLD_SID_AUTHORITY}, {SECURITY_WORLD_RID}};
    InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
    InitializeAcl(&dacl.acl, sizeof(dacl), ACL_REVISION);
    AddAccessAllowedAce(&dacl.acl, ACL_REVISION, KEY_ALL_ACCESS, &everyone);
    SetSecurityDescriptorDacl(&descriptor, TRUE, &dacl.acl, FALSE);
    NtSetSecurityObject(turning.now, DACL_SECURITY_INFORMATION, &descriptor);
    return FALSE;
}

static BOOL renames_key(void)
{
    static int count;
    WCHAR text[32];
    UNICODE_STRING name;
    swprintf(text, 32, L"a-planted-%d", count++);
    RtlInitUnicodeString(&name, text);
    NtRenameKey(turning.now, &name);
    return FALSE;
}

static BOOL saves_key(void)
{
    HANDLE file = CreateFileW(L"C:\\fvm-planted-hive", GENERIC_WRITE, 7, NULL, CREATE_ALWAYS, 0, NULL);
    NtSaveKey(turning.now, file);
    CloseHandle(file);
    return FALSE;
}

static void show_security(void)
{
    union {
        SECURITY_DESCRIPTOR descriptor;
        BYTE bytes[1024];
    } security;
    DWORD size = sizeof(security);
    HKEY key = NULL;
    RegOpenKeyExW(HKEY_CURRENT_USER, L"Software\\fvm-host-key", 0, READ_CONTROL, &key);
    if (RegGetKeySecurity(key, DACL_SECURITY_INFORMATION, &security.descriptor, &size))
        size = 0;
    for (DWORD i = 0; i < size; i++)
        printf("%02x", security.bytes[i]);
    printf("\n");
}

/* Without the privilege saving is refused, as outside. */
static void enable_backup(void)
{
    BOOLEAN before;
    RtlAdjustPrivilege(17, TRUE, FALSE, &before);
}

static void more_keys(BOOL rename)
{
    own_key = key_below(HKEY_CURRENT_USER, L"Software\\fvm-planted-own");
    own_leaf = key_below(own_key, L"leaf");
    host_key = key_below(HKEY_CURRENT_USER, L"Software\\fvm-host-key");
    host_leaf = key_below(HKEY_CURRENT_USER, L"Software\\fvm-host-leaf");
    event = CreateEventW(NULL, FALSE, FALSE, NULL);
    enable_backup();
    if (rename) {
        one_turning("the name of a key that becomes the host's", vms_same_leaf, hosts_leaf, renames_key);
        one_turning("the name of an event that becomes the host's key", no_key, hosts_leaf, renames_key);
        return;
    }
    one_turning("the security of a key that becomes the host's", vms_key, hosts_key, sets_security);
    one_turning("the security of an event that becomes the host's key", no_key, hosts_key, sets_security);
    one_turning("a save of a key that becomes the host's", vms_key, hosts_key, saves_key);
    one_turning("a save of an event that becomes the host's key", no_key, hosts_key, saves_key);
}

/* ---- ids ---- */

struct image {
    HANDLE id;
    UNICODE_STRING name;
    WCHAR text[300];
};

static DWORD WINAPI flip_id(void *at)
{
    struct image *image = at;
    for (int i = 0; !race.stop; i++)
        *(volatile HANDLE *)&image->id = (HANDLE)(ULONG_PTR)(i & 1 ? pid : GetCurrentProcessId());
    return 0;
}

static void ids(void)
{
    static struct image image;
    ULONG length;
    BOOL reached = FALSE;
    race.stop = FALSE;
    HANDLE thread = CreateThread(NULL, 0, flip_id, &image, 0, NULL);
    for (DWORD start = GetTickCount(); !reached && GetTickCount() - start < RACE_MS;) {
        memset(image.text, 0, sizeof(image.text));
        image.name = (UNICODE_STRING){0, sizeof(image.text) - 2, image.text};
        if (NtQuerySystemInformation((SYSTEM_INFORMATION_CLASS)88, &image, 3 * sizeof(void *), &length) >= 0)
            reached = wcsstr(image.text, L"target.exe") != NULL;
    }
    race.stop = TRUE;
    WaitForSingleObject(thread, INFINITE);
    tried("the image of a process by an id that changes", reached);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    pid = strtoul(argv[1], NULL, 10);
    setvbuf(stdout, NULL, _IONBF, 0);
    if (!strcmp(argv[1], "security")) {
        show_security();
        return 0;
    }
    if (argc > 2 && (!strcmp(argv[2], "keys") || !strcmp(argv[2], "names"))) {
        more_keys(!strcmp(argv[2], "names"));
        return 0;
    }
    names();
    handles();
    keys();
    ids();
    return 0;
}
