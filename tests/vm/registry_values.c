/* Values: of keys of the host and of the program's, through handles opened before and after, with every right. */
#include "../harness/keys.h"

#define VERSION                                                                                                        \
    MACHINE L"Software\\Microsoft\\Windows\\CurrentVersion" /* each program changes other keys of the host */

static void types(HANDLE key)
{
    wchar_t name[16];
    for (ULONG type = 0; type < 13; type++) {
        swprintf(name, 16, L"type %lu", type);
        say("%s: 0x%08lx", utf8(name), set_value(key, name, type, "12345678", type % 9));
    }
    say("default: 0x%08lx", set_value(key, L"", REG_SZ, L"default", 16));
    say("odd type: 0x%08lx", set_value(key, L"odd", 0xdeadbeef, "x", 1));
    static const ULONG sizes[] = {0, 1, 16383, 1 << 20, 3 << 20};
    BYTE *data = malloc(3 << 20), *read = malloc((3 << 20) + 100);
    for (ULONG i = 0; i < 3 << 20; i++)
        data[i] = (BYTE)(i * 7 + i / 256);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        UNICODE_STRING string = unicode(L"sized");
        ULONG length;
        NTSTATUS status = set_value(key, L"sized", REG_BINARY, data, sizes[i]);
        NTSTATUS queried =
            nt.NtQueryValueKey(key, &string, KeyValueFullInformationClass, read, (3 << 20) + 100, &length);
        FVM_KEY_VALUE_FULL_INFORMATION *value = (void *)read;
        say("%lu bytes: 0x%08lx 0x%08lx %lu %08lx", sizes[i], status, queried, length,
            checksum(read + value->DataOffset, value->DataLength));
        queried = nt.NtQueryValueKey(key, &string, KeyValueFullInformationClass, read, 20, &length);
        say("short: 0x%08lx %lu", queried, length);
    }
    free(data);
    free(read);
}

static void copy_on_write(void)
{
    HANDLE before = must_open(NULL, VERSION, KEY_READ), writer = must_open(NULL, VERSION, KEY_READ | KEY_SET_VALUE);
    HANDLE only = must_open(NULL, VERSION, KEY_SET_VALUE), none = must_open(NULL, VERSION, KEY_ENUMERATE_SUB_KEYS);
    say_set(before, L"refused", L"x");
    say_delete_value(before, L"ProgramFilesDir");
    say_delete_value(writer, L"missing");
    say_query(before, L"ProgramFilesDir");
    say_query(none, L"ProgramFilesDir");
    say_query(only, L"ProgramFilesDir");
    say_set(only, L"ProgramFilesDir", L"something else");
    say_query(before, L"ProgramFilesDir");
    say_query(none, L"ProgramFilesDir");
    say_delete_value(writer, L"CommonFilesDir");
    say_key(before);
    say_key(none);
    say_set(before, L"refused", L"x");
    say_query(only, L"ProgramFilesDir");
    HANDLE after = must_open(NULL, VERSION, KEY_ALL_ACCESS);
    say_key(after);
    types(after);
    say_key(before);
    say("flush: 0x%08lx", nt.NtFlushKey(after));
    close_key(before);
    close_key(writer);
    close_key(only);
    close_key(none);
    close_key(after);
}

static void security(void)
{
    static BYTE descriptor[4096], again[4096];
    SECURITY_DESCRIPTOR open;
    ULONG length;
    HANDLE key = must_open(NULL, MACHINE L"Software\\Microsoft\\Windows\\CurrentVersion\\Run", KEY_ALL_ACCESS);
    HANDLE reader = must_open(NULL, MACHINE L"Software\\Microsoft\\Windows\\CurrentVersion\\Run", KEY_READ);
    NTSTATUS status = nt.NtQuerySecurityObject(key, DACL_SECURITY_INFORMATION, descriptor, sizeof descriptor, &length);
    say("query 0x%08lx %lu %08lx", status, length, checksum(descriptor, length));
    InitializeSecurityDescriptor(&open, SECURITY_DESCRIPTOR_REVISION);
    SetSecurityDescriptorDacl(&open, TRUE, NULL, FALSE);
    say("without the right 0x%08lx", nt.NtSetSecurityObject(reader, DACL_SECURITY_INFORMATION, &open));
    say("set 0x%08lx", nt.NtSetSecurityObject(key, DACL_SECURITY_INFORMATION, &open));
    status = nt.NtQuerySecurityObject(reader, DACL_SECURITY_INFORMATION, again, sizeof again, &length);
    say("query 0x%08lx %lu %08lx", status, length, checksum(again, length));
    close_key(reader);
    close_key(key);
}

/* The statuses and lengths of every class with buffers of every size. */
static void buffers(HANDLE key)
{
    static BYTE data[1024];
    UNICODE_STRING name = unicode(L"ProgramFilesDir");
    for (ULONG class = 0; class < 3; class ++)
        for (ULONG size = 0; size <= 120; size += 4) {
            ULONG length = 0xdead;
            memset(data, 0xcc, sizeof data);
            NTSTATUS status = nt.NtQueryValueKey(key, &name, class, data, size, &length);
            NTSTATUS listed = nt.NtEnumerateValueKey(key, 1, class, data + 512, size, &length);
            say("value class %lu size %lu: 0x%08lx 0x%08lx %lu %08lx", class, size, status, listed, length,
                checksum(data, sizeof data));
        }
    for (ULONG class = 0; class < 6; class ++)
        for (ULONG size = 0; size <= 80; size += 4) {
            ULONG length = 0xdead, second = 0xdead;
            memset(data, 0, sizeof data);
            NTSTATUS status = nt.NtQueryKey(key, class, data, size, &length);
            NTSTATUS listed = nt.NtEnumerateKey(key, 2, class, data + 512, size, &second);
            memset(data, 0, 8); /* times */
            memset(data + 512, 0, 8);
            say("class %lu size %lu: 0x%08lx 0x%08lx %lu %lu %08lx", class, size, status, listed, length, second,
                checksum(data, sizeof data));
        }
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    HANDLE key = must_open(NULL, VERSION, KEY_READ);
    say_section("buffers, untouched");
    buffers(key);
    say_section("copy on write");
    copy_on_write();
    say_section("buffers, copied and merged");
    HANDLE made = create_key(key, L"0 made");
    buffers(key);
    say_section("values of a new key");
    types(made);
    say_key(made);
    close_key(made);
    close_key(key);
    say_section("security");
    security();
    return 0;
}
