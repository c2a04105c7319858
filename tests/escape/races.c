/* Another thread changes a name between the layer's look at it and the system's: from something that the system is asked about as the
 * program said it, to a file that the VM deleted, or may not see. */
#include "try.h"

#define RACE_MS 700

static struct {
    wchar_t text[UNITS];
    const wchar_t *names[2];
    size_t bytes;
    volatile BOOL stop;
} flipping;

static DWORD WINAPI flip(void *unused)
{
    (void)unused;
    for (int i = 0; !flipping.stop; i++) {
        memcpy(flipping.text, flipping.names[i & 1], flipping.bytes);
        __asm__ volatile("" ::: "memory");
    }
    return 0;
}

static BOOL queries(OBJECT_ATTRIBUTES *at)
{
    FILE_BASIC_INFORMATION basic;
    return nt.NtQueryAttributesFile(at, &basic) >= 0;
}

static BOOL queries_more(OBJECT_ATTRIBUTES *at)
{
    FILE_NETWORK_OPEN_INFORMATION open;
    return nt.NtQueryFullAttributesFile(at, &open) >= 0;
}

static BOOL reads(OBJECT_ATTRIBUTES *at)
{
    HANDLE file;
    IO_STATUS_BLOCK io;
    if (nt.NtOpenFile(&file, FILE_READ_DATA | SYNCHRONIZE, at, &io, SHARE_ALL, FILE_SYNCHRONOUS_IO_NONALERT) < 0)
        return FALSE;
    close_handle(file);
    return TRUE;
}

static BOOL deletes(OBJECT_ATTRIBUTES *at)
{
    return nt.NtDeleteFile(at) >= 0;
}

/* The first name leads nowhere, and is as long as the second. */
static void race(const char *technique, const wchar_t *secret, BOOL (*reaches)(OBJECT_ATTRIBUTES *))
{
    static const wchar_t device[] = L"\\??\\NUL\\";
    static wchar_t nowhere[UNITS];
    wcscpy(nowhere, device);
    while (wcslen(nowhere) < wcslen(secret))
        wcscat(nowhere, L"x");
    flipping.names[0] = nowhere;
    flipping.names[1] = secret;
    flipping.bytes = wcslen(secret) * sizeof(wchar_t);
    flipping.stop = FALSE;
    memcpy(flipping.text, nowhere, flipping.bytes);
    UNICODE_STRING name = {(USHORT)flipping.bytes, (USHORT)flipping.bytes, flipping.text};
    OBJECT_ATTRIBUTES at = {.Length = sizeof(at), .ObjectName = &name, .Attributes = OBJ_CASE_INSENSITIVE};
    BOOL reached = FALSE;
    HANDLE thread = CreateThread(NULL, 0, flip, NULL, 0, NULL);
    for (DWORD start = GetTickCount(); !reached && GetTickCount() - start < RACE_MS;)
        reached = reaches(&at);
    flipping.stop = TRUE;
    WaitForSingleObject(thread, INFINITE);
    report(reached, "%s by a name that changes", technique);
}

int wmain(int argc, wchar_t **argv)
{
    static wchar_t deleted[UNITS];
    begin(argc, argv);
    wcscpy(deleted, nt_at(L"readme.txt"));
    if (!DeleteFileW(at(L"readme.txt")))
        return 1;
    race("ask about a deleted file", deleted, queries);
    race("ask more about a deleted file", deleted, queries_more);
    race("read a deleted file", deleted, reads);
    race("delete a deleted file", deleted, deletes);
    return 0;
}
