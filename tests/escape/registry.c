/* Ways out of the registry of a VM: links, hives, FVM's own keys by every spelling, names with NULs, the 32-bit view, the root, keys
 * that nobody may delete. What is tried to be changed on the host is HKLM\Software\Microsoft\Windows\CurrentVersion; the host is compared afterwards. */
#include "../harness/keys.h"

NTSYSAPI NTSTATUS NTAPI RtlAdjustPrivilege(ULONG privilege, BOOLEAN enable, BOOLEAN thread, BOOLEAN *was_enabled);

#define TARGET MACHINE L"Software\\Microsoft\\Windows\\CurrentVersion"

static void verdict(bool escaped, const char *technique)
{
    say("%s: %s", escaped ? "ESCAPED" : "blocked", technique);
}

static void write_through(const wchar_t *path, const char *technique)
{
    HANDLE key;
    if (open_key(&key, NULL, path, KEY_ALL_ACCESS) >= 0) {
        set_value(key, L"Escape", REG_SZ, L"x", 4);
        close_key(create_key(key, L"Escape"));
        close_key(key);
    }
    verdict(false, technique); /* the host's registry says whether that is true */
}

static HANDLE make_link(const wchar_t *path, const wchar_t *target)
{
    HANDLE key;
    if (create_key_as(&key, NULL, path, wcslen(path), KEY_ALL_ACCESS, NULL, REG_OPTION_CREATE_LINK, NULL) >= 0)
        set_value(key, L"SymbolicLinkValue", REG_LINK, target, (ULONG)wcslen(target) * 2);
    return key;
}

static bool lists(const wchar_t *path, const wchar_t *wanted)
{
    static BYTE data[KEY_BYTES];
    HANDLE key;
    ULONG length;
    bool found = false;
    if (open_key(&key, NULL, path, KEY_READ) < 0)
        return false;
    for (ULONG i = 0; nt.NtEnumerateKey(key, i, KeyBasicInformationClass, data, sizeof data, &length) >= 0; i++) {
        FVM_KEY_BASIC_INFORMATION *basic = (void *)data;
        found = found || (basic->NameLength == wcslen(wanted) * 2 && !memcmp(basic->Name, wanted, basic->NameLength));
    }
    close_key(key);
    return found;
}

static void links(void)
{
    close_key(create_key(NULL, user(L"Escape")));
    close_key(make_link(user(L"Escape\\link"), TARGET));
    write_through(user(L"Escape\\link"), "a symbolic link to a key of the host");
    close_key(make_link(user(L"Escape\\deep"), MACHINE L"Software"));
    write_through(user(L"Escape\\deep\\Microsoft\\Windows\\CurrentVersion"), "a name through a symbolic link");
    close_key(make_link(user(L"Escape\\own"), user(L"Software\\FVM")));
    HANDLE key;
    verdict(open_key(&key, NULL, user(L"Escape\\own"), KEY_READ) >= 0, "a symbolic link to FVM's own keys");
    HANDLE parent = create_key(NULL, user(L"Escape\\parent"));
    close_key(make_link(user(L"Escape\\parent\\below"), TARGET));
    say_rename(parent, L"moved");
    write_through(user(L"Escape\\moved\\below"), "a symbolic link below a renamed key");
    close_key(parent);
}

static void own_keys(void)
{
    static const wchar_t *const names[] = {L"Software\\FVM", L"software\\fvm\\", L"Software\\\\FVM",
                                           L"SOFTWARE\\FVM\\x"};
    HANDLE key, software;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        verdict(open_key(&key, NULL, user(names[i]), KEY_READ) >= 0, "FVM's own keys by their path");
        verdict(create_key_as(&key, NULL, user(names[i]), wcslen(user(names[i])), KEY_ALL_ACCESS, NULL, 0, NULL) >= 0,
                "creating FVM's own keys");
    }
    open_key(&software, NULL, user(L"Software"), KEY_ALL_ACCESS);
    verdict(open_key(&key, software, L"FVM", KEY_READ) >= 0, "FVM's own keys relative to a handle");
    verdict(lists(user(L"Software"), L"FVM"), "listing FVM's own key");
    UNICODE_STRING name = unicode(L"Moved");
    nt.NtRenameKey(software, &name);
    verdict(open_key(&key, NULL, user(L"Moved\\FVM"), KEY_READ) >= 0, "FVM's own keys below a renamed key");
    verdict(lists(user(L"Moved"), L"FVM"), "listing them there");
    name = unicode(L"Software");
    nt.NtRenameKey(software, &name);
    close_key(software);
}

