/* The less frequent services of keys: several values at once, times, watching with further keys. */
#include "../harness/keys.h"

#include <wincred.h>

#define CONTROL MACHINE L"Software\\Microsoft\\Internet Explorer" /* each program changes other keys of the host */

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

static DWORD WINAPI wait_for_change(void *key)
{
    IO_STATUS_BLOCK io;
    return (DWORD)nt.NtNotifyChangeKey(key, NULL, NULL, NULL, &io, REG_NOTIFY_CHANGE_LAST_SET, FALSE, NULL, 0, FALSE);
}

/* The call that returns when something has changed. */
static void waiting(HANDLE key)
{
    DWORD code = 0;
    HANDLE thread = CreateThread(NULL, 0, wait_for_change, key, 0, NULL);
    say("before: %lu", WaitForSingleObject(thread, 200));
    say_set(key, L"waited for", L"x");
    say("after: %lu", WaitForSingleObject(thread, 5000));
    GetExitCodeThread(thread, &code);
    say("the call: 0x%08lx", code);
    CloseHandle(thread);
}

/* NT watches the further key too, Wine does not. */
static void watching_two(HANDLE key)
{
    UNICODE_STRING name = unicode(user(L"Software"));
    OBJECT_ATTRIBUTES at = named(&name);
    HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL), other = must_open(NULL, user(L"Software"), KEY_ALL_ACCESS);
    IO_STATUS_BLOCK io;
    say("watch two: 0x%08lx", nt.NtNotifyChangeMultipleKeys(key, 1, &at, event, NULL, NULL, &io,
                                                            REG_NOTIFY_CHANGE_LAST_SET, FALSE, NULL, 0, TRUE));
    say_set(other, L"watched", L"x");
    say("after the other: %lu", WaitForSingleObject(event, 0));
    say_set(key, L"watched", L"x");
    say("after the first: %lu", WaitForSingleObject(event, 0));
    CloseHandle(event);
    close_key(other);
}

static void set_information(HANDLE key)
{
    enum { WRITE_TIME, CONTROL_FLAGS, VIRTUALIZATION, WOW64_FLAGS };
    LARGE_INTEGER time = {.QuadPart = 132000000000000000};
    ULONG flags = 1;
    static BYTE data[512];
    ULONG length;
    say("set time: 0x%08lx", nt.NtSetInformationKey(key, WRITE_TIME, &time, sizeof time));
    nt.NtQueryKey(key, KeyBasicInformationClass, data, sizeof data, &length);
    say("is that time: %d", ((FVM_KEY_BASIC_INFORMATION *)data)->LastWriteTime.QuadPart == time.QuadPart);
    say("set flags: 0x%08lx", nt.NtSetInformationKey(key, WOW64_FLAGS, &flags, sizeof flags));
    say("set nothing: 0x%08lx", nt.NtSetInformationKey(key, WRITE_TIME, NULL, 0));
    say("set of no class: 0x%08lx", nt.NtSetInformationKey(key, 99, &flags, sizeof flags));
    say("set of no key: 0x%08lx", nt.NtSetInformationKey(NULL, WRITE_TIME, &time, sizeof time));
}

static void transacted(void)
{
    UNICODE_STRING name = unicode(CONTROL L"\\Transacted"), old = unicode(CONTROL);
    OBJECT_ATTRIBUTES at = named(&name), old_at = named(&old);
    HANDLE key = NULL;
    ULONG disposition;
    if (!nt.NtCreateKeyTransacted || !nt.NtOpenKeyTransacted || !nt.NtOpenKeyTransactedEx)
        return;
    say("create: 0x%08lx",
        nt.NtCreateKeyTransacted(&key, KEY_ALL_ACCESS, &at, 0, NULL, 0, INVALID_HANDLE_VALUE, &disposition));
    say("open: 0x%08lx", nt.NtOpenKeyTransacted(&key, KEY_ALL_ACCESS, &old_at, INVALID_HANDLE_VALUE));
    if (key)
        say_set(key, L"transacted", L"x");
    close_key(key);
    key = NULL;
    say("open with options: 0x%08lx", nt.NtOpenKeyTransactedEx(&key, KEY_ALL_ACCESS, &old_at, 0, INVALID_HANDLE_VALUE));
    if (key)
        say_key(key);
    close_key(key);
    say_path(CONTROL L"\\Transacted");
}

/* Passwords that programs save: on Wine they are values in the registry. */
static void credentials(void)
{
    static const DWORD types[] = {CRED_TYPE_GENERIC, CRED_TYPE_DOMAIN_PASSWORD};
    CREDENTIALW *found, **list;
    DWORD count = 0;
    for (int i = 0; i < 2; i++) {
        CREDENTIALW credential = {.Type = types[i],
                                  .TargetName = L"fvm-target",
                                  .CredentialBlobSize = 6,
                                  .CredentialBlob = (BYTE *)"secret",
                                  .Persist = CRED_PERSIST_LOCAL_MACHINE,
                                  .UserName = L"domain\\user"};
        BOOL ok = CredWriteW(&credential, 0);
        say("write credential: %s", worked(ok));
        ok = CredReadW(L"fvm-target", types[i], 0, &found);
        say("read: %s", worked(ok));
        if (ok) {
            say("  %s %lu", utf8(found->UserName), found->CredentialBlobSize);
            CredFree(found);
        }
        ok = CredEnumerateW(L"fvm*", 0, &count, &list);
        say("list: %s %lu", worked(ok), count);
        if (ok)
            CredFree(list);
    }
    for (int i = 0; i < 4; i++)
        say("delete: %s", worked(CredDeleteW(L"fvm-target", types[i % 2], 0)));
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    HANDLE key = must_open(NULL, CONTROL, KEY_ALL_ACCESS);
    say_section("untouched");
    several(key);
    opening();
    set_information(key);
    say_section("changed");
    credentials();
    say_set(key, L"a", L"first");
    HANDLE made = create_key(key, L"Made");
    say_set(made, L"value", L"x");
    close_key(create_key(made, L"Below"));
    several(key);
    opening();
    watching(key);
    watching(made);
    watching_two(key);
    watching_two(made);
    waiting(key);
    waiting(made);
    set_information(key);
    set_information(made);
    transacted();
    close_key(made);
    close_key(key);
    return 0;
}
