/* Hives, files that hold a key with all that is below it: saving, loading and unloading them by every service that there is, from files
 * that are none, at keys that are there and that are not, with and without the privilege. */
#include "../harness/keys.h"

#define CONTROL MACHINE L"Software\\Microsoft\\DirectPlay" /* of the host */
#define LOADED MACHINE L"Loaded"
#define PREPARED L"Software\\Hive [of] \u00e4ll" /* the host has it, with a class */

NTSYSAPI NTSTATUS NTAPI RtlAdjustPrivilege(ULONG privilege, BOOLEAN enable, BOOLEAN thread, BOOLEAN *was_enabled);

/* The answer of a service that a platform may lack. */
#define CALL(service, ...) (nt.service ? nt.service(__VA_ARGS__) : STATUS_PROCEDURE_NOT_FOUND)

static void say_status(const char *what, NTSTATUS status)
{
    if (status == STATUS_PROCEDURE_NOT_FOUND)
        say("  %s is missing", what);
    else
        say("  %s: 0x%08lx", what, status);
}

#define SAY_CALL(service, ...) say_status(#service, CALL(service, __VA_ARGS__))

/* For what is refused inside and outside, but not for the same one of several reasons. */
static void say_refused(const char *what, NTSTATUS status)
{
    say("%s: %s", what, status < 0 ? "refused" : "not refused");
}

struct named {
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
};

/* A name; relative to a key if one is given. */
static OBJECT_ATTRIBUTES *named(HANDLE root, const wchar_t *name)
{
    static struct named ring[RING];
    static unsigned next;
    struct named *n = &ring[next++ % RING];
    n->name = unicode(name);
    n->attributes = (OBJECT_ATTRIBUTES){.Length = sizeof(OBJECT_ATTRIBUTES),
                                        .RootDirectory = root,
                                        .ObjectName = &n->name,
                                        .Attributes = OBJ_CASE_INSENSITIVE};
    return &n->attributes;
}

static HANDLE create_file(const wchar_t *name)
{
    return CreateFileW(at(name), GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
}

static void say_exists(const wchar_t *path)
{
    HANDLE key;
    say("    is there: 0x%08lx", open_key(&key, NULL, path, KEY_READ));
    if (key)
        say_counts(key);
    close_key(key);
}

/* ---- saving ---- */

/* The lines that do not tell a time. */
static void say_hive(const wchar_t *name)
{
    static char line[KEY_BYTES];
    FILE *file = _wfopen(at(name), L"rb");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, line[0] == '[' ? "]\n" : "\n")] = 0;
        if (strncmp(line, "#time", 5) != 0)
            say("    | %s", line);
    }
    if (file)
        fclose(file);
}

/* Saves it behind what the file has already. */
static void save_as(HANDLE key, DWORD flags)
{
    LARGE_INTEGER begin = {.QuadPart = 6}, now = {0};
    DWORD written;
    OVERLAPPED io = {0};
    HANDLE file = CreateFileW(at(L"behind"), GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, flags, NULL);
    WriteFile(file, "before", 6, &written, flags & FILE_FLAG_OVERLAPPED ? &io : NULL);
    SetFilePointerEx(file, begin, NULL, FILE_BEGIN);
    say("save: 0x%08lx", nt.NtSaveKey(key, file));
    SetFilePointerEx(file, now, &now, FILE_CURRENT);
    say("    now at %lu", (unsigned long)now.QuadPart);
    CloseHandle(file);
    say_hive(L"behind");
}

