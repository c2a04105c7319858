/* What the security of a key lets a program do: rights that are taken away and given back, of keys of the host and of the program's,
 * by handles from before and after; descriptors given when a key is made. */
#include "../harness/keys.h"

#define HOST MACHINE L"Software\\Microsoft\\MediaPlayer" /* has subkeys */
#define BELOW L"PlayerUpgrade"

/* An access control list of one entry for everybody; 0: it is empty. */
struct rights {
    SECURITY_DESCRIPTOR descriptor;
    BYTE list[256];
    BYTE everybody[SECURITY_MAX_SID_SIZE];
};

static struct rights *give(ACCESS_MASK allowed, ACCESS_MASK denied)
{
    static struct rights ring[RING];
    static unsigned next;
    struct rights *r = &ring[next++ % RING];
    DWORD size = sizeof r->everybody;
    CreateWellKnownSid(WinWorldSid, NULL, r->everybody, &size);
    InitializeSecurityDescriptor(&r->descriptor, SECURITY_DESCRIPTOR_REVISION);
    InitializeAcl((ACL *)r->list, sizeof r->list, ACL_REVISION);
    if (denied)
        AddAccessDeniedAce((ACL *)r->list, ACL_REVISION, denied, r->everybody);
    if (allowed)
        AddAccessAllowedAce((ACL *)r->list, ACL_REVISION, allowed, r->everybody);
    SetSecurityDescriptorDacl(&r->descriptor, TRUE, (ACL *)r->list, FALSE);
    return r;
}

static void say_set_rights(HANDLE key, struct rights *rights)
{
    say("set rights: 0x%08lx", nt.NtSetSecurityObject(key, DACL_SECURITY_INFORMATION, &rights->descriptor));
}

static void say_security(HANDLE key)
{
    static BYTE data[4096];
    ULONG length = 0;
    for (SECURITY_INFORMATION what = 1; what <= 4; what *= 2) {
        NTSTATUS status = nt.NtQuerySecurityObject(key, what, data, sizeof data, &length);
        say("    security %lu: 0x%08lx %lu %08lx", what, status, length, status < 0 ? 0 : checksum(data, length));
    }
}

static void say_open(const wchar_t *path)
{
    static const ACCESS_MASK masks[] = {KEY_READ,        KEY_QUERY_VALUE, KEY_SET_VALUE, KEY_ENUMERATE_SUB_KEYS,
                                        DELETE,          READ_CONTROL,    WRITE_DAC,     WRITE_OWNER,
                                        MAXIMUM_ALLOWED, KEY_ALL_ACCESS};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        HANDLE key, made;
        NTSTATUS status = open_key(&key, NULL, path, masks[i]);
        NTSTATUS created = create_key_as(&made, NULL, path, wcslen(path), masks[i], NULL, 0, NULL);
        say("  open for %08lx: 0x%08lx, create 0x%08lx", masks[i], status, created);
        close_key(key);
        close_key(made);
    }
}

/* All that a handle from before can still do. */
static void use_handle(HANDLE key, const wchar_t *name)
{
    say_query(key, L"set");
    say_set(key, name, L"x");
    say_delete_value(key, name);
    say_set(key, L"set", name);
    say_key(key);
    say_security(key);
}

/* Every handle keeps what it was opened with. */
static void taken_away(const wchar_t *path, struct rights *rights)
{
    wchar_t below[256];
    HANDLE all = must_open(NULL, path, KEY_ALL_ACCESS), reader = must_open(NULL, path, KEY_READ);
    HANDLE writer = must_open(NULL, path, KEY_SET_VALUE), rename = must_open(NULL, path, KEY_READ | KEY_WRITE);
    HANDLE key, same = NULL;
    swprintf(below, 256, L"%ls\\%ls", path, BELOW);
    close_key(create_key(all, L"made before"));
    say_set_rights(reader, rights);
    say_set_rights(all, rights);
    use_handle(all, L"all");
    use_handle(reader, L"reader");
    use_handle(writer, L"writer");
    DuplicateHandle(GetCurrentProcess(), all, GetCurrentProcess(), &same, 0, FALSE, DUPLICATE_SAME_ACCESS);
    use_handle(same, L"same");
    say_open(path);
    say("below: 0x%08lx", open_key(&key, NULL, below, KEY_ALL_ACCESS));
    say_set(key, L"below", L"x");
    close_key(key);
    close_key(create_key(all, L"made after"));
    say("by its path: 0x%08lx",
        create_key_as(&key, NULL, joined(path, L"\\by its path"), wcslen(path) + 12, KEY_ALL_ACCESS, NULL, 0, NULL));
    if (key)
        say("delete: 0x%08lx", nt.NtDeleteKey(key));
    close_key(key);
    say_key(rename);
    HANDLE found = must_open(all, L"made before", KEY_ALL_ACCESS);
    say_rename(found, L"renamed");
    say("delete: 0x%08lx", nt.NtDeleteKey(found));
    close_key(found);
    say_delete(all, L"made after");
    say_key(all);
    close_key(same);
    close_key(rename);
    close_key(writer);
    close_key(reader);
    say_set_rights(all, give(KEY_ALL_ACCESS, 0)); /* and back */
    say_open(path);
    close_key(all);
}

