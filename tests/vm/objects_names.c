/* Named objects of every type under every spelling of their name: create, open, open-if, collisions, wrong types, names. */
#include "native_objects.h"

static WCHAR spelling[8][128];

static void make_spellings(void)
{
    ULONG id = session();
    wcscpy(spelling[0], L"\\BaseNamedObjects\\fvm-names");
    wcscpy(spelling[1], L"\\BaseNamedObjects\\Local\\fvm-names");
    wcscpy(spelling[2], L"\\BaseNamedObjects\\Global\\fvm-names");
    swprintf(spelling[3], 128, L"\\Sessions\\%lu\\BaseNamedObjects\\fvm-names", id);
    swprintf(spelling[4], 128, L"\\Sessions\\%lu\\BaseNamedObjects\\Local\\fvm-names", id);
    swprintf(spelling[5], 128, L"\\Sessions\\%lu\\BaseNamedObjects\\Global\\fvm-names", id);
    swprintf(spelling[6], 128, L"\\Sessions\\BNOLINKS\\%lu\\fvm-names", id);
    swprintf(spelling[7], 128, L"\\BaseNamedObjects\\Session\\%lu\\FVM-Names", id);
}

static void one_type(enum object_type type)
{
    struct named n;
    HANDLE h, other, again;
    char what[100];
    for (int made = 0; made < 8; made++) {
        h = NULL;
        sprintf(what, "%s %d create", type_names[type], made);
        step(what, create_object(type, &h, named(&n, NULL, spelling[made], 0)));
        if (h)
            print_name(type_names[type], h);
        for (int asked = 0; asked < 8; asked++) {
            sprintf(what, "%s %d open by %d", type_names[type], made, asked);
            other = NULL;
            step(what, open_object(type, &other, named(&n, NULL, spelling[asked], OBJ_CASE_INSENSITIVE)));
            if (other)
                NtClose(other);
        }
        sprintf(what, "%s %d create again", type_names[type], made);
        again = NULL;
        step(what, create_object(type, &again, named(&n, NULL, spelling[made], 0)));
        sprintf(what, "%s %d open if", type_names[type], made);
        step(what, create_object(type, &again, named(&n, NULL, spelling[made], OBJ_OPENIF)));
        if (again)
            NtClose(again);
        for (enum object_type t = 0; t < TYPES; t++) {
            if (t == type)
                continue;
            again = NULL;
            sprintf(what, "%s %d open as %s", type_names[type], made, type_names[t]);
            step(what, open_object(t, &again, named(&n, NULL, spelling[made], 0)));
            if (again)
                NtClose(again);
            again = NULL;
            sprintf(what, "%s %d create as %s", type_names[type], made, type_names[t]);
            step(what, create_object(t, &again, named(&n, NULL, spelling[made], OBJ_OPENIF)));
            if (again)
                NtClose(again);
        }
        if (h)
            NtClose(h);
        again = NULL;
        sprintf(what, "%s %d after close", type_names[type], made);
        step(what, open_object(type, &again, named(&n, NULL, spelling[made], 0)));
        if (again)
            NtClose(again);
    }
}

static void try_create(const char *what, enum object_type type, const WCHAR *name, ULONG flags)
{
    struct named n;
    HANDLE h = NULL;
    step(what, create_object(type, &h, named(&n, NULL, name, flags)));
    if (h)
        NtClose(h);
}

static void bad_names(void)
{
    static const WCHAR *const names[] = {L"",
                                         L"\\",
                                         L"\\\\",
                                         L"fvm",
                                         L"\\fvm-nowhere\\x",
                                         L"\\BaseNamedObjects\\",
                                         L"\\\\BaseNamedObjects\\x",
                                         L"\\BaseNamedObjects\\\\x",
                                         L"\\BaseNamedObjects\\fvm-no\\x",
                                         L"\\BaseNamedObjects\\x\\",
                                         L"\\Sessions",
                                         L"\\Sessions\\77\\BaseNamedObjects\\x"};
    struct named n;
    HANDLE h;
    char what[100];
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        for (enum object_type t = 0; t < TYPES; t++) {
            h = NULL;
            sprintf(what, "bad name %u open %s", i, type_names[t]);
            step(what, open_object(t, &h, named(&n, NULL, names[i], 0)));
            if (h)
                NtClose(h);
            sprintf(what, "bad name %u create %s", i, type_names[t]);
            try_create(what, t, names[i], 0);
        }
    struct named odd;
    named(&odd, NULL, L"\\BaseNamedObjects\\odd", 0);
    odd.name.Length--;
    step("odd length", NtOpenEvent(&h, MAXIMUM_ALLOWED, &odd.attributes));
    step("no attributes", NtCreateEvent(&h, MAXIMUM_ALLOWED, NULL, 0, FALSE));
    NtClose(h);
    step("open, no attributes", NtOpenEvent(&h, MAXIMUM_ALLOWED, NULL));
    step("bad attributes", NtOpenEvent(&h, MAXIMUM_ALLOWED, (OBJECT_ATTRIBUTES *)NULL));
}

