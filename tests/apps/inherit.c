/* A key handle of the host's that comes into a VM. On the host: inherit WAY FVM.EXE VM opens HKCU\Software\Keys\Same with all
 * access and hands it to "inherit use" in the VM; WAY: inherited, duplicated. */
#include <windows.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what)
{
    printf("%s: error %lu\n", what, GetLastError());
    exit(1);
}

/* In the VM: everything that changes a key. What it did, the host's registry says. */
static void use(HANDLE handle)
{
    HKEY key = (HKEY)handle, below = NULL;
    long opened = RegCreateKeyExA(key, "made", 0, NULL, 0, KEY_ALL_ACCESS, NULL, &below, NULL);
    long set = RegSetValueExA(key, "who", 0, REG_SZ, (const BYTE *)"escaped", 8);
    RegSetValueExA(below, "who", 0, REG_SZ, (const BYTE *)"escaped", 8);
    RegDeleteValueA(key, "host");
    RegRenameKey(key, L"made", L"renamed by an escape");
    RegDeleteTreeA(key, NULL);
    RegDeleteKeyA(key, "");
    printf("tried: %ld %ld\n", opened, set);
}

static HANDLE inheritable_key(void)
{
    HKEY key;
    if (RegOpenKeyExA(HKEY_CURRENT_USER, "Software\\Keys\\Same", 0, KEY_ALL_ACCESS, &key))
        fail("open");
    SetHandleInformation(key, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    return key;
}

static void make_pipe(HANDLE *read, HANDLE *write, HANDLE *given)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    if (!CreatePipe(read, write, &inherited, 0))
        fail("pipe");
    SetHandleInformation(*given, HANDLE_FLAG_INHERIT, 0);
}

static PROCESS_INFORMATION start(char *command, HANDLE in, HANDLE out)
{
    STARTUPINFOA startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    startup.hStdInput = in;
    startup.hStdOutput = out;
    startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    if (!CreateProcessA(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process))
        fail("start");
    return process;
}

static int finish(PROCESS_INFORMATION process)
{
    DWORD code = 1;
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    return (int)code;
}

/* The program in the VM says its id, and is told the handle's value there. */
static int duplicated(char *command, HANDLE key)
{
    HANDLE in, to, from, out, there;
    char text[64] = "";
    DWORD size;
    make_pipe(&in, &to, &to);
    make_pipe(&from, &out, &from);
    PROCESS_INFORMATION process = start(command, in, out);
    CloseHandle(out);
    if (!ReadFile(from, text, sizeof text - 1, &size, NULL))
        fail("read");
    HANDLE target = OpenProcess(PROCESS_DUP_HANDLE, FALSE, (DWORD)atoi(text));
    if (!target || !DuplicateHandle(GetCurrentProcess(), key, target, &there, 0, FALSE, DUPLICATE_SAME_ACCESS))
        fail("duplicate");
    size = (DWORD)sprintf(text, "%llu\n", (unsigned long long)(ULONG_PTR)there);
    WriteFile(to, text, size, &size, NULL);
    CloseHandle(to);
    while (ReadFile(from, text, sizeof text - 1, &size, NULL) && size)
        printf("%.*s", (int)size, text);
    return finish(process);
}

int main(int argc, char **argv)
{
    char self[MAX_PATH], command[4 * MAX_PATH];
    if (argc == 3 && !strcmp(argv[1], "use")) {
        unsigned long long value = strtoull(argv[2], NULL, 10);
        if (!strcmp(argv[2], "told")) {
            printf("%lu\n", GetCurrentProcessId());
            fflush(stdout);
            value = fgets(command, sizeof command, stdin) ? strtoull(command, NULL, 10) : 0;
        }
        use((HANDLE)(ULONG_PTR)value);
        return 0;
    }
    if (argc != 4)
        return 2;
    HANDLE key = inheritable_key();
    bool told = !strcmp(argv[1], "duplicated");
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)(ULONG_PTR)key);
    GetModuleFileNameA(NULL, self, sizeof self);
    snprintf(command, sizeof command, "\"%s\" run %s -- \"%s\" use %s", argv[2], argv[3], self, told ? "told" : number);
    if (told)
        return duplicated(command, key);
    return finish(start(command, GetStdHandle(STD_INPUT_HANDLE), GetStdHandle(STD_OUTPUT_HANDLE)));
}