/* Several at once: of the parent and of what is below. */
static void nested(const wchar_t *path)
{
    HANDLE top = must_open(NULL, path, KEY_ALL_ACCESS), middle = create_key(top, L"middle");
    HANDLE low = create_key(middle, L"low");
    say_set_rights(low, give(0, 0));
    say_set_rights(middle, give(0, KEY_ALL_ACCESS));
    say_key(top);
    say_key(middle);
    say_open(joined(path, L"\\middle"));
    say_open(joined(path, L"\\middle\\low"));
    say("delete: 0x%08lx", nt.NtDeleteKey(middle));
    say_rename(middle, L"a far name");
    say_key(low);
    say("delete: 0x%08lx", nt.NtDeleteKey(low));
    say_open(joined(path, L"\\a far name"));
    say("delete: 0x%08lx", nt.NtDeleteKey(middle));
    say_open(joined(path, L"\\a far name"));
    close_key(low);
    close_key(middle);
    close_key(top);
}

static NTSTATUS create_with(HANDLE *key, const wchar_t *path, ACCESS_MASK access, struct rights *rights)
{
    UNICODE_STRING name = unicode(path);
    OBJECT_ATTRIBUTES at = {.Length = sizeof at,
                            .ObjectName = &name,
                            .Attributes = OBJ_CASE_INSENSITIVE,
                            .SecurityDescriptor = &rights->descriptor};
    *key = NULL;
    return nt.NtCreateKey(key, access, &at, 0, NULL, 0, NULL);
}

static void made_with(const wchar_t *path)
{
    HANDLE key, again;
    const wchar_t *made = joined(path, L"\\made with");
    say("create: 0x%08lx", create_with(&key, made, KEY_READ | DELETE, give(KEY_READ, 0)));
    say_open(made);
    use_handle(key, L"made with");
    say("again: 0x%08lx", create_with(&again, made, KEY_READ, give(KEY_ALL_ACCESS, 0)));
    say_security(again);
    close_key(again);
    say("delete: 0x%08lx", nt.NtDeleteKey(key));
    close_key(key);
    say("closed: 0x%08lx", create_with(&key, made, READ_CONTROL | DELETE, give(0, 0)));
    use_handle(key, L"closed");
    close_key(key);
    say_open(made);
    say_delete(NULL, made);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    say_section("a key of the host, closed");
    taken_away(HOST, give(0, 0));
    say_section("a key of the host, denied");
    taken_away(HOST, give(0, KEY_ALL_ACCESS));
    say_section("a key of the host, for reading");
    taken_away(HOST L"\\" BELOW, give(KEY_READ, 0));
    say_section("a new key");
    close_key(create_key(NULL, user(L"Secured")));
    close_key(create_key(NULL, user(L"Secured\\" BELOW)));
    taken_away(user(L"Secured"), give(0, 0));
    nested(user(L"Secured"));
    made_with(user(L"Secured"));
    made_with(HOST);
    nested(HOST);
    say_section("below a key for reading");
    HANDLE top = must_open(NULL, HOST, KEY_ALL_ACCESS), deep = create_key(top, L"Read"), last = NULL;
    close_key(deep);
    say_set_rights(top, give(KEY_READ | DELETE | WRITE_DAC, 0));
    close_key(top);
    HANDLE at_below = must_open(NULL, HOST L"\\" BELOW, KEY_ALL_ACCESS);
    say_set(at_below, L"set below", L"x");
    last = create_key(at_below, L"Made below");
    say_set(last, L"v", L"x");
    close_key(last);
    close_key(at_below);
    top = must_open(NULL, HOST, READ_CONTROL | WRITE_DAC);
    say_set_rights(top, give(KEY_ALL_ACCESS, 0));
    close_key(top);
    say_section("what stays behind"); /* to be shown and deleted with the VM */
    HANDLE key = must_open(NULL, HOST, KEY_ALL_ACCESS), made = create_key(key, L"Closed");
    close_key(create_key(made, L"Below"));
    say_set(made, L"value", L"x");
    say_set_rights(made, give(0, 0));
    say_set_rights(key, give(0, KEY_ALL_ACCESS));
    close_key(made);
    close_key(key);
    return 0;
}