static void save_prepared(void)
{
    HANDLE upper = must_open(NULL, user(L"SOFTWARE\\hive [OF] \u00e4ll"), KEY_ALL_ACCESS), own;
    save_as(upper, 0);
    say_set(upper, L"added", L"in the VM");
    save_as(upper, 0);
    save_as(upper, FILE_FLAG_OVERLAPPED);
    own = create_key(upper, L"Own");
    say_set(own, L"value", L"x");
    save_as(upper, 0);
    save_as(own, 0);
    close_key(own);
    close_key(upper);
    upper = must_open(NULL, user(PREPARED L" 2\\Below"), KEY_ALL_ACCESS);
    save_as(upper, 0);
    UNICODE_STRING name = unicode(L"Renamed");
    say("rename: 0x%08lx", nt.NtRenameKey(upper, &name));
    save_as(upper, 0);
    own = must_open(upper, L"DEEP", KEY_READ);
    say_key_name(own);
    save_as(own, 0);
    close_key(own);
    close_key(upper);
}

static void prepare(const wchar_t *path)
{
    HANDLE key, below, deep;
    create_key_as(&key, NULL, path, wcslen(path), KEY_ALL_ACCESS, L"a \"class\"", 0, NULL);
    create_key_as(&below, key, L"Below", 5, KEY_ALL_ACCESS, L"of below", 0, NULL);
    create_key_as(&deep, below, L"Deep", 4, KEY_ALL_ACCESS, NULL, 0, NULL);
    set_value(key, L"value", REG_SZ, L"x", 4);
    set_value(deep, L"", REG_SZ, L"x", 4);
    close_key(deep);
    close_key(below);
    close_key(key);
}

static void say_saved(HANDLE file)
{
    LARGE_INTEGER size = {0};
    GetFileSizeEx(file, &size);
    say("    %s", size.QuadPart ? "has something" : "is empty");
    CloseHandle(file);
}

static void save(HANDLE key)
{
    enum { STANDARD = 1, LATEST = 2, NO_COMPRESSION = 4 };
    static const ULONG formats[] = {STANDARD, LATEST, NO_COMPRESSION, 0, 3, 8, 0xffffffff};
    HANDLE reader, file = create_file(L"saved"), other = must_open(NULL, user(L"Software"), KEY_READ);
    open_key(&reader, NULL, CONTROL, KEY_QUERY_VALUE);
    say("save: 0x%08lx", nt.NtSaveKey(key, file));
    say_saved(file);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        file = create_file(L"saved ex");
        say("format %lu", formats[i]);
        SAY_CALL(NtSaveKeyEx, key, file, formats[i]);
        say_saved(file);
    }
    file = create_file(L"merged");
    SAY_CALL(NtSaveMergedKeys, key, other, file);
    SAY_CALL(NtSaveMergedKeys, key, NULL, file);
    say_saved(file);
    say("save by a handle for little: 0x%08lx", nt.NtSaveKey(reader, INVALID_HANDLE_VALUE));
    say("save of no key: 0x%08lx", nt.NtSaveKey(NULL, NULL));
    say("save to no file: 0x%08lx", nt.NtSaveKey(key, NULL));
    say("save to a key: 0x%08lx", nt.NtSaveKey(key, other));
    file = CreateFileW(at(L"saved"), GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    say("save to a file for reading: 0x%08lx", nt.NtSaveKey(key, file));
    say_saved(file);
    close_key(other);
    close_key(reader);
}

/* ---- loading ---- */

enum { LOAD, LOAD_2, LOAD_EX, LOAD_3, LOADS };

static NTSTATUS load_as(int way, OBJECT_ATTRIBUTES *key, OBJECT_ATTRIBUTES *file)
{
    switch (way) {
    case LOAD:
        return nt.NtLoadKey(key, file);
    case LOAD_2:
        return nt.NtLoadKey2(key, file, 0);
    case LOAD_EX:
        return CALL(NtLoadKeyEx, key, file, 0, NULL, NULL, 0, NULL, NULL);
    default:
        return CALL(NtLoadKey3, key, file, 0, NULL, 0, 0, NULL, NULL);
    }
}

static const char *const way_names[] = {"NtLoadKey", "NtLoadKey2", "NtLoadKeyEx", "NtLoadKey3"};

static void write_file(const wchar_t *name, const char *text)
{
    HANDLE file = create_file(name);
    DWORD written;
    WriteFile(file, text, (DWORD)strlen(text), &written, NULL);
    CloseHandle(file);
}

