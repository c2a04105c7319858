/* Every service by a handle whose key was deleted: by that handle or another one, a key of the host or of the VM alone, changed before or not,
 * with one of that name made since or not. */
#include "../harness/keys.h"

#define PLACE L"Software\\Deleted keys"

static BYTE memory[KEY_BYTES];

static void query(HANDLE key)
{
    static const wchar_t *const names[] = {L"value", L"none", L""};
    ULONG length = 0;
    for (ULONG class = 0; class <= 9; class ++)
        say("query key %lu: 0x%08lx", class, nt.NtQueryKey(key, class, memory, sizeof memory, &length));
    say("query key in 4 bytes: 0x%08lx", nt.NtQueryKey(key, KeyBasicInformationClass, memory, 4, &length));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        say_query(key, names[i]);
    for (ULONG index = 0; index < 2; index++) {
        say("enumerate key: 0x%08lx",
            nt.NtEnumerateKey(key, index, KeyBasicInformationClass, memory, sizeof memory, &length));
        say("enumerate value: 0x%08lx",
            nt.NtEnumerateValueKey(key, index, KeyValueBasicInformationClass, memory, sizeof memory, &length));
    }
    say("enumerate key in no room: 0x%08lx", nt.NtEnumerateKey(key, 0, KeyBasicInformationClass, memory, 0, &length));
    say("query multiple: 0x%08lx", nt.NtQueryMultipleValueKey(key, memory, 0, memory, 0, &length));
    say("security: 0x%08lx", nt.NtQuerySecurityObject(key, DACL_SECURITY_INFORMATION, memory, sizeof memory, &length));
    say("object name: 0x%08lx",
        nt.NtQueryObject(key, (OBJECT_INFORMATION_CLASS)ObjectNameInformationClass, memory, sizeof memory, &length));
}

static void set_security(HANDLE key)
{
    SECURITY_DESCRIPTOR descriptor;
    InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
    SetSecurityDescriptorDacl(&descriptor, TRUE, NULL, FALSE);
    say("set security: 0x%08lx", nt.NtSetSecurityObject(key, DACL_SECURITY_INFORMATION, &descriptor));
}

static void change(HANDLE key)
{
    UNICODE_STRING name = unicode(L"Renamed"), bad = unicode(L"a\\b");
    LARGE_INTEGER time = {0};
    HANDLE below, event = CreateEventW(NULL, TRUE, FALSE, NULL);
    IO_STATUS_BLOCK io;
    say_set(key, L"value", L"x");
    say_set(key, L"new", L"x");
    say("set nothing readable: 0x%08lx", set_value(key, L"value", REG_SZ, (void *)16, 100));
    say_delete_value(key, L"value");
    say_delete_value(key, L"none");
    close_key(create_key(key, L"Below"));
    close_key(create_key(key, L"Below\\Deep"));
    say("open below: 0x%08lx", open_key(&below, key, L"Below", KEY_READ));
    close_key(below);
    say("open it itself: 0x%08lx", open_key(&below, key, L"", KEY_READ));
    close_key(below);
    say("create it itself: 0x%08lx", create_key_as(&below, key, L"", 0, KEY_READ, NULL, 0, NULL));
    close_key(below);
    say("rename: 0x%08lx", nt.NtRenameKey(key, &name));
    say("rename badly: 0x%08lx", nt.NtRenameKey(key, &bad));
    say("flush: 0x%08lx", nt.NtFlushKey(key));
    say("set time: 0x%08lx", nt.NtSetInformationKey(key, 0, &time, sizeof time));
    say("watch: 0x%08lx",
        nt.NtNotifyChangeKey(key, event, NULL, NULL, &io, REG_NOTIFY_CHANGE_LAST_SET, FALSE, NULL, 0, TRUE));
    say("told: %lu", WaitForSingleObject(event, 0));
    say("save: 0x%08lx", nt.NtSaveKey(key, NULL));
    set_security(key);
    CloseHandle(event);
}

static void all(HANDLE key)
{
    HANDLE copy = NULL;
    query(key);
    change(key);
    say("duplicate: %d",
        DuplicateHandle(GetCurrentProcess(), key, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS));
    say_query(copy, L"value");
    say("delete the duplicate's: 0x%08lx", nt.NtDeleteKey(copy));
    close_key(copy);
    say("delete again: 0x%08lx", nt.NtDeleteKey(key));
    say("delete again: 0x%08lx", nt.NtDeleteKey(key));
    query(key);
}

enum { BY_IT = 0, BY_ANOTHER = 1, CHANGED = 2, MADE_AGAIN = 4, ASKED = 8, WAYS = 16 };

static void deleted(HANDLE place, const wchar_t *name, int way)
{
    ULONG length;
    HANDLE key = must_open(place, name, KEY_ALL_ACCESS), again = NULL;
    say_section(utf8(name));
    if (way & ASKED)
        say("query: 0x%08lx", nt.NtQueryKey(key, KeyFullInformationClass, memory, sizeof memory, &length));
    if (way & CHANGED)
        say_set(key, L"changed", L"x");
    if (way & BY_ANOTHER) {
        HANDLE other = must_open(place, name, KEY_ALL_ACCESS);
        say("delete: 0x%08lx", nt.NtDeleteKey(other));
        close_key(other);
    } else
        say("delete: 0x%08lx", nt.NtDeleteKey(key));
    if (way & MADE_AGAIN) {
        again = create_key(place, name);
        say_set(again, L"value", L"of the new one");
    }
    all(key);
    if (again)
        say_key(again);
    close_key(again);
    close_key(key);
}

/* Handles for little more than to see it. */
static void deleted_reader(HANDLE place, const wchar_t *name)
{
    HANDLE key = must_open(place, name, KEY_QUERY_VALUE), other = must_open(place, name, KEY_ALL_ACCESS);
    say_section("for reading");
    say("delete: 0x%08lx", nt.NtDeleteKey(other));
    all(key);
    close_key(other);
    close_key(key);
}

static void prepare(void)
{
    wchar_t name[64];
    prepare_key(user(PLACE), L"x");
    for (int way = 0; way <= WAYS; way++) {
        swprintf(name, 64, L"%ls\\host %d", PLACE, way);
        prepare_key(user(name), L"x");
    }
}

int wmain(int argc, wchar_t **argv)
{
    wchar_t name[64];
    begin(argc, argv);
    if (argc > 2) {
        prepare();
        say("prepared");
        return 0;
    }
    HANDLE place = must_open(NULL, user(PLACE), KEY_ALL_ACCESS);
    for (int way = 0; way < WAYS; way++) {
        swprintf(name, 64, L"host %d", way);
        deleted(place, name, way);
        swprintf(name, 64, L"own %d", way);
        close_key(create_key(place, name));
        deleted(place, name, way);
    }
    swprintf(name, 64, L"host %d", WAYS);
    deleted_reader(place, name);
    close_key(create_key(place, L"own reader"));
    deleted_reader(place, L"own reader");
    say_key(place);
    close_key(place);
    return 0;
}