/* What stands in the program's handle after a name that cannot be read, too. */
static void unreadable_names(void)
{
    UNICODE_STRING *nowhere = VirtualAlloc(NULL, 4096, MEM_RESERVE, PAGE_NOACCESS);
    UNICODE_STRING strings[] = {
        {2, 2, (WCHAR *)nowhere}, {3, 4, (WCHAR *)((char *)nowhere + 1)}, {0, 0, (WCHAR *)nowhere}};
    OBJECT_ATTRIBUTES at, *given[] = {&at, &at, &at, &at, (OBJECT_ATTRIBUTES *)nowhere};
    UNICODE_STRING *said[] = {nowhere, &strings[0], &strings[1], &strings[2], NULL};
    HANDLE roots[] = {NULL, (HANDLE)0xdeadbeef};
    char what[100];
    for (unsigned i = 0; i < 10; i++)
        for (enum object_type t = 0; t < TYPES; t++) {
            HANDLE created = (HANDLE)0x4444, opened = (HANDLE)0x4444;
            InitializeObjectAttributes(&at, said[i % 5], 0, roots[i / 5], NULL);
            sprintf(what, "unreadable %u create %s", i, type_names[t]);
            step(what, create_object(t, &created, given[i % 5]));
            sprintf(what, "unreadable %u open %s", i, type_names[t]);
            step(what, open_object(t, &opened, given[i % 5]));
            printf("handles: %d %d %d %d\n", !created, created == (HANDLE)0x4444, !opened, opened == (HANDLE)0x4444);
        }
}

static void relative(void)
{
    struct named n;
    HANDLE dir, h, other;
    step("directory", NtOpenDirectoryObject(&dir, 0xf, named(&n, NULL, L"\\BaseNamedObjects", 0)));
    print_name("directory", dir);
    for (enum object_type t = 0; t < TYPES; t++) {
        h = other = NULL;
        step(type_names[t], create_object(t, &h, named(&n, dir, L"fvm-relative", 0)));
        print_name(type_names[t], h);
        step("open absolute", open_object(t, &other, named(&n, NULL, L"\\BaseNamedObjects\\fvm-relative", 0)));
        if (other)
            NtClose(other);
        other = NULL;
        step("open by Local", open_object(t, &other, named(&n, dir, L"Local\\fvm-relative", 0)));
        if (other)
            NtClose(other);
        other = NULL;
        step("open with backslash", open_object(t, &other, named(&n, dir, L"\\fvm-relative", 0)));
        if (h)
            NtClose(h);
    }
    NtClose(dir);
    step("own directory", NtCreateDirectoryObject(&dir, 0xf, named(&n, NULL, L"\\BaseNamedObjects\\fvm-dir", 0)));
    step("in it", NtCreateEvent(&h, MAXIMUM_ALLOWED, named(&n, dir, L"deep", 0), 0, FALSE));
    print_name("deep", h);
    step("absolute", NtOpenEvent(&other, MAXIMUM_ALLOWED, named(&n, NULL, L"\\BaseNamedObjects\\fvm-dir\\deep", 0)));
    NtClose(other);
    NtClose(h);
    NtClose(dir);
    step("without a name", NtCreateDirectoryObject(&dir, 0xf, named(&n, NULL, L"", 0)));
    step("in it", NtCreateEvent(&h, MAXIMUM_ALLOWED, named(&n, dir, L"deep", 0), 0, FALSE));
    print_name("deep", h);
    NtClose(h);
    NtClose(dir);
}