static void hives(void)
{
    UNICODE_STRING name = unicode(TARGET L"\\Escape"), file = unicode(nt_at(L"hive")), target = unicode(TARGET);
    OBJECT_ATTRIBUTES key_at = {.Length = sizeof key_at, .ObjectName = &name, .Attributes = OBJ_CASE_INSENSITIVE};
    OBJECT_ATTRIBUTES file_at = {.Length = sizeof file_at, .ObjectName = &file, .Attributes = OBJ_CASE_INSENSITIVE};
    OBJECT_ATTRIBUTES target_at = {
        .Length = sizeof target_at, .ObjectName = &target, .Attributes = OBJ_CASE_INSENSITIVE};
    HANDLE key = must_open(NULL, TARGET, KEY_ALL_ACCESS);
    HANDLE out = CreateFileW(at(L"hive"), GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    nt.NtSaveKey(key, out);
    nt.NtRestoreKey(key, out, 0);
    verdict(false, "restoring a key");
    CloseHandle(out);
    nt.NtLoadKey(&key_at, &file_at);
    verdict(false, "loading a hive");
    nt.NtUnloadKey(&key_at);
    verdict(nt.NtUnloadKey(&target_at) >= 0, "unloading a key of the host");
    nt.NtReplaceKey(&file_at, key, &file_at);
    verdict(false, "replacing a hive");
    close_key(key);
}

static void write_text(const wchar_t *path, const char *text)
{
    DWORD written;
    HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    WriteFile(file, text, (DWORD)strlen(text), &written, NULL);
    CloseHandle(file);
}

/* Wine's hives are texts, so a program can write one with links in it that no service of the layer has seen. */
static void hive_with_links(void)
{
    static const wchar_t target[] = TARGET;
    char text[2048];
    UNICODE_STRING name = unicode(L"Escape links"), file = unicode(nt_at(L"links"));
    OBJECT_ATTRIBUTES key_at = {.Length = sizeof key_at, .ObjectName = &name, .Attributes = OBJ_CASE_INSENSITIVE};
    OBJECT_ATTRIBUTES file_at = {.Length = sizeof file_at, .ObjectName = &file, .Attributes = OBJ_CASE_INSENSITIVE};
    int length =
        snprintf(text, sizeof text,
                 "WINE REGISTRY Version 2\n\n[top] 1\n\n[top\\\\link] 1\n#link\n\"SymbolicLinkValue\"=hex(6):");
    for (const wchar_t *c = target; *c; c++)
        length +=
            snprintf(text + length, sizeof text - length, "%s%02x,%02x", c == target ? "" : ",", *c & 0xff, *c >> 8);
    snprintf(text + length, sizeof text - length, "\n\n[top\\\\link\\\\Escape] 1\n\"x\"=\"x\"\n");
    write_text(at(L"links"), text);
    key_at.RootDirectory = must_open(NULL, L"\\Registry\\Machine", KEY_ALL_ACCESS);
    say("load: 0x%08lx", nt.NtLoadKey(&key_at, &file_at));
    close_key(key_at.RootDirectory);
    HANDLE loaded = must_open(NULL, MACHINE L"Escape links", KEY_ALL_ACCESS);
    say_key(loaded);
    close_key(loaded);
    write_through(MACHINE L"Escape links\\link", "a symbolic link in a loaded hive");
    write_through(MACHINE L"Escape links\\link\\Run", "a name through it");
}

static void spellings(void)
{
    static const wchar_t nul[] = L"\\Registry\\Machine\\Software\\Microsoft\\Windows\\CurrentVersion\\a\0b";
    HANDLE key;
    write_through(TARGET, "a plain path");
    write_through(L"\\REGISTRY\\MACHINE\\\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\",
                  "doubled and last separators");
    write_through(MACHINE L"Software\\Wow6432Node\\Microsoft\\Windows\\CurrentVersion", "the 32-bit part");
    if (create_key_as(&key, NULL, nul, sizeof nul / 2 - 1, KEY_ALL_ACCESS, NULL, 0, NULL) >= 0)
        set_value(key, L"x", REG_SZ, L"x", 4);
    close_key(key);
    verdict(false, "a name with a NUL in it");
    HANDLE root = must_open(NULL, L"\\Registry", KEY_READ);
    if (open_key(&key, root, L"Machine\\Software\\Microsoft\\Windows\\CurrentVersion", KEY_ALL_ACCESS) >= 0)
        set_value(key, L"Escape root", REG_SZ, L"x", 4);
    close_key(key);
    close_key(root);
    verdict(false, "a path relative to \\Registry");
    SECURITY_DESCRIPTOR open;
    InitializeSecurityDescriptor(&open, SECURITY_DESCRIPTOR_REVISION);
    SetSecurityDescriptorDacl(&open, TRUE, NULL, FALSE);
    key = must_open(NULL, MACHINE L"Software\\Classes", KEY_ALL_ACCESS);
    nt.NtSetSecurityObject(key, DACL_SECURITY_INFORMATION, &open);
    verdict(false, "the security of a key"); /* what the host's keys have is compared too */
    close_key(key);
    HKEY wow;
    if (!RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"Software\\Microsoft\\Windows\\CurrentVersion", 0,
                       KEY_ALL_ACCESS | KEY_WOW64_32KEY, &wow)) {
        RegSetValueExW(wow, L"Escape", 0, REG_SZ, (const BYTE *)L"x", 4);
        RegCloseKey(wow);
    }
    verdict(false, "the 32-bit view");
}

