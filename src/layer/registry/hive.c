/* Hives: files that hold a key with all that is below it. Loading them is in load.c. */
#include "layer/registry/registry.h"

static NTSTATUS refuse(const char *what, struct str name)
{
    layer_attach();
    return log_refusal(what, name, STATUS_PRIVILEGE_NOT_HELD); /* as for every user who is no administrator */
}

/* ---- saving ---- */

typedef NTSTATUS save_function(HANDLE key, HANDLE file, ULONG format);

static NTSTATUS save_plain(HANDLE key, HANDLE file, ULONG format)
{
    (void)format;
    return nt.NtSaveKey(key, file);
}

static NTSTATUS save_ex(HANDLE key, HANDLE file, ULONG format)
{
    return nt.NtSaveKeyEx(key, file, format);
}

/* Whether all of the key lies in one place. */
static bool is_whole(const struct key_use *use)
{
    struct map_place place;
    key_lookup(key_path(use), &place);
    return place.known < use->state->len || (!place.has_lower && place.kind != MAP_META);
}

/* Asked with no key, before the work of bringing together. */
static bool may_save(HANDLE file, ULONG format, save_function *system)
{
    return system(NULL, file, format) != STATUS_PRIVILEGE_NOT_HELD;
}

/* [locked] Saves a stored key, as one of the VM's name. */
static NTSTATUS save_stored(HANDLE own, struct str name, HANDLE file, ULONG format, save_function *system)
{
    struct strbuf path;
    HANDLE copy;
    char16 *memory = scratch_take();
    buf_init(&path, memory, KEY_UNITS);
    struct path_attributes at = path_attributes(key_hive_path(&path));
    NTSTATUS status = key_hive_create(&copy, &at);
    if (status >= 0) {
        status = system(own, copy, format);
        if (status >= 0)
            status = key_hive_hand_out(copy, name, file);
        nt.NtClose(copy);
        nt.NtDeleteFile(path_object(&at));
    }
    scratch_give(memory);
    return status;
}

/* [locked] A key that two have is brought together first, in a place of its own. */
static NTSTATUS save_merged(struct str path, struct str name, HANDLE file, ULONG format, save_function *system)
{
    static const char16 place_name[] = u".save";
    struct str place = STR(place_name);
    HANDLE key;
    if (!may_save(file, format, system))
        return STATUS_PRIVILEGE_NOT_HELD;
    key_delete_stored(place);
    NTSTATUS status = key_flatten(path, place);
    if (status >= 0)
        status = key_open_stored(place, KEY_READ, &key);
    if (status >= 0) {
        status = save_stored(key, name, file, format, system);
        nt.NtClose(key);
    }
    key_delete_stored(place);
    return status;
}

static NTSTATUS save_own(struct key_use *use, HANDLE real, HANDLE file, ULONG format, save_function *system)
{
    struct key_memory *memory = scratch_take();
    struct strbuf path, name;
    buf_init(&path, memory->name, KEY_UNITS);
    NTSTATUS status = key_shown_path(use, real, memory->real, &path);
    buf_init(&name, memory->work, KEY_UNITS);
    key_host_path(buf_str(&path), &name);
    struct str shown = str_from(buf_str(&name), 1); /* without the backslash in front */
    if (status >= 0) {
        layer_lock();
        status = is_whole(use) ? save_stored(real, shown, file, format, system)
                               : save_merged(key_path(use), shown, file, format, system);
        layer_unlock();
    }
    scratch_give(memory);
    return status;
}

/* Whether its own name is not the one that the VM sees, or it has not all that the VM sees. */
static bool is_other(const struct key_use *use)
{
    struct map_place place;
    if (!use->state)
        return false;
    key_lookup(key_path(use), &place);
    return use->state->stored || use->state->use_own || !is_whole(use) || place.lower_base.len;
}

static NTSTATUS save(HANDLE key, HANDLE file, ULONG format, save_function *system)
{
    struct key_use use;
    HANDLE real;
    layer_attach();
    NTSTATUS status = key_begin_sure(&use, key);
    if (status < 0)
        return status;
    status = key_values(&use, &real);
    if (status >= 0)
        status = is_other(&use) ? save_own(&use, real, file, format, system) : system(real, file, format);
    key_end(&use);
    return status;
}

NTSTATUS NTAPI fvm_NtSaveKey(HANDLE key, HANDLE file)
{
    return save(key, file, 0, save_plain);
}

NTSTATUS NTAPI fvm_NtSaveKeyEx(HANDLE key, HANDLE file, ULONG format)
{
    return save(key, file, format, save_ex);
}

NTSTATUS NTAPI fvm_NtSaveMergedKeys(HANDLE high, HANDLE low, HANDLE file)
{
    (void)high, (void)low, (void)file;
    return refuse("save of merged keys", (struct str){0});
}

/* ---- what would put the content of a file in place of a key's: a link in it would lead the system to the host ---- */

/* The system's answer to no key at all: where its service does nothing (Wine) it is a success, else it says what is missing. */
static NTSTATUS refuse_unless_empty(const char *what, NTSTATUS without_key)
{
    layer_attach();
    return without_key >= 0 || without_key == STATUS_PRIVILEGE_NOT_HELD ? without_key : refuse(what, (struct str){0});
}

NTSTATUS NTAPI fvm_NtRestoreKey(HANDLE key, HANDLE file, ULONG flags)
{
    (void)key;
    return refuse_unless_empty("restore of a key", nt.NtRestoreKey(NULL, file, flags));
}

NTSTATUS NTAPI fvm_NtReplaceKey(OBJECT_ATTRIBUTES *file, HANDLE key, OBJECT_ATTRIBUTES *old_file)
{
    (void)key;
    return refuse_unless_empty("replacement of a hive", nt.NtReplaceKey(file, NULL, old_file));
}

/* ---- what looks at or changes the host's registry as a whole ---- */

NTSTATUS NTAPI fvm_NtQueryOpenSubKeys(OBJECT_ATTRIBUTES *key, ULONG *count)
{
    (void)key, (void)count;
    return refuse("count of open keys", (struct str){0});
}

NTSTATUS NTAPI fvm_NtQueryOpenSubKeysEx(OBJECT_ATTRIBUTES *key, ULONG length, void *buffer, ULONG *needed)
{
    (void)key, (void)length, (void)buffer, (void)needed;
    return refuse("list of open keys", (struct str){0});
}

NTSTATUS NTAPI fvm_NtLockRegistryKey(HANDLE key)
{
    (void)key;
    return refuse("lock of the registry", (struct str){0});
}

NTSTATUS NTAPI fvm_NtCompactKeys(ULONG count, HANDLE *keys)
{
    (void)count, (void)keys;
    return refuse("compaction of keys", (struct str){0});
}

NTSTATUS NTAPI fvm_NtCompressKey(HANDLE key)
{
    (void)key;
    return refuse("compression of a hive", (struct str){0});
}

NTSTATUS NTAPI fvm_NtInitializeRegistry(USHORT condition)
{
    (void)condition;
    return refuse("start of the registry", (struct str){0});
}

NTSTATUS NTAPI fvm_NtFreezeRegistry(ULONG timeout)
{
    (void)timeout;
    return refuse("freezing of the registry", (struct str){0});
}

NTSTATUS NTAPI fvm_NtThawRegistry(void)
{
    return refuse("thawing of the registry", (struct str){0});
}

NTSTATUS NTAPI fvm_NtLockProductActivationKeys(ULONG *private_version, ULONG *safe_mode)
{
    (void)private_version, (void)safe_mode;
    return refuse("lock of the keys of product activation", (struct str){0});
}
