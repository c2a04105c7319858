/* What the system holds at this moment: processes, handles of them all, named objects. One line each. */
#include "../vm/native_objects.h"

static char buffer[1 << 21];

struct entry {
    UNICODE_STRING name, type;
};

static unsigned long entries(const WCHAR *name, BOOL names)
{
    struct named n;
    struct entry *entry = (struct entry *)buffer;
    ULONG context = 0, length, count = 0;
    HANDLE dir;
    if (NtOpenDirectoryObject(&dir, 1, named(&n, NULL, name, OBJ_CASE_INSENSITIVE)) < 0)
        return 0;
    for (BOOLEAN restart = TRUE;
         NtQueryDirectoryObject(dir, buffer, sizeof(buffer), TRUE, restart, &context, &length) >= 0; restart = FALSE)
        if (count++, names)
            printf("named %.*ls %.*ls\n", entry->name.Length / 2, entry->name.Buffer, entry->type.Length / 2,
                   entry->type.Buffer);
    NtClose(dir);
    return count;
}

int main(void)
{
    WCHAR name[64];
    ULONG length, processes = 0, offset = 0;
    NtQuerySystemInformation(SystemProcessInformation, buffer, sizeof(buffer), &length);
    do {
        offset = *(ULONG *)(buffer + offset) ? offset + *(ULONG *)(buffer + offset) : 0;
        processes++;
    } while (offset);
    printf("processes %lu\n", processes);
    NtQuerySystemInformation((SYSTEM_INFORMATION_CLASS)16, buffer, sizeof(buffer), &length);
    printf("handles %lu\n", *(ULONG *)buffer);
    printf("global objects %lu\n", entries(L"\\BaseNamedObjects", FALSE));
    swprintf(name, 64, L"\\Sessions\\%lu\\BaseNamedObjects", session());
    printf("session objects %lu\n", entries(name, TRUE));
    return 0;
}
