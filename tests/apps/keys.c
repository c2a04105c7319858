/* What many programs do to the same keys at once, and what must then be there. All is below HKCU\Software\Keys.
 *   keys seed COUNT            makes the keys that the rest works on: on the host
 *   keys spawn PROCESSES       starts so many of "write", each with a number, and waits for them
 *   keys write NUMBER          writes values and subkeys of Shared
 *   keys verify PROCESSES      checks that Shared has everything that they wrote
 *   keys same TAG OTHER...     writes Same again and again, and must never see what the others write
 *   keys change FROM COUNT     changes Seed\k0, k1 ...: each in one of four ways; a line when one is done
 *   keys check DONE COUNT      of those, so many must be changed, the next one wholly or not at all, and no more
 *   keys rename KEY            renames a key of a key of its own back and forth, for ever
 *   keys renamed KEY           checks that this left nothing but the keys that belong there
 *   keys guarded               renames a key, and makes one of the name that FVM has for a moment then
 *   keys fail                  tries changes of Seed\k0 that fail, or change nothing
 *   keys allow PATH            lets everybody do everything with that key
 *   keys watch                 watches Same; for each line of input, says whether it was told of a change
 *   keys touch TEXT            changes Same
 *   keys volatile KEY          makes a key and one below it that last until the system restarts
 *   keys strings               makes values of text types whose data is no plain text
 *   keys show                  shows the bytes of these
 *   keys odd                   makes values whose names have a line end and a 0 in them */
#include <windows.h>
#include <winternl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

NTSTATUS NTAPI NtSetValueKey(HANDLE key, const UNICODE_STRING *name, ULONG title_index, ULONG type, const void *data,
                             ULONG size);

#define TOP "Software\\Keys\\"
#define ROUNDS 150
#define VALUES 3 /* of each seeded key */

static void fail(const char *what, const char *name, long error)
{
    printf("%s %s: error %ld\n", what, name, error);
    exit(1);
}

static const char *name(const char *format, ...)
{
    static char memory[8][128];
    static unsigned next;
    char *text = memory[next++ % 8];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof memory[0], format, arguments);
    va_end(arguments);
    return text;
}

static HKEY create(const char *path)
{
    HKEY key;
    long error = RegCreateKeyExA(HKEY_CURRENT_USER, path, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL);
    if (error)
        fail("create", path, error);
    return key;
}

static HKEY open(const char *path)
{
    HKEY key = NULL;
    long error = RegOpenKeyExA(HKEY_CURRENT_USER, path, 0, KEY_ALL_ACCESS, &key);
    if (error && error != ERROR_FILE_NOT_FOUND)
        fail("open", path, error);
    return key;
}

static void set(HKEY key, const char *value, const char *text)
{
    long error = RegSetValueExA(key, value, 0, REG_SZ, (const BYTE *)text, (DWORD)strlen(text) + 1);
    if (error)
        fail("set", value, error);
}

static BOOL is(HKEY key, const char *value, const char *text)
{
    char read[128] = "";
    DWORD size = sizeof read;
    return !RegQueryValueExA(key, value, NULL, NULL, (BYTE *)read, &size) && !strcmp(read, text);
}

/* ---- a crowd ---- */

static void seed(int count)
{
    for (int i = 0; i < count; i++) {
        HKEY key = create(name(TOP "Seed\\k%d", i));
        for (int v = 0; v < VALUES; v++)
            set(key, name("value%d", v), name("host %d.%d", i, v));
        RegCloseKey(key);
    }
    HKEY shared = create(TOP "Shared"), same = create(TOP "Same");
    for (int i = 0; i < 50; i++)
        set(shared, name("host%d", i), "host");
    set(same, "who", "host");
    RegCloseKey(shared);
    RegCloseKey(same);
}

/* All begin when all are there. */
static HANDLE ready(void)
{
    return CreateSemaphoreA(NULL, 0, 64, "keys: ready");
}

static HANDLE go(void)
{
    return CreateEventA(NULL, TRUE, FALSE, "keys: go");
}

static void write(const char *number)
{
    ReleaseSemaphore(ready(), 1, NULL);
    WaitForSingleObject(go(), INFINITE);
    for (int i = 0; i < ROUNDS; i++) {
        HKEY key = create(TOP "Shared"), below = create(name(TOP "Shared\\key%s.%d", number, i));
        set(key, name("value%s.%d", number, i), number);
        set(key, "contested", number);
        set(below, "value", number);
        if (RegDeleteValueA(key, name("host%d", i % 50)) == ERROR_ACCESS_DENIED)
            fail("delete", "host value", ERROR_ACCESS_DENIED);
        RegCloseKey(below);
        RegCloseKey(key);
    }
}