/* kernel32's names */
static void win32(void)
{
    HANDLE first = CreateMutexW(NULL, FALSE, L"fvm-single");
    printf("first: %lu\n", GetLastError());
    HANDLE second = CreateMutexW(NULL, FALSE, L"Local\\fvm-single");
    printf("Local: %lu\n", GetLastError());
    HANDLE third = CreateMutexW(NULL, FALSE, L"Global\\fvm-single");
    printf("Global: %lu\n", GetLastError());
    HANDLE fourth = CreateEventW(NULL, FALSE, FALSE, L"fvm-single");
    printf("as an event: %p %lu\n", (void *)fourth, GetLastError());
    HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, L"fvm-shared");
    printf("section: %lu\n", GetLastError());
    char *a = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
    HANDLE other = OpenFileMappingW(FILE_MAP_WRITE, FALSE, L"fvm-shared");
    char *b = MapViewOfFile(other, FILE_MAP_WRITE, 0, 0, 0);
    strcpy(a, "through");
    printf("shared memory: %s\n", b);
    print_name("mutex", second);
    print_name("global mutex", third);
    CloseHandle(first);
    CloseHandle(second);
    CloseHandle(third);
}

static void root(void)
{
    static const ULONG flags[] = {0, OBJ_OPENIF, OBJ_OPENIF | OBJ_CASE_INSENSITIVE};
    struct named n;
    for (enum object_type t = 0; t < TYPES; t++)
        for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
            HANDLE h = NULL;
            printf("at the root, %lx, ", flags[i]);
            step(type_names[t], create_object(t, &h, named(&n, NULL, L"\\", flags[i])));
            if (h)
                NtClose(h);
        }
}

/* Rights, inheritance and security go with the handle and the object, whatever its name is. */
static void rights(void)
{
    struct named n;
    HANDLE h, other = NULL;
    DWORD flags = 0;
    ACL nobody;
    SECURITY_DESCRIPTOR security;
    step("inherited",
         NtCreateEvent(&h, EVENT_ALL_ACCESS, named(&n, NULL, L"\\BaseNamedObjects\\fvm-right", OBJ_INHERIT), 0, FALSE));
    GetHandleInformation(h, &flags);
    printf("flags %lx\n", flags);
    step("to wait", NtOpenEvent(&other, SYNCHRONIZE, named(&n, NULL, L"\\BaseNamedObjects\\fvm-right", 0)));
    GetHandleInformation(other, &flags);
    printf("flags %lx, ", flags);
    printf("set: %d %lu, ", SetEvent(other), GetLastError());
    printf("set by the first: %d, wait: %lu\n", SetEvent(h), WaitForSingleObject(other, 0));
    NtClose(other);
    NtClose(h);
    InitializeAcl(&nobody, sizeof(nobody), ACL_REVISION);
    InitializeSecurityDescriptor(&security, SECURITY_DESCRIPTOR_REVISION);
    SetSecurityDescriptorDacl(&security, TRUE, &nobody, FALSE);
    SECURITY_ATTRIBUTES attributes = {sizeof(attributes), &security, FALSE};
    h = CreateMutexW(&attributes, FALSE, L"fvm-nobody");
    printf("for nobody: %lu, ", GetLastError());
    other = OpenMutexW(MUTEX_ALL_ACCESS, FALSE, L"fvm-nobody");
    printf("open: %d %lu, ", other != NULL, GetLastError());
    other = CreateMutexW(NULL, FALSE, L"fvm-nobody");
    printf("create: %d %lu\n", other != NULL, GetLastError());
    CloseHandle(h);
}

/* A name that is taken, or leads nowhere, is said to be that before anybody asks who may create there. */
static void taken(void)
{
    static const WCHAR *const names[] = {L"\\KernelObjects\\LowMemoryCondition",
                                         L"\\Device\\Null",
                                         L"\\ObjectTypes\\event",
                                         L"\\kernelobjects",
                                         L"\\REGISTRY",
                                         L"\\Device\\fvm-none\\x"};
    char what[100];
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        for (enum object_type t = 0; t < TYPES; t++) {
            sprintf(what, "taken %u create %s", i, type_names[t]);
            try_create(what, t, names[i], OBJ_CASE_INSENSITIVE);
        }
}

int main(void)
{
    make_spellings();
    for (enum object_type t = 0; t < TYPES; t++)
        one_type(t);
    bad_names();
    unreadable_names();
    relative();
    win32();
    root();
    rights();
    taken();
    return 0;
}
