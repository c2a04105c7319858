/* The classes of a user: a hive of its own right below \Registry\User, to which HKCU\Software\Classes is a link, and HKCR. NT has both;
 * Wine has them when somebody makes them: `PROGRAM DIRECTORY prepare` does, outside. The names of all that the host has there. */
#include "../harness/keys.h"

#define MADE L"\\.made\\shell\\open\\command"

/* The hive itself is named after the user's. */
static const wchar_t *hive(const wchar_t *name)
{
    static wchar_t path[256];
    if (!path[0]) {
        wcscpy(path, user(L""));
        wcscpy(path + wcslen(path) - 1, L"_Classes");
    }
    return joined(path, name);
}

static const wchar_t *linked(const wchar_t *name)
{
    return joined(user(L"Software\\Classes"), name);
}

/* Its name among the users. */
static const wchar_t *hive_name(void)
{
    return hive(L"") + wcslen(L"\\Registry\\User\\");
}

static void prepare(void)
{
    static const wchar_t *const names[] = {L"",
                                           L"\\.both",
                                           L"\\.user",
                                           L"\\.user\\shell",
                                           L"\\.user\\shell\\open",
                                           L"\\.user\\shell\\open\\command",
                                           L"\\.via",
                                           L"\\.via\\below",
                                           L"\\CLSID",
                                           L"\\CLSID\\{user}",
                                           L"\\zuletzt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        prepare_key(hive(names[i]), hive(names[i]));
    prepare_link(linked(L""), hive(L""));
    prepare_key(MACHINE L"Software\\Classes\\.both", L"of the machine");
    prepare_key(MACHINE L"Software\\Classes\\.machine", L"of the machine");
    say("prepared");
}

/* ---- by the native API ---- */

static void say_names(const wchar_t *name)
{
    HANDLE users = must_open(NULL, L"\\Registry\\User", KEY_READ), key;
    say_path(hive(name));
    say_path(linked(name));
    say("below the users: 0x%08lx", open_key(&key, users, joined(hive_name(), name), KEY_READ));
    if (key)
        say_key_name(key);
    close_key(key);
    close_key(users);
}

static void say_all(void)
{
    static const wchar_t *const names[] = {
        L"",       L"\\.both",       L"\\.user",         L"\\.user\\shell\\open\\command",
        L"\\.via", L"\\.via\\below", L"\\CLSID\\{user}", L"\\.made",
        MADE,      L"\\moved",       L"\\moved\\below",  L"\\by the link"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        say("%s", utf8(names[i]));
        say_names(names[i]);
    }
}

/* Whether the list of the users has the hive, and how often. */
static void say_listed(const wchar_t *name)
{
    static BYTE data[KEY_BYTES];
    FVM_KEY_BASIC_INFORMATION *basic = (void *)data;
    HANDLE users = must_open(NULL, L"\\Registry\\User", KEY_READ);
    ULONG length, count = 0;
    for (ULONG i = 0; nt.NtEnumerateKey(users, i, KeyBasicInformationClass, data, sizeof data, &length) >= 0; i++)
        count += basic->NameLength == wcslen(name) * 2 && !memcmp(basic->Name, name, basic->NameLength);
    say("listed: %lu", count);
    close_key(users);
}

static void make(const wchar_t *path)
{
    const wchar_t *parts[] = {L"\\.made", L"\\.made\\shell", L"\\.made\\shell\\open", MADE};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        close_key(create_key(NULL, joined(path, parts[i])));
    HANDLE key = must_open(NULL, joined(path, MADE), KEY_ALL_ACCESS);
    say_set(key, L"", L"notepad.exe %1");
    close_key(key);
}

static void change(void)
{
    make(hive(L""));
    close_key(create_key(NULL, linked(L"\\by the link")));
    HANDLE own = must_open(NULL, linked(L"\\.user"), KEY_ALL_ACCESS);
    say_key_name(own);
    say_set(own, L"", L"changed by the link");
    close_key(own);
    own = must_open(NULL, hive(L"\\.both"), KEY_ALL_ACCESS);
    say_delete_value(own, L"value");
    say_set(own, L"added", L"by the hive");
    close_key(own);
    own = must_open(NULL, linked(L"\\.via"), KEY_ALL_ACCESS);
    say_rename(own, L"moved");
    say_key_name(own);
    close_key(own);
    own = must_open(NULL, hive(L"\\CLSID"), KEY_ALL_ACCESS);
    say_delete(own, L"{user}");
    say("delete: 0x%08lx", nt.NtDeleteKey(own));
    close_key(own);
    say_delete(NULL, hive(L"\\.user"));
    say_delete(NULL, linked(L"\\.user\\shell\\open\\command"));
}

/* The hive under another name, and back: then the link leads nowhere, and somewhere again. NT refuses it. */
static void rename_hive(void)
{
    HANDLE key = must_open(NULL, hive(L""), KEY_ALL_ACCESS);
    say_rename(key, L"Another name");
    say_names(L"\\.both");
    say_listed(L"Another name");
    say_rename(key, hive_name());
    close_key(key);
    say_names(L"\\.both");
}

/* ---- by the library that programs use ---- */

static void say_text(HKEY key, const wchar_t *below, const wchar_t *name)
{
    wchar_t text[260] = L"";
    DWORD size = sizeof text;
    LSTATUS error = RegGetValueW(key, below, name, RRF_RT_REG_SZ, NULL, text, &size);
    say("  value %s %s: %ld %s", utf8(below), name ? utf8(name) : "", error, error ? "" : utf8(text));
}

static LSTATUS set_text(HKEY key, const wchar_t *name, const wchar_t *text)
{
    return RegSetValueExW(key, name, 0, REG_SZ, (const BYTE *)text, (DWORD)(wcslen(text) + 1) * 2);
}

static HKEY create(HKEY root, const wchar_t *path)
{
    HKEY key = NULL;
    DWORD disposition = 0;
    LSTATUS error = RegCreateKeyExW(root, path, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, &disposition);
    say("create %s: %ld %lu", utf8(path), error, disposition);
    say_key_name(key);
    return key;
}

static void say_root(void)
{
    static const wchar_t *const names[] = {L".both", L".user", L".machine", L".merged", L".made by class", L"moved"};
    wchar_t name[260];
    DWORD listed = 0, length = 260;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        say_text(HKEY_CLASSES_ROOT, names[i], L"value");
        say_text(HKEY_CLASSES_ROOT, names[i], NULL);
    }
    for (DWORD i = 0; !RegEnumKeyExW(HKEY_CLASSES_ROOT, i, name, &length, NULL, NULL, NULL, NULL); i++, length = 260)
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            listed += !wcscmp(name, names[n]);
    say("  of them are listed: %lu", listed);
}

