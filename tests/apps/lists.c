/* Looks for a program outside the VM in the memory that lists of the whole system are written to: in the list, between its entries, behind
 * its end, after a call that failed, and while the list is made. And for its object in the list of the root.   lists PID   (of target.exe)
 * Prints `blocked: TECHNIQUE` or `ESCAPED: TECHNIQUE`. */
#include "../vm/native_objects.h"

#include <stdlib.h>

#define ROOM (1u << 20)
#define OBJECTS 0 /* of the root, instead of a class of system information */
#define OBJECT_ROOM 4096u
#define UNUSED 0xee
#define WATCH_MS 700

static const WCHAR target_name[] = L"target.exe", object_name[] = L"fvm-target-listed";
static unsigned long pid;
static BYTE memory[ROOM];
static ULONG length;
static HANDLE root;
static BOOL object_seen; /* after a call */

static void tried(const char *technique, ULONG class, BOOL escaped)
{
    printf("%s: %s, class %lu\n", escaped ? "ESCAPED" : "blocked", technique, class);
}

/* Entries of handles: where the first is, their size, where the owner's id is in them. */
static BOOL handle_seen(ULONG class)
{
    ULONG first = class == 16 ? sizeof(void *) : 2 * sizeof(void *);
    ULONG size = class == 16 ? 8 + 2 * sizeof(void *) : 16 + 3 * sizeof(void *);
    ULONG owner = class == 16 ? 0 : sizeof(void *);
    for (ULONG at = first; at + size <= ROOM; at += size) {
        ULONG found;
        memcpy(&found, memory + at + owner, sizeof(found));
        if (found == pid)
            return TRUE;
    }
    return FALSE;
}

static BOOL name_seen(const WCHAR *name, ULONG end)
{
    size_t size = wcslen(name) * sizeof(WCHAR);
    for (ULONG at = 0; at + size <= end; at += 2)
        if (!memcmp(memory + at, name, size))
            return TRUE;
    return FALSE;
}

static BOOL seen(ULONG class)
{
    if (class == OBJECTS)
        return name_seen(object_name, OBJECT_ROOM);
    return class == 16 || class == 64 ? handle_seen(class) : name_seen(target_name, ROOM);
}

static NTSTATUS ask_objects(ULONG room)
{
    ULONG context = 0;
    NTSTATUS status;
    do {
        status = NtQueryDirectoryObject(root, memory, room, TRUE, FALSE, &context, &length);
        object_seen |= seen(OBJECTS);
    } while (!status);
    return status;
}

static NTSTATUS ask(ULONG class, ULONG room)
{
    length = 0;
    return class == OBJECTS ? ask_objects(room)
                            : NtQuerySystemInformation((SYSTEM_INFORMATION_CLASS) class, memory, room, &length);
}

static BOOL untouched(ULONG from)
{
    while (from < ROOM && memory[from] == UNUSED)
        from++;
    return from == ROOM;
}

static void whole(ULONG class)
{
    memset(memory, UNUSED, ROOM);
    NTSTATUS status = ask(class, ROOM);
    ULONG end = length;
    tried("see it", class, status < 0 || seen(class));
    tried("see something behind the end", class, !untouched(end));
    NTSTATUS less = ask(class, end - 1);
    printf("a byte less: %08lx\n", (unsigned long)less);
}

/* Room for what the VM may see, and for anything less; the system may have written some of it by then. */
static void too_short(ULONG class)
{
    BOOL found = FALSE;
    memset(memory, UNUSED, ROOM);
    for (ULONG room = 0; room < 65536; room += 64)
        if (ask(class, room) < 0)
            found |= seen(class);
    tried("see it after a call without room", class, found);
}

static volatile BOOL stop;

static DWORD WINAPI ask_always(void *class)
{
    while (!stop)
        ask((ULONG)(ULONG_PTR) class, ROOM);
    return 0;
}

static void meanwhile(ULONG class)
{
    BOOL found = FALSE;
    memset(memory, UNUSED, ROOM);
    stop = FALSE;
    HANDLE thread = CreateThread(NULL, 0, ask_always, (void *)(ULONG_PTR) class, 0, NULL);
    for (DWORD start = GetTickCount(); !found && GetTickCount() - start < WATCH_MS;)
        found = seen(class);
    stop = TRUE;
    WaitForSingleObject(thread, INFINITE);
    tried("see it while the list is made", class, found);
}

static void objects(void)
{
    struct named n;
    NtOpenDirectoryObject(&root, 1, named(&n, NULL, L"\\", 0));
    memset(memory, UNUSED, ROOM);
    ask(OBJECTS, OBJECT_ROOM);
    tried("see it", OBJECTS, object_seen);
    for (ULONG room = 0; room < OBJECT_ROOM / 8; room += 2)
        ask(OBJECTS, room);
    tried("see it after calls without room", OBJECTS, object_seen);
    meanwhile(OBJECTS);
}

int main(int argc, char **argv)
{
    static const ULONG classes[] = {5, 16, 57, 64};
    if (argc < 2)
        return 2;
    pid = strtoul(argv[1], NULL, 10);
    setvbuf(stdout, NULL, _IONBF, 0);
    for (unsigned i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        whole(classes[i]);
        too_short(classes[i]);
        meanwhile(classes[i]);
    }
    objects();
    return 0;
}