/* Below the root, for a key that only FVM's storage has. */
static bool finds_storage(HKEY key, unsigned depth)
{
    wchar_t name[257];
    DWORD length = 257;
    bool found = false;
    for (DWORD i = 0; !found && !RegEnumKeyExW(key, i, name, &length, NULL, NULL, NULL, NULL); i++, length = 257) {
        HKEY below;
        found = wcsstr(name, L"escape-registry");
        if (!found && depth && !RegOpenKeyExW(key, name, 0, KEY_READ, &below)) {
            found = finds_storage(below, depth - 1);
            RegCloseKey(below);
        }
    }
    return found;
}

static void root(void)
{
    enum { SID_AND_BELOW = 4 };
    HANDLE top = must_open(NULL, L"\\Registry", KEY_READ), key;
    verdict(finds_storage((HKEY)top, SID_AND_BELOW), "looking for FVM's own keys from the root on");
    verdict(create_key_as(&key, top, L"Escape", 6, KEY_ALL_ACCESS, NULL, 0, NULL) >= 0, "a key at the root");
    verdict(create_key_as(&key, NULL, L"\\Registry\\Escape", 16, KEY_ALL_ACCESS, NULL, 0, NULL) >= 0,
            "a key at the root by its path");
    close_key(create_key(NULL, MACHINE L"Escape"));
    close_key(create_key(NULL, L"\\Registry\\User\\Escape"));
    verdict(false, "keys right below the root's");
    close_key(top);
}

static bool file_holds(const wchar_t *path, const char *text)
{
    static char data[32 << 20];
    DWORD size = 0;
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    ReadFile(file, data, sizeof data, &size, NULL);
    CloseHandle(file);
    size_t length = strlen(text);
    for (DWORD i = 0; i + length <= size; i++)
        if (!memcmp(data + i, text, length))
            return true;
    return false;
}

