/* Symbolic links and object directories: what links lead to, what they say, what a listing shows. */
#include "native_objects.h"

static void query_link(const WCHAR *name)
{
    struct named n;
    HANDLE link;
    WCHAR text[256];
    UNICODE_STRING target = {0, sizeof(text), text};
    ULONG length = 0;
    NTSTATUS status = NtOpenSymbolicLinkObject(&link, 1, named(&n, NULL, name, OBJ_CASE_INSENSITIVE));
    printf("open %ls: 0x%08lx\n", name, (unsigned long)status);
    if (status < 0)
        return;
    status = NtQuerySymbolicLinkObject(link, &target, &length);
    printf("target: 0x%08lx %lu \"%.*ls\"\n", (unsigned long)status, length, target.Length / 2, text);
    for (unsigned room = 0; room < 64; room += 7) {
        target.MaximumLength = (USHORT)(room & ~1u);
        target.Length = 0x4444;
        length = 0;
        status = NtQuerySymbolicLinkObject(link, &target, &length);
        printf("room %u: 0x%08lx %lu %x\n", room & ~1u, (unsigned long)status, length, target.Length);
    }
    print_name("link", link);
    NtClose(link);
}

static void make_links(void)
{
    static const WCHAR *const targets[] = {L"\\BaseNamedObjects", L"\\BaseNamedObjects\\Local",
                                           L"\\??\\GLOBALROOT\\BaseNamedObjects", L"\\fvm-nowhere", L"relative"};
    struct named n;
    UNICODE_STRING target;
    HANDLE link, event, other;
    NtCreateEvent(&event, MAXIMUM_ALLOWED, named(&n, NULL, L"\\BaseNamedObjects\\fvm-target", 0), 0, FALSE);
    for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        RtlInitUnicodeString(&target, targets[i]);
        step("make link",
             NtCreateSymbolicLinkObject(&link, 1, named(&n, NULL, L"\\BaseNamedObjects\\fvm-link", 0), &target));
        query_link(L"\\BaseNamedObjects\\fvm-link");
        other = NULL;
        step("through it",
             NtOpenEvent(&other, MAXIMUM_ALLOWED, named(&n, NULL, L"\\BaseNamedObjects\\fvm-link\\fvm-target", 0)));
        if (other) {
            print_name("through it", other);
            NtClose(other);
        }
        NtClose(link);
    }
    NtClose(event);
    RtlInitUnicodeString(&target, L"");
    step("empty target",
         NtCreateSymbolicLinkObject(&link, 1, named(&n, NULL, L"\\BaseNamedObjects\\fvm-link", 0), &target));
}

struct entry {
    UNICODE_STRING name, type;
};

static void list(const WCHAR *name, const WCHAR *only)
{
    struct named n;
    static char buffer[4096];
    struct entry *entry = (struct entry *)buffer;
    ULONG context = 0, length;
    HANDLE dir;
    NTSTATUS status = NtOpenDirectoryObject(&dir, 1, named(&n, NULL, name, OBJ_CASE_INSENSITIVE));
    printf("list %ls: 0x%08lx\n", name, (unsigned long)status);
    if (status < 0)
        return;
    for (BOOLEAN restart = TRUE;
         NtQueryDirectoryObject(dir, buffer, sizeof(buffer), TRUE, restart, &context, &length) >= 0; restart = FALSE)
        if (!only || !_wcsnicmp(entry->name.Buffer, only, wcslen(only)))
            printf("  %.*ls %.*ls\n", entry->name.Length / 2, entry->name.Buffer, entry->type.Length / 2,
                   entry->type.Buffer);
    if (name[1]) /* Wine gives the root no name, Windows does */
        print_name("directory", dir);
    NtClose(dir);
}

/* How many entries there are; their order is the system's business. */
static void count(const WCHAR *name)
{
    struct named n;
    static char buffer[4096];
    ULONG context = 0, length;
    unsigned entries = 0;
    HANDLE dir;
    NTSTATUS status = NtOpenDirectoryObject(&dir, 1, named(&n, NULL, name, OBJ_CASE_INSENSITIVE)), end;
    printf("count %ls: 0x%08lx\n", name, (unsigned long)status);
    if (status < 0)
        return;
    while ((end = NtQueryDirectoryObject(dir, buffer, sizeof(buffer), TRUE, !entries, &context, &length)) >= 0)
        entries++;
    printf("%u entries, 0x%08lx\n", entries, (unsigned long)end);
    status = NtQueryDirectoryObject(dir, buffer, 8, TRUE, TRUE, &context, &length);
    printf("no room: 0x%08lx\n", (unsigned long)status);
    NtClose(dir);
}

