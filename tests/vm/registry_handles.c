/* What handles and lists know of keys: deleted by another handle, made again, changed after they were listed, opened as links,
 * duplicated, with little access. */
#include "../harness/keys.h"

#define TOP MACHINE L"Software\\Microsoft\\Cryptography\\Defaults\\Provider Types" /* the host's, with subkeys */
#define FIRST L"Type 001"
#define SECOND L"Type 003"

static HANDLE duplicate(HANDLE key)
{
    HANDLE made = NULL;
    DuplicateHandle(GetCurrentProcess(), key, GetCurrentProcess(), &made, 0, FALSE, DUPLICATE_SAME_ACCESS);
    return made;
}

static void say_entry(HANDLE key, ULONG index)
{
    static BYTE data[KEY_BYTES];
    ULONG length;
    FVM_KEY_BASIC_INFORMATION *basic = (void *)data;
    NTSTATUS status = nt.NtEnumerateKey(key, index, KeyBasicInformationClass, data, sizeof data, &length);
    say("entry %lu: 0x%08lx %s", index, status,
        status < 0 ? "" : utf8_units(basic->Name, basic->NameLength / sizeof(wchar_t)));
}

static LONGLONG entry_time(HANDLE key, ULONG index)
{
    static BYTE data[KEY_BYTES];
    ULONG length;
    FVM_KEY_BASIC_INFORMATION *basic = (void *)data;
    return nt.NtEnumerateKey(key, index, KeyBasicInformationClass, data, sizeof data, &length) < 0
               ? 0
               : basic->LastWriteTime.QuadPart;
}

/* The list is begun, and a subkey goes away behind its first entry. */
static void listed_and_deleted(HANDLE top)
{
    ULONG last = 0;
    static BYTE data[KEY_BYTES];
    ULONG length;
    while (nt.NtEnumerateKey(top, last, KeyBasicInformationClass, data, sizeof data, &length) >= 0)
        last++;
    close_key(create_key(top, L"zz"));
    for (int round = 0; round < 2; round++) {
        say_entry(top, 0);
        say_entry(top, last);
        say_delete(top, L"zz");
        say_entry(top, last);
        close_key(create_key(top, L"zz"));
        say_entry(top, last);
        say_delete(top, L"zz");
        say_entry(top, last);
    }
    for (int round = 0; round < 2; round++) {
        say_entry(top, 1);
        say_delete(top, SECOND);
        say_entry(top, 1);
        close_key(create_key(top, SECOND));
        say_entry(top, 1);
    }
}

static void changed_after_listing(HANDLE top)
{
    HANDLE child = must_open(top, FIRST, KEY_ALL_ACCESS);
    LONGLONG before = entry_time(top, 0);
    Sleep(20);
    say_set(child, L"changed", L"x");
    LONGLONG after = entry_time(top, 0);
    say("time of a changed subkey moves: %d", after > before);
    Sleep(20);
    say_set(child, L"changed", L"y");
    say("and again: %d", entry_time(top, 0) > after);
    close_key(child);
}

static void full_of_child(HANDLE top)
{
    static BYTE data[KEY_BYTES];
    ULONG length;
    FVM_KEY_FULL_INFORMATION *full = (void *)data;
    for (int round = 0; round < 2; round++) {
        HANDLE other = must_open(top, SECOND, KEY_ALL_ACCESS);
        say_set(other, round ? L"a longer name of a value" : L"name", L"x");
        say_counts(other);
        if (round)
            say("delete: 0x%08lx", nt.NtDeleteKey(other));
        close_key(other);
        NTSTATUS status = nt.NtEnumerateKey(top, 0, KeyFullInformationClass, data, sizeof data, &length);
        say("full of a subkey: 0x%08lx, %lu subkeys, %lu values (%lu)", status, full->SubKeys, full->Values,
            full->MaxValueNameLen);
    }
    close_key(create_key(top, SECOND));
}

static void little_access(void)
{
    HANDLE key = must_open(NULL, TOP, KEY_QUERY_VALUE), value = must_open(NULL, TOP, KEY_READ);
    say_entry(key, 0);
    say_counts(key);
    say_entry(key, 0);
    say_delete_value(value, L"missing");
    say_delete_value(key, L"changed");
    close_key(value);
    close_key(key);
}

static void deleted(HANDLE top)
{
    HANDLE first = must_open(top, FIRST, KEY_ALL_ACCESS), second = must_open(top, FIRST, KEY_ALL_ACCESS);
    HANDLE reader = must_open(top, FIRST, KEY_READ), same = duplicate(first), other = create_key(top, L"renamed");
    say("delete: 0x%08lx", nt.NtDeleteKey(first));
    say("again: 0x%08lx", nt.NtDeleteKey(first));
    say("by a duplicate: 0x%08lx", nt.NtDeleteKey(same));
    say("by another handle: 0x%08lx", nt.NtDeleteKey(second));
    say("without access: 0x%08lx", nt.NtDeleteKey(reader));
    say_query(second, L"Name");
    HANDLE made = create_key(top, FIRST);
    say_set(made, L"new", L"x");
    for (int round = 0; round < 2; round++) {
        HANDLE handles[] = {first, second, same};
        for (size_t i = 0; i < sizeof handles / sizeof *handles; i++) {
            say_query(handles[i], L"new");
            say_set(handles[i], L"old", L"x");
            say_counts(handles[i]);
        }
        say("delete by an old handle: 0x%08lx", nt.NtDeleteKey(first));
        if (!round)
            say_rename(other, L"A"); /* what is known of handles is found out anew */
    }
    say_key(made);
    say("delete: 0x%08lx", nt.NtDeleteKey(other));
    HANDLE all[] = {first, second, reader, same, other, made};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        close_key(all[i]);
}