/* Names that lead to FVM's own keys only when they are put together, and copies of what they are in. */
static void own_keys_in_disguise(void)
{
    UNICODE_STRING name = unicode(L"FVM"), own = unicode(user(L"Software\\FVM")), file = unicode(nt_at(L"hive"));
    OBJECT_ATTRIBUTES own_at = {.Length = sizeof own_at, .ObjectName = &own, .Attributes = OBJ_CASE_INSENSITIVE};
    OBJECT_ATTRIBUTES file_at = {.Length = sizeof file_at, .ObjectName = &file, .Attributes = OBJ_CASE_INSENSITIVE};
    HANDLE fake = create_key(NULL, user(L"Software\\Fake")), key;
    verdict(nt.NtRenameKey(fake, &name) >= 0, "renaming a key to the name of FVM's own");
    close_key(fake);
    verdict(nt.NtLoadKey(&own_at, &file_at) >= 0, "loading a hive over FVM's own keys");
    BOOLEAN was;
    enum { SE_BACKUP = 17 };
    RtlAdjustPrivilege(SE_BACKUP, TRUE, FALSE, &was);
    HANDLE out = CreateFileW(at(L"saved"), GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    key = must_open(NULL, user(L"Software"), KEY_ALL_ACCESS);
    nt.NtSaveKey(key, out);
    CloseHandle(out);
    verdict(file_holds(at(L"saved"), "[FVM"), "FVM's own keys in a saved key");
    verdict(!file_holds(at(L"saved"), "Microsoft"), "(the saved key was looked at)");
    close_key(key);
    HKEY wow;
    verdict(!RegOpenKeyExW(HKEY_CURRENT_USER, L"Software\\FVM", 0, KEY_READ | KEY_WOW64_32KEY, &wow),
            "FVM's own keys in the 32-bit view");
    RegDeleteTreeW(HKEY_CURRENT_USER, L"Software");
    verdict(!RegOpenKeyExW(HKEY_CURRENT_USER, L"Software\\FVM", 0, KEY_READ, &wow), "deleting all that is around them");
    close_key(create_key(NULL, user(L"Software")));
    close_key(create_key(NULL, user(L"Software\\FVM"))); /* of that name, but the VM's */
    verdict(finds_storage(HKEY_CURRENT_USER, 2), "FVM's own keys in a new key around them");
}

/* Keys that belong to somebody else and let nobody in: they must still be shown and deleted with the VM, which the test does. */
static void given_away(void)
{
    BYTE system[SECURITY_MAX_SID_SIZE];
    ACL list;
    SECURITY_DESCRIPTOR closed, given, both;
    DWORD size = sizeof system;
    CreateWellKnownSid(WinLocalSystemSid, NULL, system, &size);
    InitializeAcl(&list, sizeof list, ACL_REVISION);
    InitializeSecurityDescriptor(&closed, SECURITY_DESCRIPTOR_REVISION);
    SetSecurityDescriptorDacl(&closed, TRUE, &list, FALSE);
    InitializeSecurityDescriptor(&given, SECURITY_DESCRIPTOR_REVISION);
    SetSecurityDescriptorOwner(&given, system, FALSE);
    both = closed;
    SetSecurityDescriptorOwner(&both, system, FALSE);
    enum { ALL = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION };
    HANDLE key = create_key(NULL, user(L"Given away")), other = create_key(NULL, user(L"Given away\\other")), made;
    verdict(nt.NtSetSecurityObject(other, ALL, &both) >= 0, "a key given away");
    nt.NtSetSecurityObject(key, OWNER_SECURITY_INFORMATION, &given);
    verdict(nt.NtSetSecurityObject(key, DACL_SECURITY_INFORMATION, &closed) >= 0, "one given away, then closed");
    nt.NtSetSecurityObject(other, DACL_SECURITY_INFORMATION, &closed);
    verdict(nt.NtSetSecurityObject(other, OWNER_SECURITY_INFORMATION, &given) >= 0, "one closed, then given away");
    UNICODE_STRING name = unicode(user(L"Given away\\made"));
    OBJECT_ATTRIBUTES at = {.Length = sizeof at, .ObjectName = &name, .SecurityDescriptor = &both};
    verdict(nt.NtCreateKey(&made, KEY_ALL_ACCESS, &at, 0, NULL, 0, NULL) >= 0, "one made so");
    HANDLE host = must_open(NULL, TARGET, KEY_ALL_ACCESS);
    verdict(nt.NtSetSecurityObject(host, ALL, &both) >= 0, "a key of the host's given away");
    close_key(host);
    close_key(other);
    close_key(key);
}

int wmain(int argc, wchar_t **argv)
{
    enum { SE_RESTORE = 18 };
    BOOLEAN was;
    begin(argc, argv);
    spellings();
    links();
    own_keys();
    hives();
    RtlAdjustPrivilege(SE_RESTORE, TRUE, FALSE, &was);
    hives();
    hive_with_links();
    root();
    own_keys_in_disguise();
    given_away();
    return 0;
}
