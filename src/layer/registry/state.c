/* What is known of a key handle. A state is made when a service first needs it, lives in the table of handles, and is
 * looked through again whenever the map has moved. */
#include "layer/registry/registry.h"

#include <stdatomic.h>

#include "layer/handles.h"
#include "layer/pool.h"
#include "layer/registry/list.h"

static uint32_t renames(void)
{
    return atomic_load_explicit((_Atomic uint32_t *)(uintptr_t)&layer.vm->key_renames, memory_order_acquire);
}

static struct key_state *state_new(struct str path)
{
    size_t room = path.len * sizeof(char16);
    struct key_state *state = pool_take(sizeof(*state) + room);
    if (!state)
        return NULL;
    *state =
        (struct key_state){.sequence = 1, .renames = renames(), .len = (uint32_t)path.len, .cap = (uint32_t)path.len};
    mem_copy(state->path, path.s, room);
    return state;
}

static void close_companions(struct key_state *state)
{
    if (state->own)
        nt.NtClose(state->own);
    if (state->watch)
        nt.NtClose(state->watch);
    state->own = state->watch = NULL;
}

void key_state_release(uintptr_t word)
{
    struct key_state *state = (struct key_state *)word;
    close_companions(state);
    key_listing_free(state->listing);
    pool_give(state);
}

/* Whether the handle has a symbolic link open, and not what that leads to. Of the VM's links the map says it. */
static bool is_link(HANDLE handle, struct str path, bool stored)
{
    FVM_KEY_VALUE_PARTIAL_INFORMATION value;
    struct map_place place;
    UNICODE_STRING name = {17 * sizeof(WCHAR), 17 * sizeof(WCHAR), L"SymbolicLinkValue"};
    ULONG length;
    if (stored) {
        key_lookup(path, &place);
        return place.kind == MAP_META;
    }
    NTSTATUS status =
        nt.NtQueryValueKey(handle, &name, KeyValuePartialInformationClass, &value, sizeof(value), &length);
    return (status >= 0 || status == STATUS_BUFFER_OVERFLOW) && value.Type == REG_LINK && key_is_host_link(path);
}

/* Asks the system for the name. *made = NULL and success when the handle is no key, or none that has a name. */
static NTSTATUS state_of_handle(HANDLE handle, struct key_state **made)
{
    struct key_memory *memory = scratch_take();
    struct strbuf path;
    struct str system_name;
    bool stored;
    *made = NULL;
    buf_init(&path, memory->name, KEY_UNITS);
    NTSTATUS status = key_system_name(handle, memory->real, &system_name);
    if (status >= 0 && !key_vm_path(system_name, &path, &stored))
        status = log_refusal("FVM's own keys", system_name, STATUS_ACCESS_DENIED);
    else if (status >= 0) {
        *made = state_new(buf_str(&path));
        if (*made) {
            (*made)->stored = stored;
            (*made)->link = is_link(handle, buf_str(&path), stored);
        } else
            status = STATUS_INSUFFICIENT_RESOURCES;
    } else if (status != STATUS_KEY_DELETED)
        status = STATUS_SUCCESS; /* the system says what is wrong with it */
    scratch_give(memory);
    return status;
}

bool key_may(struct key_use *use, ACCESS_MASK access)
{
    if (!use->state->access)
        use->state->access = handle_granted(use->handle);
    return (use->state->access & access) == access;
}

static void refresh(struct key_state *state)
{
    struct str path = {state->path, state->len};
    struct map_place place;
    uint32_t sequence = map_sequence(layer_map(&layer.keys));
    if (state->sequence == sequence)
        return;
    key_lookup(path, &place);
    bool exact = place.known == path.len;
    /* a host's key in whose place the VM has one of its own, or none, was deleted */
    state->deleted = state->deleted || (!state->stored && !place.has_lower);
    state->use_own = !state->stored && key_is_stored(&place);
    state->merged = place.has_lower && !place.link && place.kind != MAP_META &&
                    (place.kind == MAP_DIR || (exact && map_has_changed_child(layer_map(&layer.keys), place.node)));
    state->sequence = sequence;
}

