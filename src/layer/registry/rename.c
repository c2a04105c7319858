/* Renaming a key. It is brought into storage first, so that the system's own service decides there and open handles follow;
 * subkeys that are the host's stay where they are: the node moves in the map and keeps its lower. */
#include "layer/handles.h"
#include "layer/registry/registry.h"
#include "nt/owner.h"

#include <stdatomic.h>

#define STORED_ACCESS (KEY_READ | KEY_WRITE | DELETE)

/* Wine 8 loses the next key when a key is renamed to a name that sorts right behind its own: then a guard in between keeps
 * the two apart. It sorts behind the old name, and before nearly every name that is behind that. */
static struct str guard_path(struct str from, char16 *memory)
{
    struct strbuf name;
    buf_init(&name, memory, KEY_UNITS);
    buf_add(&name, from);
    buf_add(&name, STR(KEY_GUARD));
    return buf_str(&name);
}

/* A key of that name that is there does as well. NULL: none was made. */
static HANDLE make_guard(struct str guard)
{
    HANDLE key;
    if (key_open_stored(guard, KEY_QUERY_VALUE, &key) >= 0) {
        nt.NtClose(key);
        return NULL;
    }
    return key_mirror(guard, DELETE, &key) < 0 ? NULL : key;
}

/* Of a rename that was cut off. */
static void remove_guard(struct str guard)
{
    HANDLE key;
    if (key_open_stored(guard, DELETE | KEY_QUERY_VALUE, &key) < 0)
        return;
    owner_delete_guard(key);
    nt.NtClose(key);
}

/* Also takes away the guard of a rename that was cut off. The map is being made: nothing can be looked up. */
bool key_renamed(void *unused, struct str from, struct str to)
{
    struct key_memory *memory = scratch_take();
    HANDLE key;
    (void)unused;
    remove_guard(guard_path(from, memory->name));
    scratch_give(memory);
    if (key_open_stored(to, KEY_QUERY_VALUE, &key) < 0)
        return false;
    nt.NtClose(key);
    return true;
}

static NTSTATUS rename_stored(HANDLE own, struct str from, struct str new_name)
{
    struct key_memory *memory = scratch_take();
    HANDLE guard = NULL;
    struct str between = guard_path(from, memory->name);
    UNICODE_STRING string = {(USHORT)(new_name.len * sizeof(char16)), (USHORT)(new_name.len * sizeof(char16)),
                             (WCHAR *)new_name.s};
    if (!str_equal_fold(layer.up, path_leaf(between), new_name))
        guard = make_guard(between);
    NTSTATUS status = nt.NtRenameKey(own, &string);
    if (guard) {
        nt.NtDeleteKey(guard);
        nt.NtClose(guard);
    }
    scratch_give(memory);
    return status;
}

/* [locked] */
static NTSTATUS rename_locked(struct str from, struct str to, HANDLE own)
{
    struct map_place above, there;
    key_lookup(path_parent(from), &above);
    key_lookup(to, &there);
    if (there.hidden)
        return log_refusal("FVM's own keys", to, STATUS_ACCESS_DENIED);
    struct journal_record record = {
        .type = JOURNAL_RENAME, .kind = MAP_DIR, .cover = above.has_lower, .path = from, .other = to};
    if (key_exists(to, 0) >= 0 || key_keep_way(to))
        return STATUS_CANNOT_DELETE; /* as the system says when the name is taken */
    key_delete_stored(to);
    NTSTATUS status = layer_journal(&layer.keys, &record);
    if (status < 0)
        return status;
    status = rename_stored(own, from, path_leaf(to));
    if (status < 0) {
        record.type = JOURNAL_ABORT;
        layer_journal(&layer.keys, &record);
    } else if (!map_rename(layer_map(&layer.keys), from, to, record.cover, record.kind))
        layer_rebuild(&layer.keys);
    if (status >= 0)
        atomic_fetch_add((_Atomic uint32_t *)(uintptr_t)&layer.vm->key_renames, 1);
    return status;
}

static bool name_valid(struct str name)
{
    return key_path_valid(name) && str_find(name, '\\') == name.len;
}

/* The name is in memory->work. */
static NTSTATUS rename_key(struct key_use *use, struct str new_name, struct key_memory *memory)
{
    HANDLE real, own;
    struct strbuf to;
    struct str from = key_path(use);
    if (!name_valid(new_name) || !path_parent(from).len)
        return STATUS_INVALID_PARAMETER;
    if ((handle_granted(use->handle) & KEY_WRITE) != KEY_WRITE)
        return STATUS_ACCESS_DENIED;
    buf_init(&to, memory->name, KEY_UNITS);
    buf_add(&to, path_parent(from));
    buf_add_char(&to, '\\');
    buf_add(&to, new_name);
    if (!use->state->stored && key_exists(buf_str(&to), 0) >= 0) /* must not cost a copy; below it counts */
        return STATUS_CANNOT_DELETE;
    NTSTATUS status = key_change(use, KEY_WRITE, &real);
    if (status < 0)
        return status;
    layer_lock();
    status = key_open_stored(from, STORED_ACCESS, &own);
    if (status >= 0) {
        status = rename_locked(from, buf_str(&to), own);
        nt.NtClose(own);
    }
    layer_unlock();
    if (status >= 0)
        key_set_path(use, buf_str(&to));
    return status;
}

NTSTATUS NTAPI fvm_NtRenameKey(HANDLE key, UNICODE_STRING *name)
{
    struct key_use use;
    HANDLE real;
    UNICODE_STRING string;
    layer_attach();
    if (!guard_read(&string, name, sizeof(string)))
        return STATUS_ACCESS_VIOLATION;
    struct key_memory *memory = scratch_take();
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    struct str new_name = {memory->work, string.Length / sizeof(char16)};
    if (string.Buffer && string.Length && new_name.len <= KEY_UNITS)
        status = guard_read(memory->work, string.Buffer, string.Length) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
    if (status >= 0)
        status = key_begin_sure(&use, key);
    if (status >= 0) {
        if (use.state)
            status = rename_key(&use, new_name, memory);
        else if ((status = key_change(&use, KEY_WRITE, &real)) >= 0)
            status = nt.NtRenameKey(real, &(UNICODE_STRING){string.Length, string.Length, (WCHAR *)memory->work});
        key_end(&use);
    }
    scratch_give(memory);
    return status;
}
