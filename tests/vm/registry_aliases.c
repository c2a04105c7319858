/* Keys by names elsewhere in the object name space that lead to the registry; enumeration by every class, to the end and past it. */
#include "../harness/keys.h"

#define ALIAS L"\\BaseNamedObjects\\fvm-keys"
#define PART L"Software\\Microsoft\\Windows NT\\CurrentVersion"

NTSTATUS NTAPI NtCreateSymbolicLinkObject(HANDLE *link, ACCESS_MASK access, OBJECT_ATTRIBUTES *at,
                                          UNICODE_STRING *target);

static HANDLE make_link(const wchar_t *name, const wchar_t *target)
{
    HANDLE link = NULL;
    UNICODE_STRING string = unicode(name), to = unicode(target);
    OBJECT_ATTRIBUTES at = {.Length = sizeof at, .ObjectName = &string, .Attributes = OBJ_CASE_INSENSITIVE};
    say("link to %s: 0x%08lx", utf8(target), NtCreateSymbolicLinkObject(&link, 1, &at, &to));
    return link;
}

static void change(const wchar_t *path)
{
    HANDLE key, made;
    NTSTATUS status = open_key(&key, NULL, path, KEY_ALL_ACCESS);
    say("open: 0x%08lx", status);
    if (status < 0)
        return;
    say_key_name(key);
    say_set(key, L"set by another name", L"x");
    made = create_key(key, L"Made below");
    say_key_name(made);
    say_set(made, L"v", L"x");
    close_key(made);
    close_key(key);
}

static void create(const wchar_t *path)
{
    HANDLE key;
    ULONG disposition = 0;
    NTSTATUS status = create_key_as(&key, NULL, path, wcslen(path), KEY_ALL_ACCESS, NULL, 0, &disposition);
    say("create: 0x%08lx %lu", status, disposition);
    if (status >= 0)
        say_key_name(key);
    close_key(key);
}

static void aliases(void)
{
    HANDLE link = make_link(ALIAS, L"\\Registry\\Machine\\" PART);
    change(ALIAS);
    change(ALIAS L"\\Made below");
    create(ALIAS L"\\Made by another name");
    create(ALIAS L"\\No\\Such");
    say_path(MACHINE PART L"\\Made below");
    change(ALIAS L"\\None");
    nt.NtClose(link);
    change(ALIAS);
    link = make_link(ALIAS, L"\\Registry");
    change(ALIAS L"\\Machine\\" PART);
    nt.NtClose(link);
    link = make_link(ALIAS, L"\\Registry\\None");
    HANDLE key = NULL; /* Wine and NT have different words for it */
    say("open: %d", open_key(&key, NULL, ALIAS, KEY_READ) < 0);
    nt.NtClose(link);
    HANDLE second = make_link(ALIAS L"2", L"\\Registry\\Machine");
    link = make_link(ALIAS, ALIAS L"2");
    change(ALIAS L"\\" PART);
    nt.NtClose(link);
    nt.NtClose(second);
    change(L"\\BaseNamedObjects");
    change(L"relative");
    change(L"");
}

static void enumerate(HANDLE key)
{
    static ULONG64 memory[512];
    static const ULONG indices[] = {0, 1, 1000, 0x7fffffff, 0x80000000, 0xffffffff};
    for (ULONG class = 0; class <= 14; class ++)
        for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) {
            ULONG length = 0;
            NTSTATUS status = nt.NtEnumerateKey(key, indices[i], class, memory, sizeof memory, &length);
            ULONG shorter = 0;
            NTSTATUS none = nt.NtEnumerateKey(key, indices[i], class, memory, 0, &shorter);
            say("class %lu index %lx: 0x%08lx %lu, without room 0x%08lx %lu", class, indices[i], status, length, none,
                shorter);
        }
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    say_section("enumeration");
    HANDLE key = must_open(NULL, MACHINE PART, KEY_READ);
    enumerate(key);
    say_section("aliases");
    aliases();
    say_section("enumeration of what was changed");
    enumerate(key);
    close_key(key);
    key = must_open(NULL, MACHINE PART L"\\Made below", KEY_ALL_ACCESS);
    enumerate(key);
    say_delete(key, L"Made below");
    say("delete: 0x%08lx", nt.NtDeleteKey(key));
    close_key(key);
    key = must_open(NULL, MACHINE PART, KEY_ALL_ACCESS);
    say_delete(key, L"Made by another name");
    say_delete_value(key, L"set by another name");
    close_key(key);
    return 0;
}
