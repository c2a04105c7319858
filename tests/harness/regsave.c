/* regsave MACHINE USER: writes HKEY_LOCAL_MACHINE and HKEY_USERS, as they are now, to two files. */
#include <windows.h>
#include <winternl.h>
#include <stdio.h>

NTSTATUS NTAPI NtOpenKey(HANDLE *key, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes);
NTSTATUS NTAPI NtSaveKey(HANDLE key, HANDLE file);
NTSTATUS NTAPI RtlAdjustPrivilege(ULONG privilege, BOOLEAN enable, BOOLEAN thread, BOOLEAN *was_enabled);

static int save(const wchar_t *key_name, const wchar_t *file_name)
{
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    HANDLE key;

    RtlInitUnicodeString(&name, key_name);
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    NTSTATUS status = NtOpenKey(&key, KEY_READ, &attributes);
    if (status != 0) {
        fprintf(stderr, "regsave: cannot open %ls: 0x%08lx\n", key_name, status);
        return 1;
    }
    HANDLE file = CreateFileW(file_name, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        fprintf(stderr, "regsave: cannot write %ls: %lu\n", file_name, GetLastError());
        return 1;
    }
    status = NtSaveKey(key, file);
    if (status != 0)
        fprintf(stderr, "regsave: cannot save %ls: 0x%08lx\n", key_name, status);
    CloseHandle(file);
    NtClose(key);
    return status != 0;
}

int wmain(int argc, wchar_t **argv)
{
    const ULONG backup_privilege = 17;
    BOOLEAN was_enabled;

    if (argc != 3) {
        fputs("usage: regsave MACHINE USER\n", stderr);
        return 2;
    }
    NTSTATUS status = RtlAdjustPrivilege(backup_privilege, TRUE, FALSE, &was_enabled);
    if (status != 0) {
        fprintf(stderr, "regsave: no backup privilege: 0x%08lx\n", status);
        return 1;
    }
    return save(L"\\Registry\\Machine", argv[1]) || save(L"\\Registry\\User", argv[2]);
}
