/* Keys: creating, opening in every spelling, listing, deleting, renaming, those of the host and those made by the program. */
#include "../harness/keys.h"

#define VERSION MACHINE L"Software\\Microsoft\\Windows NT\\CurrentVersion"

static void spellings(void)
{
    static const wchar_t *const names[] = {L"\\Registry",
                                           L"\\REGISTRY\\",
                                           L"\\Registry\\Machine",
                                           L"\\registry\\machine\\software\\microsoft\\",
                                           MACHINE L"\\Software\\\\Microsoft",
                                           MACHINE L"System\\CurrentControlSet\\Control",
                                           MACHINE L"System\\ControlSet001\\Control",
                                           MACHINE L"Software\\Wow6432Node\\Microsoft",
                                           MACHINE L"Software\\Wow6432Node\\Classes",
                                           L"\\Registry\\User",
                                           MACHINE L"Software\\Classes\\.txt",
                                           MACHINE L"Software\\missing",
                                           MACHINE L"Software\\missing\\deeper",
                                           L"Registry\\Machine",
                                           L"",
                                           L"\\",
                                           L"\\Device\\Null",
                                           L"\\Registry\\FVM",
                                           L"\\BaseNamedObjects"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        HANDLE key;
        NTSTATUS status = open_key(&key, NULL, names[i], KEY_READ);
        say("%s: 0x%08lx", utf8(names[i]), status);
        if (status >= 0) {
            say_key_name(key);
            say_counts(key);
        }
        close_key(key);
    }
}

static void relative(HANDLE root)
{
    static const wchar_t *const names[] = {L"",          L"\\",      L"Ports",      L"\\Ports",        L"Ports\\",
                                           L"ports\\\\", L"missing", L"missing\\x", L"Ports\\missing", L".",
                                           L".."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        HANDLE key;
        NTSTATUS status = open_key(&key, root, names[i], KEY_READ);
        say("relative %s: 0x%08lx", utf8(names[i]), status);
        if (status >= 0)
            say_key_name(key);
        close_key(key);
    }
}

/* Paths of one component: whatever the status is, the handle says that there is no key. */
static void too_long(HANDLE root)
{
    static const USHORT units[] = {1000, 2500, 16384, 16385, 20000, 32767};
    static wchar_t name[32767];
    wmemset(name, L'n', sizeof name / sizeof *name);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        UNICODE_STRING string = {(USHORT)(units[i] * 2), (USHORT)(units[i] * 2), name};
        OBJECT_ATTRIBUTES at = {.Length = sizeof at, .RootDirectory = root, .ObjectName = &string};
        HANDLE created = root, opened = root;
        NTSTATUS create = nt.NtCreateKey(&created, KEY_READ, &at, 0, NULL, 0, NULL);
        NTSTATUS open = nt.NtOpenKey(&opened, KEY_READ, &at);
        say("%u units: create 0x%08lx %s, open 0x%08lx %s", units[i], create, created ? "handle" : "none", open,
            opened ? "handle" : "none");
    }
}

static void names_of_keys(HANDLE root)
{
    static const wchar_t odd[] = {'o', 0, 'd', 'd'};
    wchar_t longest[257];
    HANDLE key;
    ULONG disposition;
    close_key(create_key(root, L"a_b"));
    close_key(create_key(root, L"aab"));
    close_key(create_key(root, L"aZb"));
    close_key(create_key(root, L"\u00e4\u00f6 \u65e5\u672c"));
    close_key(create_key(root, L"x/y:z*?\"<>|"));
    close_key(create_key(root, L"  spaces  "));
    say("embedded NUL: 0x%08lx", create_key_as(&key, root, odd, 4, KEY_ALL_ACCESS, NULL, 0, &disposition));
    close_key(key);
    say("the same, cut: 0x%08lx", open_key(&key, root, L"o", KEY_READ));
    for (int i = 0; i < 257; i++)
        longest[i] = L'l';
    for (unsigned units = 254; units <= 257; units++) {
        NTSTATUS status = create_key_as(&key, root, longest, units, KEY_ALL_ACCESS, NULL, 0, &disposition);
        if (units != 256) /* NT and Wine differ */
            say("%u units: 0x%08lx", units, status);
        if (units == 256 && status >= 0)
            nt.NtDeleteKey(key);
        close_key(key);
    }
    too_long(root);
    say("class: 0x%08lx %lu", create_key_as(&key, root, L"classy", 6, KEY_READ, L"a class", 0, &disposition),
        disposition);
    close_key(key);
    say("volatile: 0x%08lx",
        create_key_as(&key, root, L"volatile", 8, KEY_ALL_ACCESS, NULL, REG_OPTION_VOLATILE, NULL));
    HANDLE below;
    say("below: 0x%08lx", create_key_as(&below, key, L"below", 5, KEY_ALL_ACCESS, NULL, 0, NULL));
    close_key(key);
    say("two at once: 0x%08lx", create_key_as(&key, root, L"one\\two", 7, KEY_ALL_ACCESS, NULL, 0, NULL));
    say_key(root);
    say_delete(root, L"aab");
    say_delete(root, L"AZB");
    say_delete(root, L"aab");
    close_key(create_key(root, L"aab"));
    close_key(create_key(root, L"aab"));
    say_key(root);
}

