/* Many threads that do random things to the same keys, by handles that they share. All is below HKCU\Software\Shuffle. With no steps it
 * only makes the keys that are always there.
 *   shuffle wild SEED THREADS STEPS    a thread closes handles that others are using
 *   shuffle tame SEED THREADS STEPS    it does not; and each thread changes keys of its own in between
 *   shuffle check SEED THREADS STEPS   checks that those are as "tame" left them, and that the shared ones can be listed
 * A key is renamed between two names that another key's lies between: Wine 8's server dies of a rename to the next name. */
#include "nt/native.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

NTSTATUS NTAPI NtOpenKey(HANDLE *, ACCESS_MASK, const OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtCreateKey(HANDLE *, ACCESS_MASK, const OBJECT_ATTRIBUTES *, ULONG, const UNICODE_STRING *, ULONG,
                           ULONG *);
NTSTATUS NTAPI NtSetValueKey(HANDLE, const UNICODE_STRING *, ULONG, ULONG, const void *, ULONG);
NTSTATUS NTAPI NtDeleteValueKey(HANDLE, const UNICODE_STRING *);
NTSTATUS NTAPI NtQueryValueKey(HANDLE, const UNICODE_STRING *, ULONG, void *, ULONG, ULONG *);
NTSTATUS NTAPI NtEnumerateValueKey(HANDLE, ULONG, ULONG, void *, ULONG, ULONG *);
NTSTATUS NTAPI NtEnumerateKey(HANDLE, ULONG, ULONG, void *, ULONG, ULONG *);
NTSTATUS NTAPI NtQueryKey(HANDLE, ULONG, void *, ULONG, ULONG *);
NTSTATUS NTAPI NtRenameKey(HANDLE, UNICODE_STRING *);
NTSTATUS NTAPI NtDeleteKey(HANDLE);
NTSTATUS NTAPI NtUnloadKey(OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI RtlFormatCurrentUserKeyPath(UNICODE_STRING *);

#define TOP L"Software\\Shuffle"
#define SLOTS 24 /* shared handles */
#define PLACES 6 /* shared keys that come and go, each of two names */
#define OWN_KEYS 3
#define OWN_VALUES 4
#define THREADS_MAX 256

static struct {
    SRWLOCK lock; /* held by who uses the handle, unless all is wild */
    HANDLE volatile handle;
} slots[SLOTS];

/* What a thread's own keys are to hold: a number a value, 0 for none. */
struct own_key {
    BOOL exists;
    unsigned name; /* which of its two */
    unsigned values[OWN_VALUES];
};

struct worker {
    unsigned number, seed, steps;
    BOOL wild;
    HANDLE key; /* the thread's own */
    struct own_key own[OWN_KEYS];
};

static HANDLE top;

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
    TerminateProcess(GetCurrentProcess(), 1);
}

static unsigned roll(unsigned *dice, unsigned sides)
{
    *dice = *dice * 1664525u + 1013904223u;
    return (*dice >> 8) % sides;
}

static UNICODE_STRING unicode(WCHAR *text, const WCHAR *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int units = vswprintf(text, 64, format, arguments);
    va_end(arguments);
    return (UNICODE_STRING){(USHORT)(units * 2), (USHORT)(units * 2), text};
}

static NTSTATUS open_key(HANDLE *key, HANDLE root, UNICODE_STRING name, BOOL create)
{
    OBJECT_ATTRIBUTES at = {
        .Length = sizeof at, .RootDirectory = root, .ObjectName = &name, .Attributes = OBJ_CASE_INSENSITIVE};
    *key = NULL;
    return create ? NtCreateKey(key, KEY_ALL_ACCESS, &at, 0, NULL, 0, NULL) : NtOpenKey(key, KEY_ALL_ACCESS, &at);
}

static NTSTATUS set_number(HANDLE key, unsigned value, unsigned number)
{
    WCHAR text[64];
    UNICODE_STRING name = unicode(text, L"v%u", value);
    return NtSetValueKey(key, &name, 0, REG_DWORD, &number, sizeof number);
}

static NTSTATUS delete_value(HANDLE key, unsigned value)
{
    WCHAR text[64];
    UNICODE_STRING name = unicode(text, L"v%u", value);
    return NtDeleteValueKey(key, &name);
}

static unsigned get_number(HANDLE key, unsigned value)
{
    WCHAR text[64];
    UNICODE_STRING name = unicode(text, L"v%u", value);
    FVM_KEY_VALUE_PARTIAL_INFORMATION *information;
    BYTE memory[64];
    ULONG length;
    unsigned number = 0;
    information = (void *)memory;
    if (!NtQueryValueKey(key, &name, KeyValuePartialInformationClass, memory, sizeof memory, &length))
        memcpy(&number, information->Data, sizeof number);
    return number;
}

/* ---- what all share ---- */

/* The names of a place: "3-a" and "3-c"; "3-b" is always there. */
static UNICODE_STRING place_name(WCHAR *text, unsigned place, unsigned which)
{
    return unicode(text, L"%u-%c", place, which ? L'c' : L'a');
}

static unsigned count_subkeys(HANDLE key)
{
    BYTE memory[1024];
    ULONG length;
    unsigned count = 0;
    while (!NtEnumerateKey(key, count, KeyBasicInformationClass, memory, sizeof memory, &length))
        count++;
    return count;
}

static void use_handle(HANDLE key, unsigned place, unsigned *dice)
{
    BYTE memory[1024];
    WCHAR text[64];
    ULONG length;
    HANDLE below;
    UNICODE_STRING name = place_name(text, place, roll(dice, 2));
    OBJECT_ATTRIBUTES at = {.Length = sizeof at, .RootDirectory = key, .ObjectName = &name};
    switch (roll(dice, 11)) {
    case 0:
    case 1:
        set_number(key, roll(dice, 8), *dice);
        break;
    case 2:
        delete_value(key, roll(dice, 8));
        break;
    case 3:
        get_number(key, roll(dice, 8));
        break;
    case 4:
        NtRenameKey(key, &name);
        break;
    case 5:
        NtDeleteKey(key);
        break;
    case 6:
        count_subkeys(key);
        break;
    case 7:
        NtQueryKey(key, KeyFullInformationClass, memory, sizeof memory, &length);
        NtQueryKey(key, KeyNameInformationClass, memory, sizeof memory, &length);
        break;
    case 8:
        NtUnloadKey(&at);
        break;
    case 9:
        if (!open_key(&below, key, unicode(text, L"below%u", roll(dice, 3)), TRUE)) {
            set_number(below, 0, 1);
            if (roll(dice, 3))
                NtDeleteKey(below);
            NtClose(below);
        }
        break;
    default:
        NtEnumerateValueKey(key, roll(dice, 4), KeyValueFullInformationClass, memory, sizeof memory, &length);
    }
}

static void replace_handle(unsigned slot, BOOL wild, unsigned *dice)
{
    WCHAR text[64];
    HANDLE key;
    if (!wild)
        AcquireSRWLockExclusive(&slots[slot].lock);
    open_key(&key, top, place_name(text, slot % PLACES, roll(dice, 2)), roll(dice, 2));
    key = InterlockedExchangePointer((void *volatile *)&slots[slot].handle, key);
    if (key)
        NtClose(key);
    if (!wild)
        ReleaseSRWLockExclusive(&slots[slot].lock);
}

static void shared_step(BOOL wild, unsigned *dice)
{
    unsigned slot = roll(dice, SLOTS);
    if (!slots[slot].handle || !roll(dice, 6)) {
        replace_handle(slot, wild, dice);
        return;
    }
    if (!wild)
        AcquireSRWLockShared(&slots[slot].lock);
    use_handle(slots[slot].handle, slot % PLACES, dice);
    if (!wild)
        ReleaseSRWLockShared(&slots[slot].lock);
    if (!roll(dice, 20))
        count_subkeys(top);
}

/* ---- what is a thread's own ---- */

/* Changes what a key is to hold, and, if `change`, the key. */
static void own_step(struct worker *w, unsigned *dice, BOOL change)
{
    unsigned which = roll(dice, OWN_KEYS), what = roll(dice, 8), value = roll(dice, OWN_VALUES);
    unsigned number = roll(dice, 1000000) + 1;
    struct own_key *own = &w->own[which];
    WCHAR text[64], to[64];
    HANDLE key = NULL;
    NTSTATUS status = 0;
    UNICODE_STRING name = place_name(text, which, own->name), new_name = place_name(to, which, !own->name);
    if (change && (status = open_key(&key, w->key, name, !own->exists)) < 0)
        fail("thread %u: open %ls: %08lx", w->number, text, status);
    own->exists = TRUE;
    if (what == 0) {
        status = change ? NtDeleteKey(key) : 0;
        *own = (struct own_key){.name = own->name};
    } else if (what == 1) {
        status = change ? NtRenameKey(key, &new_name) : 0;
        own->name = !own->name;
    } else if (what == 2) {
        status = change && own->values[value] ? delete_value(key, value) : 0;
        own->values[value] = 0;
    } else {
        status = change ? set_number(key, value, number) : 0;
        own->values[value] = number;
    }
    if (status < 0)
        fail("thread %u: change %u of %ls: %08lx", w->number, what, text, status);
    if (key)
        NtClose(key);
}

static unsigned own_dice(const struct worker *w)
{
    return w->seed * 7919 + w->number * 104729 + 1;
}

static void check_own(struct worker *w)
{
    WCHAR text[64];
    HANDLE key;
    for (unsigned i = 0; i < OWN_KEYS; i++)
        for (unsigned name = 0; name < 2; name++) {
            BOOL wanted = w->own[i].exists && w->own[i].name == name;
            NTSTATUS status = open_key(&key, w->key, place_name(text, i, name), FALSE);
            if ((status >= 0) != wanted)
                fail("thread %u: %ls: %08lx", w->number, text, status);
            for (unsigned v = 0; wanted && v < OWN_VALUES; v++)
                if (get_number(key, v) != w->own[i].values[v])
                    fail("thread %u: %ls: v%u is %u, not %u", w->number, text, v, get_number(key, v),
                         w->own[i].values[v]);
            if (key)
                NtClose(key);
        }
}

/* ---- the whole ---- */

static HANDLE make_top(void)
{
    UNICODE_STRING user;
    WCHAR text[256];
    HANDLE key, between;
    RtlFormatCurrentUserKeyPath(&user);
    swprintf(text, 256, L"%ls\\" TOP, user.Buffer);
    UNICODE_STRING path = {(USHORT)(wcslen(text) * 2), (USHORT)(wcslen(text) * 2), text};
    NTSTATUS status = open_key(&key, NULL, path, TRUE);
    if (status < 0)
        fail("make %ls: %08lx", text, status);
    for (unsigned i = 0; i < PLACES; i++) {
        WCHAR name[64];
        if (open_key(&between, key, unicode(name, L"%u-b", i), TRUE) >= 0)
            NtClose(between);
    }
    return key;
}

static void open_own(struct worker *w)
{
    WCHAR text[64];
    HANDLE between;
    NTSTATUS status = open_key(&w->key, top, unicode(text, L"thread %u", w->number), TRUE);
    if (status < 0)
        fail("make %ls: %08lx", text, status);
    for (unsigned i = 0; i < OWN_KEYS; i++)
        if (open_key(&between, w->key, unicode(text, L"%u-b", i), TRUE) >= 0)
            NtClose(between);
}

static DWORD WINAPI work(void *context)
{
    struct worker *w = context;
    unsigned dice = w->seed + w->number * 31337, own = own_dice(w);
    for (unsigned step = 0; step < w->steps; step++) {
        if (w->wild || step % 2)
            shared_step(w->wild, &dice);
        else
            own_step(w, &own, TRUE);
    }
    return 0;
}

static void check(struct worker *w)
{
    unsigned own = own_dice(w);
    for (unsigned step = 0; step < w->steps; step += 2)
        own_step(w, &own, FALSE);
    check_own(w);
}

int main(int argc, char **argv)
{
    static struct worker workers[THREADS_MAX];
    static HANDLE threads[THREADS_MAX];
    if (argc < 5)
        return 2;
    unsigned count = (unsigned)atoi(argv[3]);
    BOOL wild = !strcmp(argv[1], "wild"), checks = !strcmp(argv[1], "check");
    top = make_top();
    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct worker){
            .number = i, .seed = (unsigned)atoi(argv[2]), .steps = (unsigned)atoi(argv[4]), .wild = wild};
        if (!wild)
            open_own(&workers[i]);
        if (checks)
            check(&workers[i]);
        else
            threads[i] = CreateThread(NULL, 0, work, &workers[i], 0, NULL);
    }
    for (unsigned i = 0; i < count && !checks; i++)
        WaitForSingleObject(threads[i], INFINITE);
    printf("%s done\n", argv[1]);
    return 0;
}