/* What fails leaves no key on NT, and an empty one on Wine. */
static void clean_up(HANDLE root, const wchar_t *name)
{
    nt.NtUnloadKey(named(root, name));
}

static void load_from(HANDLE machine)
{
    static const wchar_t *const files[] = {L"missing", L"missing\\saved", L"saved\\below", L"empty",
                                           L"garbage", L"cut off",        L"no text",      L"read-only.txt"};
    write_file(L"garbage", "no hive\n");
    write_file(L"cut off", "WINE REGISTRY Version 2\n\n[a");
    write_file(L"no text", "regf\1\2\3\4\xff\xfe");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (int way = 0; way < LOADS; way++) {
            say("from %s", utf8(files[i]));
            NTSTATUS status = load_as(way, named(machine, L"Loaded"), named(NULL, nt_at(files[i])));
            say_status(way_names[way], status);
            if (status >= 0)
                say_exists(LOADED);
            clean_up(machine, L"Loaded");
            say_exists(LOADED);
        }
    say_refused("from a directory", nt.NtLoadKey(named(machine, L"Loaded"), named(NULL, nt_at(L"sub"))));
    clean_up(machine, L"Loaded");
}

/* Each from a file of its own: Wine keeps the file open when it finds nothing to load it to. */
static OBJECT_ATTRIBUTES *copied(void)
{
    static unsigned number;
    wchar_t name[32];
    swprintf(name, 32, L"copy %u", number++);
    CopyFileW(at(L"saved"), at(name), FALSE);
    return named(NULL, nt_at(name));
}

static void load_nowhere(HANDLE machine)
{
    OBJECT_ATTRIBUTES broken = {.Length = 1}, no_name = {.Length = sizeof no_name};
    say("to no key: 0x%08lx", nt.NtLoadKey(NULL, copied()));
    say("broken attributes: 0x%08lx", nt.NtLoadKey(&broken, copied()));
    say("no parent: 0x%08lx", nt.NtLoadKey(named(machine, L"Not there\\Loaded"), copied()));
    say_refused("no name", nt.NtLoadKey(&no_name, copied()));
    say_refused("below no key", nt.NtLoadKey(named(INVALID_HANDLE_VALUE, L"Loaded"), copied()));
    say_refused("broken attributes of the file", nt.NtLoadKey(named(machine, L"Loaded"), &broken));
    say_exists(LOADED);
}

static void load_below(HANDLE key)
{
    say("below a key: 0x%08lx", nt.NtLoadKey(named(key, L"Loaded below"), copied()));
    say_exists(CONTROL L"\\Loaded below");
    say("unload: 0x%08lx", nt.NtUnloadKey(named(key, L"Loaded below")));
    say_exists(CONTROL L"\\Loaded below");
    HANDLE made = create_key(key, L"Over");
    close_key(create_key(made, L"Before"));
    say("over a key: 0x%08lx", nt.NtLoadKey(named(key, L"Over"), copied()));
    say_key(made);
    close_key(made);
    say("unload: 0x%08lx", nt.NtUnloadKey(named(key, L"Over")));
}

/* ---- unloading ---- */

static void unload(HANDLE machine, HANDLE key)
{
    OBJECT_ATTRIBUTES broken = {.Length = 1};
    say("unload a missing key: 0x%08lx", nt.NtUnloadKey(named(machine, L"Not there")));
    say("below a missing key: 0x%08lx", nt.NtUnloadKey(named(machine, L"Not there\\below")));
    say("by its path: 0x%08lx", nt.NtUnloadKey(named(NULL, MACHINE L"Not there")));
    say("no key: 0x%08lx", nt.NtUnloadKey(NULL));
    say_refused("broken attributes", nt.NtUnloadKey(&broken));
    SAY_CALL(NtUnloadKey2, named(machine, L"Not there"), 0);
    SAY_CALL(NtUnloadKey2, named(machine, L"Not there"), 1);
    SAY_CALL(NtUnloadKeyEx, named(machine, L"Not there"), NULL);
    HANDLE made = create_key(key, L"Ordinary");
    close_key(create_key(made, L"Below"));
    say("an open key: 0x%08lx", nt.NtUnloadKey(named(key, L"Ordinary")));
    close_key(made);
    say_exists(CONTROL L"\\Ordinary");
    say("an ordinary key: 0x%08lx", nt.NtUnloadKey(named(key, L"Ordinary")));
    say_exists(CONTROL L"\\Ordinary");
    say("again: 0x%08lx", nt.NtUnloadKey(named(key, L"Ordinary")));
}