/* HKCR shows what the user has in front of what the machine has. */
static void root(void)
{
    static const wchar_t merged[] = L"Software\\Classes\\.merged", both[] = L"Software\\Classes\\.both";
    HKEY key;
    say_root();
    key = create(HKEY_LOCAL_MACHINE, merged);
    say("machine: %ld", set_text(key, NULL, L"machine"));
    RegCloseKey(key);
    say_root();
    key = create(HKEY_CURRENT_USER, merged);
    say("user: %ld", set_text(key, NULL, L"user"));
    RegCloseKey(key);
    say_root();
    key = create(HKEY_CLASSES_ROOT, L".merged");
    say("set: %ld", set_text(key, L"value", L"by class"));
    RegCloseKey(key);
    say_text(HKEY_CURRENT_USER, merged, L"value");
    say_text(HKEY_LOCAL_MACHINE, merged, L"value");
    RegCloseKey(create(HKEY_CLASSES_ROOT, L".made by class"));
    key = create(HKEY_CLASSES_ROOT, L".both");
    say("set: %ld", set_text(key, L"value", L"by class"));
    RegCloseKey(key);
    say_text(HKEY_CURRENT_USER, both, L"value");
    say_text(HKEY_LOCAL_MACHINE, both, L"value");
    say_root();
    say("delete: %ld %ld %ld %ld", RegDeleteKeyW(HKEY_CURRENT_USER, merged),
        RegDeleteKeyW(HKEY_CLASSES_ROOT, L".merged"), RegDeleteKeyW(HKEY_CLASSES_ROOT, L".both"),
        RegDeleteKeyW(HKEY_CLASSES_ROOT, L".made by class"));
    say_root();
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    if (argc > 2) {
        prepare();
        return 0;
    }
    say_section("untouched");
    say_listed(hive_name());
    say_all();
    say_section("changed");
    change();
    say_listed(hive_name());
    say_all();
    rename_hive();
    say_section("HKCR");
    root();
    say_section("deleted");
    say("delete: %ld", RegDeleteTreeW(HKEY_CURRENT_USER, L"Software\\Classes"));
    say_names(L"");
    say_listed(hive_name());
    say_section("and made again");
    prepare();
    say_all();
    return 0;
}