/* A handle that a link would be opened by does not make a link of a key. */
static void deletion_as_link(void)
{
    HANDLE root = must_open(NULL, VERSION, KEY_ALL_ACCESS), key;
    close_key(create_key(root, L"MCI32\\Below"));
    key = must_open(root, L"MCI32", KEY_ALL_ACCESS);
    say_set(key, L"x", L"y");
    close_key(key);
    say("open: 0x%08lx", open_key_units(&key, root, L"MCI32", 5, KEY_ALL_ACCESS, OBJ_OPENLINK));
    say("delete with subkeys: 0x%08lx", nt.NtDeleteKey(key));
    close_key(key);
    say_path(VERSION L"\\MCI32\\Below");
    close_key(root);
}

static void deletion(void)
{
    HANDLE root = must_open(NULL, VERSION, KEY_ALL_ACCESS), key, second;
    say_delete(root, L"Ports");
    say("open: 0x%08lx", open_key(&key, root, L"Ports", KEY_READ));
    say("create below: 0x%08lx", create_key_as(&key, root, L"Ports\\x", 7, KEY_READ, NULL, 0, NULL));
    key = create_key(root, L"Ports");
    say_key(key);
    close_key(create_key(key, L"below"));
    say_delete(root, L"Ports");
    say_delete(root, L"Ports\\below");
    second = must_open(root, L"Ports", KEY_ALL_ACCESS);
    say("delete: 0x%08lx, again 0x%08lx", nt.NtDeleteKey(key), nt.NtDeleteKey(key));
    say_query(second, L"x");
    say_set(second, L"x", L"y");
    say_counts(second);
    HANDLE below;
    say("below it: 0x%08lx", open_key(&below, second, L"x", KEY_READ));
    say("create below it: 0x%08lx", create_key_as(&below, second, L"x", 1, KEY_READ, NULL, 0, NULL));
    close_key(key);
    close_key(second);
    say("has subkeys:");
    say_delete(NULL, VERSION);
    key = must_open(root, L"Hotfix", KEY_READ | DELETE);
    say_counts(key);
    say("a key of the host: 0x%08lx", nt.NtDeleteKey(key));
    say_counts(key);
    close_key(key);
    say_key(root);
    close_key(root);
}

static void renames(void)
{
    HANDLE root = must_open(NULL, MACHINE L"System\\CurrentControlSet\\Control", KEY_ALL_ACCESS);
    HANDLE key = must_open(root, L"Nls", KEY_ALL_ACCESS), below = must_open(root, L"Nls\\Codepage", KEY_READ), again;
    say_rename(key, L"Renamed");
    say_key_name(key);
    say_key(below);
    say("old: 0x%08lx", open_key(&again, root, L"Nls", KEY_READ));
    say("new: 0x%08lx", open_key(&again, root, L"Renamed\\Language", KEY_ALL_ACCESS));
    say_key_name(again);
    say_set(again, L"new value", L"x");
    say_key(again);
    close_key(again);
    say_rename(key, L"a\\b");
    say_rename(key, L"Lsa");
    say_rename(key, L"A far name"); /* Wine 8 loses keys when the new name sorts right behind the old one */
    say_key(key);
    say("old again: 0x%08lx", create_key_as(&again, root, L"Nls", 3, KEY_ALL_ACCESS, NULL, 0, NULL));
    say_key(again);
    close_key(again);
    close_key(below);
    close_key(key);
    say_key(root);
    close_key(root);
}

/* What FVM itself puts between two names when one is renamed may be a program's. */
static void guarded(void)
{
    HANDLE root = create_key(NULL, user(L"Guarded")), key = create_key(root, L"a"),
           other = create_key(root, L"a\x01 fvm");
    say_set(other, L"x", L"y");
    say_rename(key, L"zz");
    close_key(key);
    close_key(other);
    say_key(root);
    say_path(user(L"Guarded\\a\x01 fvm"));
    close_key(root);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    say_section("untouched");
    spellings();
    HANDLE root = must_open(NULL, VERSION, KEY_ALL_ACCESS);
    relative(root);
    say_key(root);
    say_section("a key in a key of the host");
    close_key(create_key(root, L"Made"));
    relative(root);
    say_key(root);
    spellings();
    say_section("names");
    HANDLE made = must_open(root, L"Made", KEY_ALL_ACCESS);
    names_of_keys(made);
    say_section("names in a key of the host");
    names_of_keys(root);
    close_key(made);
    close_key(root);
    say_section("deletion");
    deletion();
    deletion_as_link();
    say_section("renaming");
    guarded();
    renames();
    return 0;
}
