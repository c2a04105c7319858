#include "nt/append.h"

#define LOCK_AT (1ll << 62) /* no file is so long */
#define TRIES 100
#define PAUSE (-10000) /* 1 ms */

static bool taken(NTSTATUS status)
{
    return status == STATUS_LOCK_NOT_GRANTED || status == STATUS_FILE_LOCK_CONFLICT;
}

static bool lock(HANDLE file, LARGE_INTEGER *at, LARGE_INTEGER *count)
{
    LARGE_INTEGER pause = {.QuadPart = PAUSE};
    NTSTATUS status = STATUS_LOCK_NOT_GRANTED;
    if (!nt.__wine_unix_spawnvp) /* not Wine */
        return false;
    for (int i = 0; i < TRIES && taken(status); i++) {
        if (i)
            nt.NtDelayExecution(FALSE, &pause);
        status = nt.NtLockFile(file, NULL, NULL, NULL, NULL /* Wine takes no other */, at, count, NULL, TRUE, TRUE);
    }
    return status >= 0;
}

NTSTATUS append_line(HANDLE file, const void *line, ULONG size, IO_STATUS_BLOCK *io)
{
    LARGE_INTEGER end = {.QuadPart = -1}; /* FILE_WRITE_TO_END_OF_FILE */
    LARGE_INTEGER at = {.QuadPart = LOCK_AT}, count = {.QuadPart = 1};
    bool locked = lock(file, &at, &count);
    NTSTATUS status = nt.NtWriteFile(file, NULL, NULL, NULL, io, line, size, &end, NULL);
    if (locked)
        nt.NtUnlockFile(file, NULL, &at, &count, NULL);
    return status;
}