/* Whether the name that the state was made with may have changed. */
static bool renamed_since(const struct key_state *state)
{
    return state->renames != renames();
}

/* A handle to a key that is gone, with all access, kept open; NULL: there is none. */
static HANDLE gone_key(void)
{
    static _Atomic(HANDLE) gone;
    HANDLE known = atomic_load(&gone), made, root = key_root();
    struct path_attributes at = path_attributes(STR(u".gone"));
    path_object(&at)->RootDirectory = root;
    if (known || !root ||
        nt.NtCreateKey(&made, KEY_ALL_ACCESS | KEY_WOW64_64KEY, path_object(&at), 0, NULL, REG_OPTION_VOLATILE, NULL) <
            0)
        return known;
    nt.NtDeleteKey(made);
    if (key_is_gone(made))
        return layer_keep_first(&gone, made);
    nt.NtClose(made);
    return NULL;
}

/* The system is to say what a service answers for a key that is gone: by the program's handle, or, since that is still one of the host's
 * key, by another one with the same access. */
static NTSTATUS use_gone(struct key_use *use, bool host)
{
    HANDLE gone = host ? gone_key() : use->handle, kept;
    NTSTATUS status = STATUS_KEY_DELETED;
    if (gone)
        status = host ? nt.NtDuplicateObject(NT_CURRENT_PROCESS, gone, NT_CURRENT_PROCESS, &kept,
                                             handle_granted(use->handle), 0, 0)
                      : key_keep(gone, &kept);
    if (status < 0)
        return STATUS_KEY_DELETED;
    use->gone = use->handle = kept;
    return STATUS_SUCCESS;
}

static NTSTATUS look(struct key_use *use, HANDLE handle, uintptr_t word)
{
    NTSTATUS status = STATUS_SUCCESS;
    use->state = (struct key_state *)word;
    if (use->state && renamed_since(use->state)) {
        key_state_release(word);
        use->state = NULL;
    }
    if (!use->state)
        status = state_of_handle(handle, &use->state);
    if (use->state)
        refresh(use->state);
    bool deleted = use->state && use->state->deleted;
    bool host = deleted && !use->state->stored;
    if (status < 0 || deleted || !use->state) {
        handle_give(handle, HANDLE_KEY, &use->token, (uintptr_t)use->state);
        use->state = NULL;
    }
    return deleted || status == STATUS_KEY_DELETED ? use_gone(use, host) : status;
}

NTSTATUS key_begin(struct key_use *use, HANDLE handle)
{
    uintptr_t word;
    *use = (struct key_use){.handle = handle};
    if (!handle_take(handle, HANDLE_KEY, &use->token, &word))
        return handle_is_possible(handle) ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
    return look(use, handle, word);
}

NTSTATUS key_begin_sure(struct key_use *use, HANDLE handle)
{
    NTSTATUS status = key_begin(use, handle);
    if (status < 0 || !use->state || !use->state->stored || !key_is_gone(handle))
        return status;
    key_end(use);
    return use_gone(use, false);
}

bool key_begin_free(struct key_use *use, HANDLE handle)
{
    uintptr_t word;
    *use = (struct key_use){.handle = handle};
    return handle_take_free(handle, HANDLE_KEY, &use->token, &word) && look(use, handle, word) >= 0;
}

void key_end(struct key_use *use)
{
    if (use->state)
        handle_give(use->handle, HANDLE_KEY, &use->token, (uintptr_t)use->state);
    if (use->gone)
        nt.NtClose(use->gone);
    use->state = NULL;
    use->gone = NULL;
}

void key_opened(HANDLE handle, struct str vm_path, bool stored, bool link, HANDLE own)
{
    struct key_state *state = state_new(vm_path);
    if (!state) {
        if (own)
            nt.NtClose(own);
        return;
    }
    state->stored = stored;
    state->link = link;
    state->own = own;
    handle_put(handle, HANDLE_KEY, (uintptr_t)state);
}

