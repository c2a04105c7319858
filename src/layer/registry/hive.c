/* Hives: files that hold a key with all that is below it. */
#include "layer/files/files.h"
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

/* A key that two have is brought together first, in a place of its own. */
static NTSTATUS save_merged(struct key_use *use, HANDLE file, ULONG format, save_function *system)
{
    static const char16 name[] = u".save";
    struct str place = STR(name);
    HANDLE key;
    if (!may_save(file, format, system))
        return STATUS_PRIVILEGE_NOT_HELD;
    layer_lock();
    key_delete_stored(place);
    NTSTATUS status = key_flatten(key_path(use), place);
    if (status >= 0)
        status = key_open_stored(place, KEY_READ, &key);
    if (status >= 0) {
        status = system(key, file, format);
        nt.NtClose(key);
    }
    key_delete_stored(place);
    layer_unlock();
    return status;
}

static NTSTATUS save(HANDLE key, HANDLE file, ULONG format, save_function *system)
{
    struct key_use use;
    HANDLE real;
    layer_attach();
    NTSTATUS status = key_begin(&use, key);
    if (status < 0)
        return status;
    if (use.state && !is_whole(&use))
        status = save_merged(&use, file, format, system);
    else {
        status = key_values(&use, &real);
        if (status >= 0)
            status = system(real, file, format);
    }
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

/* ---- what would change the host's hives ---- */

NTSTATUS NTAPI fvm_NtRestoreKey(HANDLE key, HANDLE file, ULONG flags)
{
    (void)key, (void)file, (void)flags;
    return refuse("restore of a key", (struct str){0});
}

NTSTATUS NTAPI fvm_NtReplaceKey(OBJECT_ATTRIBUTES *file, HANDLE key, OBJECT_ATTRIBUTES *old_file)
{
    (void)file, (void)key, (void)old_file;
    return refuse("replacement of a hive", (struct str){0});
}

/* ---- loading: into storage, where the system allows that ----
 *
 * Wine loads a hive (a text, which it reads once) at any name. NT mounts hives at \REGISTRY\Machine and \REGISTRY\User only, so
 * there it refuses, and so do we. */

struct loading {
    const OBJECT_ATTRIBUTES *key;
    OBJECT_ATTRIBUTES *file;
    ULONG flags;
    HANDLE trust, event;
    ACCESS_MASK access;
    HANDLE *root;
    IO_STATUS_BLOCK *io;
};

/* The hive's file is one of the VM's, and may be written to. */
static NTSTATUS resolve_file(OBJECT_ATTRIBUTES *program, struct file_memory *memory, struct strbuf *real)
{
    struct file_name name;
    struct map_place place;
    NTSTATUS status = name_decode(program, 0, memory, &name);
    if (status >= 0 && name.kind != NAME_FILE)
        status = STATUS_OBJECT_TYPE_MISMATCH;
    if (status >= 0)
        status = file_resolve(&name, memory, &place);
    if (status >= 0 && place.hidden)
        status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (status >= 0)
        status = file_copy_up(&name, memory, COPY_ALL);
    if (status >= 0) {
        buf_init(real, memory->real, PATH_UNITS);
        name_storage(buf_str(&name.path), real);
        status = real->overflow ? STATUS_NAME_TOO_LONG : STATUS_SUCCESS;
    }
    return status;
}

static NTSTATUS decode_key(const OBJECT_ATTRIBUTES *program, struct key_memory *memory, struct key_name *name,
                           struct map_place *place)
{
    struct key_attributes from;
    NTSTATUS status = key_read_attributes(program, memory, &from);
    if (status == STATUS_SUCCESS)
        status = key_decode(&from, KEY_WOW64_64KEY, 0, memory, name);
    if (status == STATUS_REPARSE)
        status = STATUS_OBJECT_NAME_INVALID;
    if (status >= 0)
        status = key_resolve(name, memory, place);
    if (status >= 0 && (place->hidden || !path_parent(buf_str(&name->path)).len))
        status = STATUS_ACCESS_DENIED;
    return status;
}

static NTSTATUS system_load(const struct loading *load, OBJECT_ATTRIBUTES *key, OBJECT_ATTRIBUTES *file)
{
    if (nt.NtLoadKeyEx)
        return nt.NtLoadKeyEx(key, file, load->flags, load->trust, load->event, load->access, load->root, load->io);
    return nt.NtLoadKey2(key, file, load->flags);
}

/* [locked] */
static NTSTATUS load_stored(const struct loading *load, struct str path, OBJECT_ATTRIBUTES *file, char16 *memory)
{
    struct strbuf stored;
    if (key_exists(path, 0) >= 0)
        return STATUS_OBJECT_NAME_COLLISION;
    NTSTATUS status = key_exists(path_parent(path), 0);
    if (status >= 0)
        status = key_mirror(path_parent(path), 0, NULL);
    if (status < 0)
        return status;
    key_delete_stored(path);
    buf_init(&stored, memory, KEY_UNITS);
    key_stored_path(path, &stored);
    struct path_attributes at = path_attributes(buf_str(&stored));
    status = stored.overflow ? STATUS_NAME_TOO_LONG : system_load(load, path_object(&at), file);
    return status < 0 ? status : key_record(path, MAP_OWN, (struct str){0}, NULL);
}

static NTSTATUS load_key(const struct loading *load)
{
    struct key_memory *memory = scratch_take();
    struct file_memory *files = scratch_take();
    struct key_name name;
    struct map_place place;
    struct strbuf real;
    NTSTATUS status = resolve_file(load->file, files, &real);
    if (status >= 0)
        status = decode_key(load->key, memory, &name, &place);
    if (status >= 0) {
        struct path_attributes file = path_attributes(buf_str(&real));
        layer_lock();
        status = load_stored(load, buf_str(&name.path), path_object(&file), memory->real);
        layer_unlock();
        if (status < 0)
            log_refusal("load of a hive", buf_str(&name.path), status);
    }
    scratch_give(files);
    scratch_give(memory);
    return status;
}

NTSTATUS NTAPI fvm_NtLoadKey(const OBJECT_ATTRIBUTES *key, OBJECT_ATTRIBUTES *file)
{
    struct loading load = {.key = key, .file = file};
    layer_attach();
    return load_key(&load);
}

NTSTATUS NTAPI fvm_NtLoadKey2(const OBJECT_ATTRIBUTES *key, OBJECT_ATTRIBUTES *file, ULONG flags)
{
    struct loading load = {.key = key, .file = file, .flags = flags};
    layer_attach();
    return load_key(&load);
}

NTSTATUS NTAPI fvm_NtLoadKeyEx(const OBJECT_ATTRIBUTES *key, OBJECT_ATTRIBUTES *file, ULONG flags, HANDLE trust,
                               HANDLE event, ACCESS_MASK access, HANDLE *root, IO_STATUS_BLOCK *io)
{
    struct loading load = {key, file, flags, trust, event, access, root, io};
    layer_attach();
    return load_key(&load);
}

NTSTATUS NTAPI fvm_NtLoadKey3(const OBJECT_ATTRIBUTES *key, OBJECT_ATTRIBUTES *file, ULONG flags, void *parameters,
                              ULONG parameter_count, ACCESS_MASK access, HANDLE *root, void *reserved)
{
    (void)key, (void)file, (void)flags, (void)parameters, (void)parameter_count, (void)access, (void)root,
        (void)reserved;
    return refuse("load of a hive", (struct str){0});
}

/* [locked] */
static NTSTATUS unload_stored(struct str path, const struct map_place *place, char16 *memory)
{
    struct strbuf stored;
    buf_init(&stored, memory, KEY_UNITS);
    key_stored_path(path, &stored);
    struct path_attributes at = path_attributes(buf_str(&stored));
    NTSTATUS status = stored.overflow ? STATUS_NAME_TOO_LONG : nt.NtUnloadKey(path_object(&at));
    return status < 0 ? status : key_record_deleted(path, place);
}

NTSTATUS NTAPI fvm_NtUnloadKey(OBJECT_ATTRIBUTES *key)
{
    struct key_name name;
    struct map_place place;
    layer_attach();
    struct key_memory *memory = scratch_take();
    layer_lock();
    NTSTATUS status = decode_key(key, memory, &name, &place);
    if (status >= 0)
        status = place.has_lower ? refuse("unload of a hive", buf_str(&name.path))
                                 : unload_stored(buf_str(&name.path), &place, memory->real);
    layer_unlock();
    scratch_give(memory);
    return status;
}

NTSTATUS NTAPI fvm_NtUnloadKey2(OBJECT_ATTRIBUTES *key, ULONG flags)
{
    (void)flags;
    return fvm_NtUnloadKey(key);
}

NTSTATUS NTAPI fvm_NtUnloadKeyEx(OBJECT_ATTRIBUTES *key, HANDLE event)
{
    (void)event;
    return fvm_NtUnloadKey(key);
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
