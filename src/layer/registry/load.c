/* Loading a hive into storage, where the system allows that, and unloading it.
 *
 * Wine loads a hive (a text, which it reads once) at any name. NT mounts hives at \REGISTRY\Machine and \REGISTRY\User only, so
 * there it refuses, and so do we.
 *
 * Wine follows a symbolic link in the text while it still loads, as server and with all rights. So the system gets a copy of the
 * file, out of the VM's reach, and no file with a link in it. */
#include "layer/files/files.h"
#include "layer/handles.h"
#include "layer/registry/registry.h"

struct loading {
    const OBJECT_ATTRIBUTES *key;
    OBJECT_ATTRIBUTES *file;
    ULONG flags;
    HANDLE trust, event;
    ACCESS_MASK access;
    HANDLE *root;
    IO_STATUS_BLOCK *io;
};

/* ---- the file ---- */

static const char link_mark[] = "#link"; /* server/registry.c: load_key_option */

static bool has_link(const uint8_t *text, size_t size)
{
    enum { MARK = sizeof(link_mark) - 1 };
    for (size_t at = 0; at + MARK <= size; at++)
        if (text[at] == '#' && mem_equal(text + at, link_mark, MARK))
            return true;
    return false;
}

static NTSTATUS copy_without_links(HANDLE from, HANDLE to)
{
    enum { KEPT_MAX = sizeof(link_mark) - 2 }; /* of a mark that goes on in the next part */
    uint8_t *part = scratch_take();
    LARGE_INTEGER at = {.QuadPart = 0};
    IO_STATUS_BLOCK io;
    size_t kept = 0;
    NTSTATUS status;
    for (;;) {
        status = nt.NtReadFile(from, NULL, NULL, NULL, &io, part + kept, (ULONG)(SCRATCH_SIZE - kept), &at, NULL);
        if (status < 0 || !io.Information)
            break;
        size_t count = (size_t)io.Information, size = kept + count;
        status = has_link(part, size) ? STATUS_ACCESS_DENIED
                                      : nt.NtWriteFile(to, NULL, NULL, NULL, &io, part + kept, (ULONG)count, &at, NULL);
        if (status < 0)
            break;
        at.QuadPart += (LONGLONG)count;
        kept = size < KEPT_MAX ? size : KEPT_MAX;
        mem_copy(part, part + size - kept, kept);
    }
    scratch_give(part);
    return status == STATUS_END_OF_FILE ? STATUS_SUCCESS : status;
}

/* The program's file as the VM sees it. */
static NTSTATUS open_hive(OBJECT_ATTRIBUTES *program, HANDLE *file)
{
    struct said_file *said = scratch_take();
    struct file_memory *memory = &said->files;
    struct file_name name;
    struct map_place place;
    struct strbuf real;
    IO_STATUS_BLOCK io;
    NTSTATUS status = said_read_all(program, &said->said, said->text)
                          ? name_decode(&said->said.attributes, 0, memory, &name)
                          : STATUS_ACCESS_VIOLATION;
    if (status >= 0 && name.kind != NAME_FILE)
        status = STATUS_OBJECT_TYPE_MISMATCH;
    if (status >= 0)
        status = file_resolve_to_read(&name, memory, &place);
    if (status >= 0) {
        buf_init(&real, memory->real, PATH_UNITS);
        file_real_path(&name, &place, true, &real);
        struct path_attributes at = path_attributes(buf_str(&real));
        status = real.overflow ? STATUS_NAME_TOO_LONG
                               : nt.NtOpenFile(file, FILE_READ_DATA | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL,
                                               FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE);
    }
    scratch_give(said);
    return status;
}

/* ---- the key ---- */