static void verify(int processes)
{
    HKEY key = open(TOP "Shared");
    DWORD subkeys, values;
    if (!key || RegQueryInfoKeyA(key, NULL, NULL, NULL, &subkeys, NULL, NULL, &values, NULL, NULL, NULL, NULL))
        fail("query", "Shared", 0);
    if (subkeys != (DWORD)(processes * ROUNDS) || values != (DWORD)(processes * ROUNDS + 1))
        fail("count", name("%lu subkeys, %lu values", subkeys, values), 0);
    for (int p = 0; p < processes; p++)
        for (int i = 0; i < ROUNDS; i++) {
            HKEY below = open(name(TOP "Shared\\key%d.%d", p, i));
            if (!below || !is(below, "value", name("%d", p)) || !is(key, name("value%d.%d", p, i), name("%d", p)))
                fail("lost", name("%d.%d", p, i), 0);
            RegCloseKey(below);
        }
    RegCloseKey(key);
}

static void spawn(int processes)
{
    HANDLE running[64], all_ready = ready(), begin = go();
    char self[MAX_PATH];
    GetModuleFileNameA(NULL, self, sizeof self);
    for (int i = 0; i < processes; i++) {
        STARTUPINFOA startup = {.cb = sizeof startup};
        PROCESS_INFORMATION process;
        char command[2 * MAX_PATH];
        snprintf(command, sizeof command, "\"%s\" write %d", self, i);
        if (!CreateProcessA(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process))
            fail("start", command, (long)GetLastError());
        CloseHandle(process.hThread);
        running[i] = process.hProcess;
    }
    for (int i = 0; i < processes; i++)
        if (WaitForSingleObject(all_ready, 60000))
            fail("not ready", "", i);
    SetEvent(begin);
    for (int i = 0; i < processes; i++) {
        DWORD code;
        WaitForSingleObject(running[i], INFINITE);
        if (!GetExitCodeProcess(running[i], &code) || code)
            fail("exit code", "of a writer", (long)code);
    }
}

/* Each has a subkey and a value of its own name; the value "who" is everybody's. */
static void same(const char *tag, char **others)
{
    for (int i = 0; i < ROUNDS; i++) {
        HKEY key = create(TOP "Same"), below = create(name(TOP "Same\\%s", tag)), met;
        set(key, "who", tag);
        set(key, tag, name("%d", i));
        set(below, "who", tag);
        if (!is(key, "who", tag) || !is(key, tag, name("%d", i)) || !is(below, "who", tag))
            fail("met", tag, 0);
        for (char **other = others; *other; other++)
            if ((met = open(name(TOP "Same\\%s", *other))) || !RegQueryValueExA(key, *other, NULL, NULL, NULL, NULL))
                fail("sees", *other, 0);
        RegCloseKey(below);
        if (i % 10 == 9)
            RegDeleteKeyA(key, tag);
        RegCloseKey(key);
    }
    printf("%s done\n", tag);
}

/* ---- changes that may be cut off ---- */

/* One change; made again after it was cut off, it does no harm. */
static void change_one(int i)
{
    const char *path = name(TOP "Seed\\k%d", i), *made = name(TOP "Seed\\new%d", i);
    wchar_t renamed[32];
    long error = ERROR_SUCCESS;
    HKEY key = i % 4 == 0 ? create(made) : open(path);
    swprintf(renamed, 32, L"renamed%d", i);
    if (key && i % 4 < 2)
        set(key, "value", "new");
    else if (key && i % 4 == 2)
        error = RegDeleteKeyA(key, "");
    else if (key)
        error = RegRenameKey(key, NULL, renamed);
    RegCloseKey(key);
    if (error)
        fail("change", path, error);
}

static BOOL intact(HKEY key, int i)
{
    for (int v = 0; key && v < VALUES; v++)
        if (!is(key, name("value%d", v), name("host %d.%d", i, v)))
            fail("torn", name("%d", i), v);
    return key != NULL;
}

/* Whether the change was made; fails when there is anything that is neither before nor after it. */
static BOOL changed(int i, DWORD *keys)
{
    HKEY key = open(name(TOP "Seed\\k%d", i)), made = open(name(TOP "Seed\\new%d", i));
    HKEY renamed = open(name(TOP "Seed\\renamed%d", i));
    BOOL there = intact(key, i), moved = intact(renamed, i);
    BOOL done[] = {made && is(made, "value", "new"), there && is(key, "value", "new"), !there, !there && moved};
    BOOL wrong[] = {!there || moved, !there || made || moved, made || moved, made || there == moved};
    if (wrong[i % 4])
        fail("wrong", name("%d", i), there | moved << 1);
    *keys += !!key + !!made + !!renamed;
    RegCloseKey(key);
    RegCloseKey(made);
    RegCloseKey(renamed);
    return done[i % 4];
}