/* ---- from saved to unloaded ---- */

static void count_open(HANDLE machine)
{
    static BYTE buffer[4096];
    ULONG count = 0, needed = 0;
    SAY_CALL(NtQueryOpenSubKeys, named(machine, L"Loaded"), &count);
    SAY_CALL(NtQueryOpenSubKeysEx, named(machine, L"Loaded"), sizeof buffer, buffer, &needed);
}

static void round_trip(HANDLE machine, int way)
{
    OBJECT_ATTRIBUTES *file = named(NULL, nt_at(L"saved"));
    say_status(way_names[way], load_as(way, named(machine, L"Loaded"), file));
    say_path(LOADED);
    say_path(LOADED L"\\Made\\Below");
    HANDLE loaded = must_open(NULL, LOADED, KEY_ALL_ACCESS);
    say_set(loaded, L"set", L"x");
    close_key(create_key(loaded, L"New"));
    say_key(loaded);
    count_open(machine);
    close_key(loaded);
    if (way == LOAD_EX)
        SAY_CALL(NtUnloadKeyEx, named(machine, L"Loaded"), NULL);
    if (way == LOAD_2)
        SAY_CALL(NtUnloadKey2, named(machine, L"Loaded"), 0);
    say("unload: 0x%08lx", nt.NtUnloadKey(named(machine, L"Loaded")));
    say_path(LOADED);
    say("again: 0x%08lx", nt.NtUnloadKey(named(machine, L"Loaded")));
}

/* What the system answers, and that the keys are what they were where that does nothing. */
static void restore(HANDLE key)
{
    HANDLE in = CreateFileW(at(L"saved"), GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
    say("restore: 0x%08lx", nt.NtRestoreKey(key, in, 0));
    CloseHandle(in);
    say("replace: 0x%08lx", nt.NtReplaceKey(named(NULL, nt_at(L"saved")), key, named(NULL, nt_at(L"old"))));
    say_key(key);
    say_file(L"old");
}

static void all(HANDLE key)
{
    HANDLE machine = must_open(NULL, L"\\Registry\\Machine", KEY_ALL_ACCESS); /* Wine wants one */
    say_section("saving");
    save(key);
    say_section("loading");
    for (int way = 0; way < LOADS; way++)
        round_trip(machine, way);
    load_from(machine);
    load_nowhere(machine);
    load_below(key);
    say_section("unloading");
    unload(machine, key);
    restore(key);
    close_key(machine);
}

int wmain(int argc, wchar_t **argv)
{
    enum { SE_BACKUP = 17, SE_RESTORE = 18 };
    BOOLEAN was;
    begin(argc, argv);
    if (argc > 2) {
        prepare(user(PREPARED));
        prepare(user(PREPARED L" 2"));
        say("prepared");
        return 0;
    }
    HANDLE key = must_open(NULL, CONTROL, KEY_ALL_ACCESS), made = create_key(key, L"Made");
    say_set(made, L"value", L"x");
    close_key(create_key(made, L"Below"));
    close_key(made);
    say_section("without the privilege");
    all(key);
    RtlAdjustPrivilege(SE_BACKUP, TRUE, FALSE, &was);
    RtlAdjustPrivilege(SE_RESTORE, TRUE, FALSE, &was);
    say_section("with it");
    all(key);
    close_key(key);
    say_section("what is saved");
    save_prepared();
    return 0;
}
