/* regsave MACHINE USER [SECURITY]: writes HKEY_LOCAL_MACHINE and HKEY_USERS, as they are now, to two files; to a third one owner, group
 * and access control list of every key, which Wine has in its server only. */
#include <windows.h>
#include <winternl.h>
#include <sddl.h>
#include <stdio.h>
#include <string.h>

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

/* ---- security ---- */

enum { PATH_UNITS = 32768, NAME_UNITS = 257 };

struct walk {
    wchar_t path[PATH_UNITS];
    FILE *out;
};

static void write_line(struct walk *walk, const wchar_t *text, LSTATUS error)
{
    static char bytes[4 * PATH_UNITS];
    const wchar_t *parts[] = {walk->path, L"\t", text ? text : L""};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        WideCharToMultiByte(CP_UTF8, 0, parts[i], -1, bytes, sizeof bytes, NULL, NULL);
        fputs(bytes, walk->out);
    }
    fprintf(walk->out, " error %ld\n", error);
}

static void write_security(struct walk *walk, HKEY key)
{
    enum { WHAT = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION };
    static BYTE descriptor[65536];
    DWORD size = sizeof descriptor;
    wchar_t *text = NULL;
    LSTATUS error = RegGetKeySecurity(key, WHAT, descriptor, &size);
    if (!error && !ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, SDDL_REVISION_1, WHAT, &text, NULL))
        error = (LSTATUS)GetLastError();
    write_line(walk, text, error);
    LocalFree(text);
}

/* The path ends with the key's name, which is at `name`. */
static void walk_key(struct walk *walk, HKEY parent, const wchar_t *name)
{
    HKEY key;
    LSTATUS error = RegOpenKeyExW(parent, name, REG_OPTION_OPEN_LINK, KEY_READ | KEY_WOW64_64KEY, &key);
    if (error) { /* a change of that is seen as well */
        write_line(walk, NULL, error);
        return;
    }
    write_security(walk, key);
    size_t length = wcslen(walk->path);
    wchar_t *below = walk->path + length + 1;
    DWORD units = NAME_UNITS;
    walk->path[length] = L'\\';
    for (DWORD i = 0;
         length + 1 + NAME_UNITS < PATH_UNITS && !RegEnumKeyExW(key, i, below, &units, NULL, NULL, NULL, NULL); i++) {
        walk_key(walk, key, below);
        units = NAME_UNITS;
    }
    walk->path[length] = 0;
    RegCloseKey(key);
}

static int save_security(const wchar_t *file_name)
{
    static struct walk walk;
    walk.out = _wfopen(file_name, L"wb");
    if (!walk.out) {
        fprintf(stderr, "regsave: cannot write %ls\n", file_name);
        return 1;
    }
    wcscpy(walk.path, L"machine");
    walk_key(&walk, HKEY_LOCAL_MACHINE, L"");
    wcscpy(walk.path, L"user");
    walk_key(&walk, HKEY_USERS, L"");
    return fclose(walk.out) != 0;
}

int wmain(int argc, wchar_t **argv)
{
    const ULONG backup_privilege = 17;
    BOOLEAN was_enabled;

    if (argc != 3 && argc != 4) {
        fputs("usage: regsave MACHINE USER [SECURITY]\n", stderr);
        return 2;
    }
    NTSTATUS status = RtlAdjustPrivilege(backup_privilege, TRUE, FALSE, &was_enabled);
    if (status != 0) {
        fprintf(stderr, "regsave: no backup privilege: 0x%08lx\n", status);
        return 1;
    }
    return save(L"\\Registry\\Machine", argv[1]) || save(L"\\Registry\\User", argv[2]) ||
           (argc == 4 && save_security(argv[3]));
}