static void check(int done, int count)
{
    DWORD keys = 0, listed = 0;
    HKEY key = open(TOP "Seed");
    for (int i = 0; i < count; i++) {
        BOOL now = changed(i, &keys);
        if (i != done && now != (i < done))
            fail(now ? "changed" : "not changed", name("%d", i), done);
    }
    char text[128];
    while (!RegEnumKeyA(key, listed, text, sizeof text)) {
        HKEY below = open(name(TOP "Seed\\%s", text));
        if (!below)
            fail("listed, and not there", text, 0);
        RegCloseKey(below);
        listed++;
    }
    if (listed != keys)
        fail("listed", name("%lu, there are %lu", listed, keys), 0);
    RegCloseKey(key);
}

static void rename_for_ever(const char *top)
{
    HKEY key = create(name(TOP "%s\\m", top));
    RegCloseKey(create(name(TOP "%s\\a", top)));
    RegCloseKey(create(name(TOP "%s\\z", top)));
    set(key, "value", "kept");
    for (int i = 0;; i++) {
        long error = RegRenameKey(key, NULL, i % 2 ? L"m" : L"n");
        if (error)
            fail("rename", top, error);
        printf("%d\n", i);
    }
}

static void check_renamed(const char *top)
{
    HKEY key = open(name(TOP "%s", top)), m = open(name(TOP "%s\\m", top)), n = open(name(TOP "%s\\n", top));
    char text[128];
    DWORD count = 0;
    if (!m == !n || !is(m ? m : n, "value", "kept"))
        fail("wrong", top, m != NULL);
    for (; !RegEnumKeyA(key, count, text, sizeof text); count++)
        if (strlen(text) != 1 || !strchr("amnz", *text))
            fail("left", text, 0);
    if (count != 3)
        fail("listed", top, (long)count);
}

static void guarded(void)
{
    HKEY key = create(TOP "Guarded\\m");
    RegCloseKey(create(TOP "Guarded\\z"));
    long error = RegRenameKey(key, NULL, L"n");
    if (error)
        fail("rename", "m", error);
    set(create(TOP "Guarded\\m\x01 fvm"), "value", "kept");
}

/* The last ones have no 0 at their end. */
static const struct {
    const char *name;
    DWORD type, size;
    BYTE data[16];
} strings[] = {
    {"inner", REG_SZ, 8, "a\0\0\0b\0\0"},
    {"twice", REG_SZ, 6, "a\0\0\0\0"},
    {"only", REG_SZ, 2, "\0"},
    {"nothing", REG_SZ, 0, ""},
    {"odd end", REG_SZ, 5, "a\0\0\0b"},
    {"expand inner", REG_EXPAND_SZ, 8, "a\0\0\0b\0\0"},
    {"expand odd", REG_EXPAND_SZ, 5, "a\0\0\0b"},
    {"many, empty ones", REG_MULTI_SZ, 10, "\0\0a\0\0\0\0\0\0"},
    {"many, one end", REG_MULTI_SZ, 4, "a\0\0"},
    {"half", REG_SZ, 4, "\0\xd8\0"},
    {"bare", REG_SZ, 2, "a"},
    {"bare inner", REG_SZ, 6, "a\0\0\0b"},
    {"bare of many", REG_MULTI_SZ, 2, "a"},
};

static void widen(const char *from, WCHAR *to)
{
    do
        *to++ = (WCHAR)*from;
    while (*from++);
}

static void make_strings(void)
{
    HKEY key = create(TOP "Strings");
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        WCHAR text[32];
        UNICODE_STRING value = {(USHORT)(2 * strlen(strings[i].name)), sizeof text, text};
        widen(strings[i].name, text);
        long status = NtSetValueKey(key, &value, 0, strings[i].type, strings[i].data, strings[i].size);
        if (status)
            fail("set", strings[i].name, status);
    }
}

static void show_strings(void)
{
    HKEY key = open(TOP "Strings");
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        BYTE data[64];
        DWORD type = 0, size = sizeof data;
        WCHAR text[32];
        widen(strings[i].name, text);
        long error = RegQueryValueExW(key, text, NULL, &type, data, &size);
        printf("%s: %ld type %lu:", strings[i].name, error, type);
        for (DWORD b = 0; !error && b < size; b++)
            printf(" %02x", data[b]);
        printf("\n");
    }
}

