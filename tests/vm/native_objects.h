/* Named objects of every type by the native services, and printing what they return. For programs that run the same
 * sequence outside and inside a VM. */
#ifndef FVM_TESTS_NATIVE_OBJECTS_H
#define FVM_TESTS_NATIVE_OBJECTS_H

#ifndef WIN32_NO_STATUS
#define WIN32_NO_STATUS
#endif
#include <windows.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>
#include <stdio.h>
#include <winternl.h>

NTSTATUS NTAPI NtCreateMutant(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, BOOLEAN);
NTSTATUS NTAPI NtOpenMutant(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtCreateTimer(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, int);
NTSTATUS NTAPI NtOpenTimer(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtCreateKeyedEvent(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, ULONG);
NTSTATUS NTAPI NtOpenKeyedEvent(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtCreateIoCompletion(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, ULONG);
NTSTATUS NTAPI NtOpenIoCompletion(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtCreateJobObject(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtOpenJobObject(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtCreateDirectoryObject(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtOpenDirectoryObject(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtQueryDirectoryObject(HANDLE, void *, ULONG, BOOLEAN, BOOLEAN, ULONG *, ULONG *);
NTSTATUS NTAPI NtCreateSymbolicLinkObject(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, UNICODE_STRING *);
NTSTATUS NTAPI NtOpenSymbolicLinkObject(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtQuerySymbolicLinkObject(HANDLE, UNICODE_STRING *, ULONG *);
NTSTATUS NTAPI NtCreateEvent(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, int, BOOLEAN);
NTSTATUS NTAPI NtOpenEvent(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtCreateSemaphore(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, LONG, LONG);
NTSTATUS NTAPI NtOpenSemaphore(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtCreateSection(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, LARGE_INTEGER *, ULONG, ULONG, HANDLE);
NTSTATUS NTAPI NtOpenSection(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);

enum object_type {
    TYPE_EVENT,
    TYPE_MUTANT,
    TYPE_SEMAPHORE,
    TYPE_TIMER,
    TYPE_KEYED_EVENT,
    TYPE_SECTION,
    TYPE_JOB,
    TYPE_PORT,
    TYPE_DIRECTORY,
    TYPE_LINK,
    TYPES
};

static const char *const type_names[TYPES] = {"event",   "mutant", "semaphore",       "timer",     "keyed event",
                                              "section", "job",    "completion port", "directory", "symbolic link"};

struct named {
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
};

static inline OBJECT_ATTRIBUTES *named(struct named *n, HANDLE root, const WCHAR *name, ULONG flags)
{
    RtlInitUnicodeString(&n->name, name);
    InitializeObjectAttributes(&n->attributes, &n->name, flags, root, NULL);
    return &n->attributes;
}

static inline NTSTATUS create_object(enum object_type type, HANDLE *h, OBJECT_ATTRIBUTES *at)
{
    LARGE_INTEGER size = {.QuadPart = 4096};
    UNICODE_STRING target;
    switch (type) {
    case TYPE_EVENT:
        return NtCreateEvent(h, MAXIMUM_ALLOWED, at, 0, FALSE);
    case TYPE_MUTANT:
        return NtCreateMutant(h, MAXIMUM_ALLOWED, at, FALSE);
    case TYPE_SEMAPHORE:
        return NtCreateSemaphore(h, MAXIMUM_ALLOWED, at, 1, 5);
    case TYPE_TIMER:
        return NtCreateTimer(h, MAXIMUM_ALLOWED, at, 0);
    case TYPE_KEYED_EVENT:
        return NtCreateKeyedEvent(h, MAXIMUM_ALLOWED, at, 0);
    case TYPE_SECTION:
        return NtCreateSection(h, SECTION_ALL_ACCESS, at, &size, PAGE_READWRITE, SEC_COMMIT, NULL);
    case TYPE_JOB:
        return NtCreateJobObject(h, MAXIMUM_ALLOWED, at);
    case TYPE_PORT:
        return NtCreateIoCompletion(h, MAXIMUM_ALLOWED, at, 0);
    case TYPE_DIRECTORY:
        return NtCreateDirectoryObject(h, MAXIMUM_ALLOWED, at);
    default:
        RtlInitUnicodeString(&target, L"\\BaseNamedObjects");
        return NtCreateSymbolicLinkObject(h, 1, at, &target);
    }
}

static inline NTSTATUS open_object(enum object_type type, HANDLE *h, OBJECT_ATTRIBUTES *at)
{
    switch (type) {
    case TYPE_EVENT:
        return NtOpenEvent(h, MAXIMUM_ALLOWED, at);
    case TYPE_MUTANT:
        return NtOpenMutant(h, MAXIMUM_ALLOWED, at);
    case TYPE_SEMAPHORE:
        return NtOpenSemaphore(h, MAXIMUM_ALLOWED, at);
    case TYPE_TIMER:
        return NtOpenTimer(h, MAXIMUM_ALLOWED, at);
    case TYPE_KEYED_EVENT:
        return NtOpenKeyedEvent(h, MAXIMUM_ALLOWED, at);
    case TYPE_SECTION:
        return NtOpenSection(h, SECTION_ALL_ACCESS, at);
    case TYPE_JOB:
        return NtOpenJobObject(h, MAXIMUM_ALLOWED, at);
    case TYPE_PORT:
        return NtOpenIoCompletion(h, MAXIMUM_ALLOWED, at);
    case TYPE_DIRECTORY:
        return NtOpenDirectoryObject(h, MAXIMUM_ALLOWED, at);
    default:
        return NtOpenSymbolicLinkObject(h, 1, at);
    }
}

static inline void step(const char *what, NTSTATUS status)
{
    printf("%s: 0x%08lx\n", what, (unsigned long)status);
}

static inline ULONG session(void)
{
    DWORD id = 0;
    ProcessIdToSessionId(GetCurrentProcessId(), &id);
    return id;
}

/* The object's name as NtQueryObject has it, with its length. */
static inline void print_name(const char *what, HANDLE h)
{
    struct {
        UNICODE_STRING name;
        WCHAR text[512];
    } info = {0};
    ULONG length = 0;
    NTSTATUS status = NtQueryObject(h, (OBJECT_INFORMATION_CLASS)1, &info, sizeof(info), &length);
    printf("%s name: 0x%08lx %lu \"%.*ls\"\n", what, (unsigned long)status, length, info.name.Length / 2,
           info.name.Buffer ? info.name.Buffer : L"");
}

#endif
