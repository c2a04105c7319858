/* Starts a program that inherits handles of this one: process, thread, event, mutex, section, disk, volume; the process also as standard
 * input.
 * giver COMMAND...   (prints its own process and thread first) */
#include <stdio.h>
#include <windows.h>

int wmain(int argc, wchar_t **argv)
{
    SECURITY_ATTRIBUTES inherit = {sizeof(inherit), NULL, TRUE};
    STARTUPINFOW si = {.cb = sizeof(si), .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION pi;
    HANDLE process, thread, self = GetCurrentProcess();
    WCHAR command[2048] = L"";
    DWORD code = 1;
    if (argc < 2)
        return 2;
    DuplicateHandle(self, self, self, &process, 0, TRUE, DUPLICATE_SAME_ACCESS);
    DuplicateHandle(self, GetCurrentThread(), self, &thread, 0, TRUE, DUPLICATE_SAME_ACCESS);
    CreateEventW(&inherit, TRUE, FALSE, L"fvm-given-event");
    CreateMutexW(&inherit, FALSE, L"fvm-given-mutex");
    CreateFileMappingW(INVALID_HANDLE_VALUE, &inherit, PAGE_READWRITE, 0, 4096, L"fvm-given-section");
    CreateFileW(L"\\\\.\\PhysicalDrive0", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit, OPEN_EXISTING, 0,
                NULL);
    CreateFileW(L"\\\\.\\C:", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit, OPEN_EXISTING, 0, NULL);
    for (int i = 1; i < argc; i++) {
        wcscat(command, argv[i]);
        wcscat(command, L" ");
    }
    si.hStdInput = process;
    si.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    si.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    if (!CreateProcessW(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &si, &pi))
        return 3;
    WaitForSingleObject(pi.hProcess, INFINITE);
    GetExitCodeProcess(pi.hProcess, &code);
    return (int)code;
}