static void link_by_duplicate(HANDLE top)
{
    static const wchar_t target[] = TOP L"\\" SECOND;
    HANDLE link, same;
    create_key_as(&link, top, L"link", 4, KEY_ALL_ACCESS, NULL, REG_OPTION_CREATE_LINK, NULL);
    same = duplicate(link);
    say("other value: 0x%08lx", set_value(same, L"x", REG_SZ, L"x", 4));
    say("target: 0x%08lx", set_value(same, L"SymbolicLinkValue", REG_LINK, target, sizeof target - sizeof *target));
    HANDLE other = create_key(top, L"renamed");
    say_rename(other, L"A");
    say("other value: 0x%08lx", set_value(link, L"x", REG_SZ, L"x", 4));
    say_path(TOP L"\\link");
    say("delete: 0x%08lx", nt.NtDeleteKey(other));
    say("delete the link: 0x%08lx", nt.NtDeleteKey(link));
    close_key(other);
    close_key(same);
    close_key(link);
}

/* FVM keeps the keys of VMs below this one. */
static void watched_subtree(HANDLE elsewhere)
{
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL), key = must_open(NULL, user(L"Software"), KEY_ALL_ACCESS);
    IO_STATUS_BLOCK io;
    ULONG filter = REG_NOTIFY_CHANGE_LAST_SET | REG_NOTIFY_CHANGE_NAME;
    say("watch: 0x%08lx", nt.NtNotifyChangeKey(key, event, NULL, NULL, &io, filter, TRUE, NULL, 0, TRUE));
    say_set(elsewhere, L"elsewhere", L"x");
    close_key(create_key(elsewhere, L"elsewhere"));
    say("after a change elsewhere: %lu", WaitForSingleObject(event, 0));
    HANDLE below = create_key(key, L"Watched");
    say("after one below: %lu", WaitForSingleObject(event, 0));
    say("delete: 0x%08lx", nt.NtDeleteKey(below));
    close_key(below);
    close_key(key);
    CloseHandle(event);
}

/* ---- one handle, two threads: its first change, and a key below it ---- */

#define TOGETHER 400

static HANDLE shared;
static volatile LONG round_begun, round_ended;

static DWORD WINAPI make_below(void *unused)
{
    (void)unused;
    for (LONG round = 1; round <= TOGETHER; round++) {
        while (round_begun < round)
            YieldProcessor();
        if (shared)
            close_key(create_key(shared, L"Together"));
        InterlockedIncrement(&round_ended);
    }
    return 0;
}

static void together(void)
{
    static BYTE data[KEY_BYTES];
    FVM_KEY_BASIC_INFORMATION *basic = (void *)data;
    ULONG length, changed = 0;
    HANDLE classes = must_open(NULL, MACHINE L"Software\\Classes\\CLSID", KEY_ALL_ACCESS);
    HANDLE thread = CreateThread(NULL, 0, make_below, NULL, 0, NULL);
    for (LONG round = 1; round <= TOGETHER; round++) {
        wchar_t name[MAX_PATH];
        shared = NULL;
        if (nt.NtEnumerateKey(classes, (ULONG)round, KeyBasicInformationClass, data, sizeof data, &length) >= 0) {
            basic->Name[basic->NameLength / sizeof(wchar_t)] = 0;
            lstrcpynW(name, (const wchar_t *)basic->Name, MAX_PATH);
            shared = must_open(classes, name, KEY_ALL_ACCESS);
        }
        InterlockedIncrement(&round_begun);
        if (shared)
            changed += RegSetValueExW(shared, L"together", 0, REG_SZ, (const BYTE *)L"x", 4) == ERROR_SUCCESS;
        while (round_ended < round)
            YieldProcessor();
        if (shared)
            close_key(shared);
    }
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    say("changed by two threads at once: %lu keys", changed);
    close_key(classes);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    HANDLE top = must_open(NULL, TOP, KEY_ALL_ACCESS);
    say_key(top);
    say_section("listed and deleted");
    listed_and_deleted(top);
    say_section("changed after listing");
    changed_after_listing(top);
    say_section("full information of a subkey");
    full_of_child(top);
    say_section("little access");
    little_access();
    say_section("deleted");
    deleted(top);
    say_section("a link by a duplicate");
    link_by_duplicate(top);
    say_section("a watched subtree");
    watched_subtree(top);
    say_section("two threads");
    together();
    say_key(top);
    close_key(top);
    return 0;
}
