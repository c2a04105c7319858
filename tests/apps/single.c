/* A program that allows one instance.   single KIND [DIRECTORY]
 * Prints "first" and waits for a line, or prints "second". */
#include <stdio.h>
#include <string.h>
#include <windows.h>

static HANDLE kept;

static BOOL is_first(const char *kind, const char *directory)
{
    char path[MAX_PATH];
    if (!strcmp(kind, "mutex"))
        kept = CreateMutexA(NULL, TRUE, "fvm-one-instance");
    else if (!strcmp(kind, "global-mutex"))
        kept = CreateMutexA(NULL, TRUE, "Global\\fvm-one-instance");
    else if (!strcmp(kind, "event"))
        kept = CreateEventA(NULL, TRUE, FALSE, "Local\\fvm-one-event");
    else if (!strcmp(kind, "semaphore"))
        kept = CreateSemaphoreA(NULL, 1, 1, "fvm-one-semaphore");
    else if (!strcmp(kind, "section"))
        kept = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, "fvm-one-section");
    else if (!strcmp(kind, "job"))
        kept = CreateJobObjectA(NULL, "fvm-one-job");
    else if (!strcmp(kind, "pipe")) {
        kept = CreateNamedPipeA("\\\\.\\pipe\\fvm-one-pipe", PIPE_ACCESS_DUPLEX | FILE_FLAG_FIRST_PIPE_INSTANCE, 0, 1,
                                100, 100, 0, NULL);
        return kept != INVALID_HANDLE_VALUE;
    } else if (!strcmp(kind, "mailslot")) {
        kept = CreateMailslotA("\\\\.\\mailslot\\fvm-one-slot", 0, 0, NULL);
        return kept != INVALID_HANDLE_VALUE;
    } else if (!strcmp(kind, "file")) {
        snprintf(path, sizeof(path), "%s\\lock", directory);
        kept = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_ALWAYS, 0, NULL);
        return kept != INVALID_HANDLE_VALUE;
    } else if (!strcmp(kind, "range")) {
        snprintf(path, sizeof(path), "%s\\range", directory);
        kept = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_ALWAYS, 0, NULL);
        return LockFile(kept, 0, 0, 1, 0);
    } else if (!strcmp(kind, "no-range")) { /* no more */
        snprintf(path, sizeof(path), "%s\\range", directory);
        kept = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
        return LockFile(kept, 0, 0, 1, 0) && UnlockFile(kept, 0, 0, 1, 0) && CloseHandle(kept);
    } else if (!strcmp(kind, "range-at-last")) {
        /* after it was locked and closed without unlocking, by this program too */
        for (int i = 0; i < 2; i++) {
            OVERLAPPED all = {0};
            snprintf(path, sizeof(path), "%s\\range", directory);
            kept = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
            if (!LockFileEx(kept, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 100, 0, &all))
                return FALSE;
            if (!i)
                CloseHandle(kept);
        }
        return TRUE;
    } else if (!strcmp(kind, "drive"))
        return !QueryDosDeviceA("Q:", path, sizeof(path)) && DefineDosDeviceA(0, "Q:", "C:\\windows");
    else if (!strcmp(kind, "no-drive"))
        return !DefineDosDeviceA(DDD_REMOVE_DEFINITION, "Q:", NULL);
    return kept && GetLastError() != ERROR_ALREADY_EXISTS;
}

int main(int argc, char **argv)
{
    char line[16];
    if (argc < 2)
        return 2;
    BOOL first = is_first(argv[1], argc > 2 ? argv[2] : ".");
    puts(first ? "first" : "second");
    fflush(stdout);
    return first && !fgets(line, sizeof(line), stdin) ? 1 : 0;
}
