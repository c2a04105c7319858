/* The table of handles, and the services that close them.
 *
 * The system counts handles by fours from 4 and has at most 16 million in a process, so an array of chunks, each made
 * when the first of its handles is used, covers all. Chunks are never freed: a look-up needs no lock. */
#include "layer/handles.h"

#include <stdatomic.h>

#include "layer/files/list.h"
#include "layer/files/lock.h"
#include "layer/files/watch.h"
#include "layer/processes/processes.h"
#include "layer/registry/registry.h"

#define CHUNK_SLOTS 4096u
#define CHUNKS 4096u

struct slot {
    _Atomic uintptr_t word[HANDLE_USES]; /* bit 0: taken, the rest is the token */
};

static struct slot *_Atomic chunks[CHUNKS];

static void (*const release[HANDLE_USES])(uintptr_t) = {
    [HANDLE_LIST] = listing_release,
    [HANDLE_WATCH] = watch_release,
    [HANDLE_LOCK] = lock_release,
    [HANDLE_KEY] = key_state_release,
};

bool handle_is_possible(HANDLE handle)
{
    return (uintptr_t)handle / 4 < (uintptr_t)CHUNKS * CHUNK_SLOTS; /* else a pseudo handle */
}

static struct slot *find_slot(HANDLE handle)
{
    uintptr_t index = (uintptr_t)handle / 4;
    if (!handle_is_possible(handle))
        return NULL;
    struct slot *chunk = atomic_load_explicit(&chunks[index / CHUNK_SLOTS], memory_order_acquire);
    return chunk ? &chunk[index % CHUNK_SLOTS] : NULL;
}

static struct slot *make_slot(HANDLE handle)
{
    struct slot *found = find_slot(handle), *expected = NULL;
    uintptr_t index = (uintptr_t)handle / 4 / CHUNK_SLOTS;
    if (found || index >= CHUNKS)
        return found;
    struct slot *made = memory_take(CHUNK_SLOTS * sizeof(struct slot));
    if (!made)
        return NULL;
    if (!atomic_compare_exchange_strong(&chunks[index], &expected, made))
        memory_give(made); /* another thread was faster */
    return find_slot(handle);
}

static uintptr_t taken_by(const void *token)
{
    return ((uintptr_t)token & ~(uintptr_t)3) | 1;
}

static void release_word(enum handle_use use, uintptr_t word)
{
    if (word && !(word & 3))
        release[use](word);
}

static uintptr_t word_of(HANDLE handle, enum handle_use use)
{
    struct slot *slot = find_slot(handle);
    return slot ? atomic_load_explicit(&slot->word[use], memory_order_acquire) : 0;
}

uintptr_t handle_verdict(HANDLE handle, enum handle_use use)
{
    uintptr_t word = word_of(handle, use);
    return handle_is_verdict(word) ? word : 0;
}

HANDLE handle_seen(HANDLE handle)
{
    return handle_verdict(handle, HANDLE_LAYER) ? HANDLE_NONE : handle;
}

HANDLE handle_refuse(void)
{
    log_refusal("handle of FVM's own", (struct str){0}, STATUS_INVALID_HANDLE);
    return HANDLE_NONE;
}

HANDLE handle_used(HANDLE handle)
{
    return handle_seen(handle) == handle ? handle : handle_refuse();
}

NTSTATUS NTAPI fvm_NtSetInformationObject(HANDLE handle, OBJECT_INFORMATION_CLASS class, void *information,
                                          ULONG length)
{
    return nt.NtSetInformationObject(handle_used(handle), class, information, length);
}

uintptr_t handle_value(HANDLE handle, enum handle_use use)
{
    uintptr_t word = word_of(handle, use);
    return word & 3 ? 0 : word;
}

static bool take(HANDLE handle, enum handle_use use, void *token, uintptr_t *word, bool wait)
{
    struct slot *slot = make_slot(handle);
    *word = 0;
    if (!slot)
        return false;
    for (;;) {
        uintptr_t seen = atomic_load(&slot->word[use]);
        if (seen & 1 && !wait)
            return false;
        if (seen & 1) {
            LARGE_INTEGER interval = {.QuadPart = -10000}; /* 1 ms */
            nt.NtDelayExecution(FALSE, &interval);
        } else if (atomic_compare_exchange_weak(&slot->word[use], &seen, taken_by(token))) {
            *word = seen;
            return true;
        }
    }
}

bool handle_take(HANDLE handle, enum handle_use use, void *token, uintptr_t *word)
{
    return take(handle, use, token, word, true);
}

bool handle_take_free(HANDLE handle, enum handle_use use, void *token, uintptr_t *word)
{
    return take(handle, use, token, word, false);
}

void handle_give(HANDLE handle, enum handle_use use, void *token, uintptr_t word)
{
    struct slot *slot = find_slot(handle);
    uintptr_t expected = taken_by(token);
    if (!slot || !atomic_compare_exchange_strong(&slot->word[use], &expected, word))
        release_word(use, word);
}

void handle_put(HANDLE handle, enum handle_use use, uintptr_t word)
{
    struct slot *slot = make_slot(handle);
    release_word(use, slot ? atomic_exchange(&slot->word[use], word) : word);
}

void handle_forget(HANDLE handle)
{
    struct slot *slot = find_slot(handle);
    if (!slot)
        return;
    for (int use = 0; use < HANDLE_USES; use++)
        if (atomic_load_explicit(&slot->word[use], memory_order_relaxed))
            release_word((enum handle_use)use, atomic_exchange(&slot->word[use], 0));
}

void handles_visit(enum handle_use use, void (*visit)(uintptr_t value))
{
    for (size_t i = 0; i < CHUNKS * (size_t)CHUNK_SLOTS; i++) {
        HANDLE handle = (HANDLE)(i * 4);
        struct slot *slot = find_slot(handle);
        uintptr_t token, word = handle_value(handle, use);
        if (!slot)
            i += CHUNK_SLOTS - 1;
        else if (word && atomic_compare_exchange_strong(&slot->word[use], &word, taken_by(&token))) {
            visit(word);
            handle_give(handle, use, &token, word);
        }
    }
}

NTSTATUS handle_text(HANDLE handle, enum handle_text what, void *memory, ULONG size, struct str *text)
{
    const UNICODE_STRING *string = memory; /* both answers begin with one */
    ULONG length;
    NTSTATUS status = nt.NtQueryObject(handle, (OBJECT_INFORMATION_CLASS)what, memory, size, &length);
    if (status >= 0)
        *text = (struct str){(const char16 *)string->Buffer, string->Length / sizeof(char16)};
    return status;
}

ACCESS_MASK handle_granted(HANDLE handle)
{
    FVM_OBJECT_BASIC_INFORMATION information = {0};
    ULONG length;
    nt.NtQueryObject(handle, (OBJECT_INFORMATION_CLASS)ObjectBasicInformationClass, &information, sizeof(information),
                     &length);
    return information.GrantedAccess;
}

NTSTATUS handle_keep(HANDLE handle, HANDLE *kept)
{
    return nt.NtDuplicateObject(NT_CURRENT_PROCESS, handle, NT_CURRENT_PROCESS, kept, 0, 0, DUPLICATE_SAME_ACCESS);
}

bool handle_there(HANDLE process, HANDLE handle, bool (*is)(HANDLE))
{
    HANDLE same;
    if (nt.NtDuplicateObject(process, handle, NT_CURRENT_PROCESS, &same, 0, 0, DUPLICATE_SAME_ACCESS) < 0)
        return false;
    bool so = is(same);
    nt.NtClose(same);
    return so;
}