bool key_set_path(struct key_use *use, struct str vm_path)
{
    struct key_state *state = state_new(vm_path);
    if (!state)
        return false;
    state->stored = use->state->stored;
    state->link = use->state->link;
    key_state_release((uintptr_t)use->state);
    use->state = state;
    refresh(state);
    return true;
}

static NTSTATUS open_own(struct key_use *use)
{
    struct key_state *state = use->state;
    if (state->own)
        return STATUS_SUCCESS;
    if (!state->access)
        state->access = handle_granted(use->handle);
    NTSTATUS status = key_open_stored(key_path(use), state->access, &state->own);
    return status == STATUS_OBJECT_NAME_NOT_FOUND ? STATUS_KEY_DELETED : status;
}

static NTSTATUS ask(HANDLE handle)
{
    FVM_KEY_BASIC_INFORMATION information;
    ULONG length;
    return nt.NtQueryKey(handle, KeyBasicInformationClass, &information, offsetof(FVM_KEY_BASIC_INFORMATION, Name),
                         &length);
}

NTSTATUS key_keep(HANDLE handle, HANDLE *own)
{
    struct str name;
    NTSTATUS status = handle_keep(handle, own);
    if (status < 0)
        return status;
    char16 *memory = scratch_take();
    status = key_system_name(*own, memory, &name);
    if (status >= 0 && !path_under_fold(layer.up, name, layer.keys_root))
        status = log_refusal("handle that became another key's", name, STATUS_INVALID_HANDLE);
    scratch_give(memory);
    if (status >= 0 || status == STATUS_KEY_DELETED) /* the system says what can be done with that: nothing */
        return STATUS_SUCCESS;
    nt.NtClose(*own);
    *own = NULL;
    return status;
}

static NTSTATUS keep_stored(struct key_use *use)
{
    struct key_state *state = use->state;
    NTSTATUS status = state->own ? STATUS_SUCCESS : key_keep(use->handle, &state->own);
    if (status < 0)
        state->renames = renames() - 1; /* it is to be found out anew */
    return status;
}

void key_let_go(uintptr_t word)
{
    struct key_state *state = (struct key_state *)word;
    if (state->stored && state->own) {
        nt.NtClose(state->own);
        state->own = NULL;
    }
}

NTSTATUS key_values(struct key_use *use, HANDLE *real)
{
    *real = use->handle;
    if (!use->state || !use->state->use_own)
        return STATUS_SUCCESS;
    NTSTATUS status = open_own(use);
    *real = use->state->own;
    return status;
}

NTSTATUS key_change(struct key_use *use, ACCESS_MASK access, HANDLE *real)
{
    struct key_state *state = use->state;
    if (use->gone) {
        *real = use->gone;
        return STATUS_SUCCESS;
    }
    if (!state) { /* no key when it was looked at, whatever it is by now */
        NTSTATUS status = ask(use->handle);
        return status < 0 && status != STATUS_BUFFER_OVERFLOW ? status : STATUS_INVALID_HANDLE;
    }
    if (state->stored) {
        NTSTATUS status = keep_stored(use);
        *real = state->own;
        return status;
    }
    if (!key_may(use, access))
        return STATUS_ACCESS_DENIED;
    if (!state->use_own) {
        NTSTATUS status = key_copy_up(key_path(use), state->link);
        if (status < 0)
            return status;
        refresh(state);
    }
    return key_values(use, real);
}

NTSTATUS key_shown_path(const struct key_use *use, HANDLE real, char16 *memory, struct strbuf *vm_path)
{
    struct str system_name;
    bool stored;
    NTSTATUS status = key_system_name(real, memory, &system_name);
    if (status < 0)
        return status;
    if (!key_vm_path(system_name, vm_path, &stored))
        buf_set(vm_path, key_path(use));
    return STATUS_SUCCESS;
}

bool key_is_gone(HANDLE handle)
{
    return ask(handle) == STATUS_KEY_DELETED;
}

bool key_is_key(HANDLE handle)
{
    NTSTATUS status = ask(handle);
    return status != STATUS_OBJECT_TYPE_MISMATCH && status != STATUS_INVALID_HANDLE;
}