static NTSTATUS decode_key(const OBJECT_ATTRIBUTES *program, struct key_memory *memory, struct key_name *name,
                           struct map_place *place)
{
    struct said from;
    NTSTATUS status = key_read_attributes(program, memory, &from);
    if (status == STATUS_SUCCESS)
        status = key_decode(&from, KEY_WOW64_64KEY, 0, memory, name);
    if (status == STATUS_REPARSE)
        status = STATUS_OBJECT_NAME_INVALID;
    if (status >= 0)
        status = key_resolve(name, memory, place);
    if (status >= 0 && place->hidden)
        status = log_refusal("FVM's own keys", buf_str(&name->path), STATUS_ACCESS_DENIED);
    if (status >= 0 && !path_parent(buf_str(&name->path)).len)
        status = log_refusal("key at the root", buf_str(&name->path), STATUS_ACCESS_DENIED);
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

/* Asked with a key that cannot be made. */
static bool may_load(const struct loading *load, OBJECT_ATTRIBUTES *file)
{
    struct path_attributes at = path_attributes(STR(u"none\\none"));
    path_object(&at)->RootDirectory = key_root();
    return system_load(load, path_object(&at), file) != STATUS_PRIVILEGE_NOT_HELD;
}

/* [locked] decoded: what decoding the key gave, which the system looks at after the privilege. */
static NTSTATUS load_copy(const struct loading *load, struct str path, NTSTATUS decoded, HANDLE hive,
                          struct key_memory *memory)
{
    struct strbuf name;
    HANDLE copy;
    buf_init(&name, memory->more, KEY_UNITS);
    struct path_attributes at = path_attributes(key_hive_path(&name));
    NTSTATUS status = key_hive_create(&copy, &at);
    if (status < 0)
        return status;
    status = copy_without_links(hive, copy);
    nt.NtClose(copy);
    if (status >= 0)
        status = may_load(load, path_object(&at)) ? decoded : STATUS_PRIVILEGE_NOT_HELD;
    if (status >= 0)
        status = load_stored(load, path, path_object(&at), memory->real);
    nt.NtDeleteFile(path_object(&at));
    return status;
}

static NTSTATUS load_key(const struct loading *load)
{
    struct key_memory *memory = scratch_take();
    struct key_name name = {0};
    struct map_place place;
    HANDLE hive = NULL;
    NTSTATUS status = open_hive(load->file, &hive);
    NTSTATUS decoded = status < 0 ? status : decode_key(load->key, memory, &name, &place);
    if (decoded == STATUS_ACCESS_VIOLATION || decoded == STATUS_INVALID_PARAMETER)
        status = decoded;
    if (status >= 0) {
        layer_lock();
        status = load_copy(load, decoded < 0 ? (struct str){0} : buf_str(&name.path), decoded, hive, memory);
        layer_unlock();
        if (status < 0)
            log_refusal("load of a hive", buf_str(&name.path), status);
    }
    if (hive)
        nt.NtClose(hive);
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
    layer_attach();
    return log_refusal("load of a hive", (struct str){0}, STATUS_PRIVILEGE_NOT_HELD);
}

/* [locked] */
static NTSTATUS unload_stored(struct str path, const struct map_place *place, char16 *memory)
{
    struct strbuf stored;
    buf_init(&stored, memory, KEY_UNITS);
    key_stored_path(path, &stored);
    struct path_attributes at = path_attributes(buf_str(&stored));
    handles_visit(HANDLE_KEY, key_let_go); /* Wine unloads no key that is open */
    NTSTATUS status = stored.overflow ? STATUS_NAME_TOO_LONG : nt.NtUnloadKey(path_object(&at));
    return status < 0 ? status : key_record_deleted(path, place);
}

NTSTATUS NTAPI fvm_NtUnloadKey(OBJECT_ATTRIBUTES *key)
{
    struct key_name name;
    struct map_place place;
    layer_attach();
    struct key_memory *memory = scratch_take();
    NTSTATUS status = decode_key(key, memory, &name, &place);
    if (status >= 0) {
        layer_lock();
        key_lookup(buf_str(&name.path), &place);
        status = place.has_lower && key_exists(buf_str(&name.path), 0) >= 0
                     ? log_refusal("unload of a hive", buf_str(&name.path), STATUS_PRIVILEGE_NOT_HELD)
                     : unload_stored(buf_str(&name.path), &place, memory->real);
        layer_unlock();
    }
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