/* What a VM shares with the system has as many spellings as its own. */
static void open_shared(void)
{
    static const WCHAR *const names[] = {
        L"\\KernelObjects\\LowMemoryCondition",
        L"\\kernelobjects\\lowmemorycondition",
        L"\\??\\GLOBALROOT\\KernelObjects\\LowMemoryCondition",
        L"\\DosDevices\\GLOBALROOT\\KernelObjects\\LowMemoryCondition",
        L"\\KernelObjects\\fvm-none",
        L"\\KernelObjects",
        L"KernelObjects\\LowMemoryCondition",
    };
    struct named n;
    HANDLE root, links, handle;
    NtOpenDirectoryObject(&root, 3, named(&n, NULL, L"\\", OBJ_CASE_INSENSITIVE));
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        handle = NULL;
        printf("%ls ", names[i]);
        step("open", NtOpenEvent(&handle, SYNCHRONIZE,
                                 named(&n, names[i][0] == '\\' ? NULL : root, names[i], OBJ_CASE_INSENSITIVE)));
        if (handle)
            print_name("event", handle);
        if (handle)
            NtClose(handle);
    }
    NtOpenDirectoryObject(&links, 3, named(&n, NULL, L"\\DosDevices", OBJ_CASE_INSENSITIVE));
    static const WCHAR *const leaves[] = {L"NUL", L"pipe", L"fvm-none"};
    for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        handle = NULL;
        printf("%ls ", leaves[i]);
        step("link", NtOpenSymbolicLinkObject(&handle, 1, named(&n, links, leaves[i], OBJ_CASE_INSENSITIVE)));
        if (handle)
            print_name("link", handle);
        if (handle)
            NtClose(handle);
    }
    NtClose(links);
    NtClose(root);
}

/* A letter that a program defines stays when its handles are closed, until it is removed. */
static void define_devices(void)
{
    static const WCHAR *const names[] = {L"Q:", L"Q7"}; /* Wine has room for so much */
    WCHAR target[256], drives[4];
    for (unsigned i = 0; i < 2; i++) {
        printf("define %ls: %d\n", names[i], DefineDosDeviceW(0, names[i], L"C:\\windows"));
        DWORD length = QueryDosDeviceW(names[i], target, 256);
        printf("query: %lu %ls\n", length, length ? target : L"");
        swprintf(target, 256, L"\\??\\%ls", names[i]);
        query_link(target);
        list(L"\\??", names[i]);
        swprintf(drives, 4, L"%ls", i ? L"R:" : L"Q:");
        printf("drive type %u\n", GetDriveTypeW(drives));
        printf("again: %d %lu\n", DefineDosDeviceW(DDD_RAW_TARGET_PATH, names[i], L"\\Device\\Null"), GetLastError());
        printf("remove: %d\n", DefineDosDeviceW(DDD_REMOVE_DEFINITION, names[i], NULL));
        SetLastError(0);
        printf("query: %lu %lu\n", QueryDosDeviceW(names[i], target, 256), GetLastError());
        printf("remove: %d %lu\n", DefineDosDeviceW(DDD_REMOVE_DEFINITION, names[i], NULL), GetLastError());
    }
}

/* Its objects are the global ones. */
static void session_0(void)
{
    static const WCHAR *const names[] = {L"\\BaseNamedObjects\\fvm-0", L"\\Sessions\\0\\BaseNamedObjects\\fvm-0",
                                         L"\\Sessions\\0\\fvm-0"};
    struct named n;
    HANDLE made, opened;
    query_link(L"\\Sessions\\0\\BaseNamedObjects");
    list(L"\\Sessions", L"0");
    list(L"\\Sessions\\0", L"DosDevices");
    list(L"\\Sessions\\0", L"BaseNamedObjects");
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        step("create", NtCreateEvent(&made, MAXIMUM_ALLOWED, named(&n, NULL, names[i], 0), 0, FALSE));
        for (unsigned j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
            opened = NULL;
            printf("%ls ", names[j]);
            step("open", NtOpenEvent(&opened, MAXIMUM_ALLOWED, named(&n, NULL, names[j], 0)));
            if (opened)
                NtClose(opened);
        }
        NtClose(made);
    }
}

int main(void)
{
    WCHAR name[128];
    struct named n;
    HANDLE dir, a, b;
    query_link(L"\\BaseNamedObjects\\Local");
    query_link(L"\\BaseNamedObjects\\Global");
    query_link(L"\\BaseNamedObjects\\Session");
    query_link(L"\\DosDevices");
    query_link(L"\\??\\NUL");
    query_link(L"\\??\\PIPE");
    query_link(L"\\DosDevices\\GLOBALROOT");
    query_link(L"\\DosDevices\\GLOBALROOT\\DosDevices");
    swprintf(name, 128, L"\\Sessions\\%lu\\BaseNamedObjects\\Local", session());
    query_link(name);
    swprintf(name, 128, L"\\Sessions\\BNOLINKS\\%lu", session());
    query_link(name);
    session_0();
    swprintf(name, 128, L"\\Sessions\\%lu", session());
    list(name, L"Windows");
    list(name, L"BaseNamedObjects");
    make_links();
    NtCreateDirectoryObject(&dir, 0xf, named(&n, NULL, L"\\BaseNamedObjects\\fvm-list", 0));
    list(L"\\BaseNamedObjects\\fvm-list", NULL);
    NtCreateEvent(&a, MAXIMUM_ALLOWED, named(&n, dir, L"one", 0), 0, FALSE);
    NtCreateMutant(&b, MAXIMUM_ALLOWED, named(&n, dir, L"two", 0), FALSE);
    list(L"\\BaseNamedObjects\\fvm-list", NULL);
    list(L"\\BaseNamedObjects", L"fvm-list");
    list(L"\\KernelObjects", L"Low");
    list(L"\\??", L"NUL");
    list(L"\\DosDevices", L"GLOBALROOT");
    list(L"\\", L"KernelObjects");
    list(L"\\", L"ObjectTypes");
    count(L"\\??");
    count(L"\\KernelObjects");
    count(L"\\BaseNamedObjects\\fvm-list");
    open_shared();
    list(L"\\DosDevices\\GLOBALROOT\\BaseNamedObjects\\fvm-list", NULL);
    list(L"\\fvm-none", NULL);
    define_devices();
    return 0;
}