static void odd(void)
{
    static wchar_t text[] = L"n\0m";
    UNICODE_STRING value = {6, 6, text};
    HKEY key = create(TOP "Odd");
    set(key, "line\nend", "odd");
    if (NtSetValueKey(key, &value, 0, REG_SZ, "", 0))
        fail("set", "n, 0, m", 0);
}

/* ---- changes that fail ---- */

static void fail_to_change(void)
{
    static wchar_t text[] = L"value0";
    UNICODE_STRING value = {12, 12, text};
    HKEY key = open(TOP "Seed\\k0");
    printf("%lx", (unsigned long)NtSetValueKey(key, &value, 0, REG_SZ, (const void *)16, 100));
    printf(" %lx", (unsigned long)NtSetValueKey(key, (const UNICODE_STRING *)16, 0, REG_SZ, "", 1));
    printf(" %ld", RegRenameKey(key, NULL, L"k1"));
    printf(" %ld", RegRenameKey(key, NULL, L"a\\b"));
    printf(" %ld", RegDeleteValueA(key, "none"));
    printf(" %ld\n", RegSetValueExA(key, "value0", 0, REG_SZ, (const BYTE *)"host 0.0", 9));
}

static void allow(const char *path)
{
    SECURITY_DESCRIPTOR all;
    HKEY key = create(path);
    InitializeSecurityDescriptor(&all, SECURITY_DESCRIPTOR_REVISION);
    SetSecurityDescriptorDacl(&all, TRUE, NULL, FALSE);
    long error = RegSetKeySecurity(key, DACL_SECURITY_INFORMATION, &all);
    if (error)
        fail("allow", path, error);
}

/* ---- watching ---- */

static void watch(void)
{
    char line[16];
    HKEY key = open(TOP "Same");
    HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
    long error = RegNotifyChangeKeyValue(key, TRUE, REG_NOTIFY_CHANGE_NAME | REG_NOTIFY_CHANGE_LAST_SET, event, TRUE);
    if (error)
        fail("watch", "Same", error);
    printf("ready\n");
    while (fgets(line, sizeof line, stdin))
        printf("%s\n", WaitForSingleObject(event, 1000) ? "not told" : "told");
}

static void touch(const char *text)
{
    HKEY key = create(TOP "Same"), below = create(name(TOP "Same\\touched by %s", text));
    set(key, "who", text);
    set(below, "who", text);
}

static void make_volatile(const char *path)
{
    const char *paths[] = {name(TOP "%s", path), name(TOP "%s\\below", path)};
    for (int i = 0; i < 2; i++) {
        HKEY key;
        long error = RegCreateKeyExA(HKEY_CURRENT_USER, paths[i], 0, NULL, REG_OPTION_VOLATILE, KEY_ALL_ACCESS, NULL,
                                     &key, NULL);
        if (error)
            fail("create", paths[i], error);
        set(key, "who", path);
        RegCloseKey(key);
    }
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    const char *what = argc > 1 ? argv[1] : "";
    int first = argc > 2 ? atoi(argv[2]) : 0, second = argc > 3 ? atoi(argv[3]) : 0;
    if (!strcmp(what, "seed"))
        seed(first);
    else if (!strcmp(what, "spawn"))
        spawn(first);
    else if (!strcmp(what, "write") && argc > 2)
        write(argv[2]);
    else if (!strcmp(what, "verify"))
        verify(first);
    else if (!strcmp(what, "same") && argc > 2)
        same(argv[2], argv + 3);
    else if (!strcmp(what, "change"))
        for (int i = first; i < second; i++) {
            change_one(i);
            printf("%d\n", i);
        }
    else if (!strcmp(what, "check"))
        check(first, second);
    else if (!strcmp(what, "rename") && argc > 2)
        rename_for_ever(argv[2]);
    else if (!strcmp(what, "renamed") && argc > 2)
        check_renamed(argv[2]);
    else if (!strcmp(what, "fail"))
        fail_to_change();
    else if (!strcmp(what, "allow") && argc > 2)
        allow(argv[2]);
    else if (!strcmp(what, "watch"))
        watch();
    else if (!strcmp(what, "volatile") && argc > 2)
        make_volatile(argv[2]);
    else if (!strcmp(what, "guarded"))
        guarded();
    else if (!strcmp(what, "strings"))
        make_strings();
    else if (!strcmp(what, "show"))
        show_strings();
    else if (!strcmp(what, "odd"))
        odd();
    else if (!strcmp(what, "touch") && argc > 2)
        touch(argv[2]);
    else
        return 2;
    return 0;
}
