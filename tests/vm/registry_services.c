/* The less frequent services of keys: several values at once, times, watching with further keys, saving and loading a hive. */
#include "../harness/keys.h"

#define CONTROL MACHINE L"Software\\Microsoft\\Internet Explorer" /* each program changes other keys of the host */
#define LOADED MACHINE L"Loaded"

NTSYSAPI NTSTATUS NTAPI RtlAdjustPrivilege(ULONG privilege, BOOLEAN enable, BOOLEAN thread, BOOLEAN *was_enabled);

static OBJECT_ATTRIBUTES named(UNICODE_STRING *name)
{
    return (OBJECT_ATTRIBUTES){
        .Length = sizeof(OBJECT_ATTRIBUTES), .ObjectName = name, .Attributes = OBJ_CASE_INSENSITIVE};
}

static void several(HANDLE key)
{
    static BYTE data[512];
    UNICODE_STRING name = unicode(L"a");
    struct {
        UNICODE_STRING *name;
        ULONG length, offset, type;
    } entry = {.name = &name};
    ULONG length = sizeof data;
    say("several: 0x%08lx", nt.NtQueryMultipleValueKey(key, &entry, 1, data, sizeof data, &length));
}

static void opening(void)
{
    static const ULONG options[] = {0, REG_OPTION_OPEN_LINK, REG_OPTION_BACKUP_RESTORE};
    UNICODE_STRING name = unicode(CONTROL);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        OBJECT_ATTRIBUTES at = named(&name);
        HANDLE key = NULL;
        say("options %lu: 0x%08lx", options[i], nt.NtOpenKeyEx(&key, KEY_READ, &at, options[i]));
        say_key(key);
        close_key(key);
    }
}

static void watching(HANDLE key)
{
    HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);
    IO_STATUS_BLOCK io;
    say("watch: 0x%08lx", nt.NtNotifyChangeMultipleKeys(key, 0, NULL, event, NULL, NULL, &io,
                                                        REG_NOTIFY_CHANGE_LAST_SET, FALSE, NULL, 0, TRUE));
    say("before: %lu", WaitForSingleObject(event, 0));
    say_set(key, L"watched", L"x");
    say("after: %lu", WaitForSingleObject(event, 0));
    CloseHandle(event);
}

static void hive(HANDLE key)
{
    UNICODE_STRING name = unicode(L"Loaded"), file = unicode(nt_at(L"saved"));
    OBJECT_ATTRIBUTES key_at = named(&name), file_at = named(&file);
    key_at.RootDirectory = must_open(NULL, L"\\Registry\\Machine", KEY_ALL_ACCESS); /* Wine wants one */
    HANDLE out = CreateFileW(at(L"saved"), GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    say("save: 0x%08lx", nt.NtSaveKey(key, out));
    CloseHandle(out);
    say("load: 0x%08lx", nt.NtLoadKey(&key_at, &file_at));
    say_path(LOADED);
    say_path(LOADED L"\\Made\\Below");
    HANDLE loaded = must_open(NULL, LOADED, KEY_ALL_ACCESS);
    say_set(loaded, L"set", L"x");
    close_key(create_key(loaded, L"New"));
    say_key(loaded);
    close_key(loaded);
    say("unload: 0x%08lx", nt.NtUnloadKey(&key_at));
    close_key(key_at.RootDirectory);
    say_path(LOADED);
}

int wmain(int argc, wchar_t **argv)
{
    enum { SE_BACKUP = 17, SE_RESTORE = 18 };
    BOOLEAN was;
    begin(argc, argv);
    HANDLE key = must_open(NULL, CONTROL, KEY_ALL_ACCESS);
    say_section("untouched");
    several(key);
    opening();
    say_section("changed");
    say_set(key, L"a", L"first");
    HANDLE made = create_key(key, L"Made");
    say_set(made, L"value", L"x");
    close_key(create_key(made, L"Below"));
    several(key);
    opening();
    watching(key);
    watching(made);
    say_section("without the privilege");
    hive(key);
    say_section("a hive");
    RtlAdjustPrivilege(SE_BACKUP, TRUE, FALSE, &was);
    RtlAdjustPrivilege(SE_RESTORE, TRUE, FALSE, &was);
    hive(key);
    close_key(made);
    close_key(key);
    return 0;
}
