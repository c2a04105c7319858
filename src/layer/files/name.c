/* Decodes what programs call files: absolute NT names in every spelling, names relative to a handle, file ids, handles. */
#include "layer/files/files.h"
#include "layer/handles.h"

static bool take_prefix(struct str *s, const char16 *prefix)
{
    struct str p = str_of(prefix);
    if (!str_prefix_fold(layer.up, *s, p))
        return false;
    *s = str_from(*s, p.len);
    return true;
}

static bool is_drive_letter(char16 c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

struct file_name name_on(struct file_memory *memory)
{
    struct file_name name = {.kind = NAME_FILE};
    buf_init(&name.path, memory->name, PATH_UNITS);
    buf_init(&name.stream, memory->stream, sizeof(memory->stream) / sizeof(char16));
    return name;
}

/* The system names the Windows directory itself in the data it shares with every process (KUSER_SHARED_DATA). */
static struct str system_root(void)
{
    return str_of((const char16 *)(uintptr_t)0x7ffe0030);
}

/* Appends `rest`, which may begin with a separator. Doubled separators stay, and make the name invalid. */
static void add_components(struct file_name *name, struct str rest, bool unix_name)
{
    if (rest.len && rest.s[0] != '\\' && !(unix_name && rest.s[0] == '/'))
        buf_add_char(&name->path, '\\');
    for (size_t i = 0; i < rest.len; i++)
        buf_add_char(&name->path, unix_name && rest.s[i] == '/' ? '\\' : rest.s[i]);
    if (name->path.len && !name->path.overflow && name->path.s[name->path.len - 1] == '\\') {
        name->path.len--;
        name->trailing = true;
    }
}

/* Moves a stream (":s" or ":s:$DATA" of the last component) out of the path. */
static void split_stream(struct file_name *name)
{
    struct str path = buf_str(&name->path);
    size_t leaf = str_rfind(path, '\\') < path.len ? str_rfind(path, '\\') + 1 : 0;
    size_t colon = leaf + str_find(str_from(path, leaf), ':');
    if (colon >= path.len)
        return;
    buf_add(&name->stream, str_from(path, colon));
    name->path.len = colon;
}

static NTSTATUS finish(struct file_name *name, struct str root, struct str rest, bool unix_name)
{
    name->kind = NAME_FILE;
    buf_set(&name->path, root);
    add_components(name, rest, unix_name);
    if (!unix_name)
        split_stream(name);
    if (name->path.overflow || name->stream.overflow)
        return STATUS_NAME_TOO_LONG;
    return path_valid(buf_str(&name->path)) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_INVALID;
}

static NTSTATUS other(struct file_name *name, struct str nt_name)
{
    name->kind = NAME_OTHER;
    buf_set(&name->path, nt_name);
    return STATUS_SUCCESS;
}

/* A name behind \??\ . */
static NTSTATUS decode_dos(struct str rest, struct file_name *name)
{
    while (take_prefix(&rest, u"Global\\") || take_prefix(&rest, u"??\\"))
        ;
    struct str whole = rest;
    if (rest.len >= 2 && is_drive_letter(rest.s[0]) && rest.s[1] == ':') {
        char16 letter = upcase_of(layer.up, rest.s[0]);
        struct str drive = {&letter, 1};
        if (rest.len == 2) {
            name->kind = NAME_VOLUME;
            buf_set(&name->path, drive);
            return STATUS_SUCCESS;
        }
        if (rest.s[2] != '\\')
            return STATUS_OBJECT_NAME_INVALID;
        bool doubled = rest.len > 3 && rest.s[3] == '\\'; /* right behind the drive Wine takes two */
        return finish(name, drive, str_from(rest, doubled ? 3 : 2), false);
    }
    if (take_prefix(&rest, u"GLOBALROOT\\"))
        return name_decode_absolute(str_from(whole, sizeof("GLOBALROOT") - 1), name);
    if (take_prefix(&rest, u"UNC\\"))
        return finish(name, STR(u"UNC"), rest, false);
    if (take_prefix(&rest, u"unix\\") || take_prefix(&rest, u"unix/")) /* Wine: the Unix file system */
        return finish(name, STR(u"unix"), rest, true);
    if (str_prefix_fold(layer.up, rest, STR(u"Volume{"))) {
        size_t end = str_find(rest, '\\');
        bool device = end == rest.len || (end + 1 == rest.len && nt.__wine_unix_spawnvp); /* Wine has no more of it */
        if (!device)
            return finish(name, str_head(rest, end), str_from(rest, end), false);
        name->kind = NAME_VOLUME;
        buf_set(&name->path, rest);
        return STATUS_SUCCESS;
    }
    name->kind = NAME_OTHER; /* in one spelling */
    buf_set(&name->path, STR(u"\\??\\"));
    buf_add(&name->path, rest);
    return name->path.overflow ? STATUS_NAME_TOO_LONG : STATUS_SUCCESS;
}

/* \Device\HarddiskVolume3\x, by the table of drives that the outside filled in. */
static bool decode_device(struct str nt_name, struct file_name *name, NTSTATUS *status)
{
    for (unsigned i = 0; i < VM_DRIVES; i++) {
        const struct shared_text *device = &layer.vm->drive_device[i];
        struct str prefix = {device->s, device->len};
        if (!prefix.len || prefix.len > VM_PATH_MAX || !str_prefix_fold(layer.up, nt_name, prefix))
            continue;
        char16 letter = (char16)('A' + i);
        struct str drive = {&letter, 1}, rest = str_from(nt_name, prefix.len);
        if (rest.len && rest.s[0] != '\\')
            continue;
        *status = STATUS_SUCCESS;
        if (rest.len)
            *status = finish(name, drive, rest, false);
        else {
            name->kind = NAME_VOLUME;
            buf_set(&name->path, drive);
        }
        return true;
    }
    return false;
}

NTSTATUS name_decode_absolute(struct str nt_name, struct file_name *name)
{
    struct str rest = nt_name;
    NTSTATUS status;
    if (take_prefix(&rest, u"\\??\\") || take_prefix(&rest, u"\\DosDevices\\") || take_prefix(&rest, u"\\GLOBAL??\\"))
        return decode_dos(rest, name);
    if (take_prefix(&rest, u"\\SystemRoot") && (!rest.len || rest.s[0] == '\\')) {
        struct str root = system_root();
        char16 letter = upcase_of(layer.up, root.s[0]);
        struct str drive = {&letter, 1};
        status = finish(name, drive, str_from(root, 2), false);
        if (status >= 0 && rest.len)
            add_components(name, rest, false);
        split_stream(name);
        return status;
    }
    if (take_prefix(&rest, u"\\Device\\Mup\\") || take_prefix(&rest, u"\\Device\\LanmanRedirector\\"))
        return finish(name, STR(u"UNC"), rest, false);
    if (decode_device(nt_name, name, &status))
        return status;
    return other(name, nt_name);
}

/* ---- handles ---- */

static bool query_name(HANDLE handle, char16 *memory, struct str *nt_name)
{
    return handle_text(handle, HANDLE_NAME, memory, PATH_UNITS * sizeof(char16), nt_name) >= 0 && nt_name->len &&
           nt_name->s;
}

bool host_name_of_handle(HANDLE handle, struct strbuf *host_path)
{
    struct file_memory *memory = scratch_take();
    struct file_name name = name_on(memory);
    struct str nt_name;
    bool found = query_name(handle, memory->real, &nt_name) && name_decode_absolute(nt_name, &name) >= 0 &&
                 name.kind == NAME_FILE;
    if (found)
        buf_set(host_path, buf_str(&name.path));
    scratch_give(memory);
    return found && !host_path->overflow;
}

/* differs: the handle's own name is not the VM's. */
static bool name_and_place(HANDLE handle, struct strbuf *vm_path, bool *in_storage, bool *differs)
{
    if (!host_name_of_handle(handle, vm_path))
        return false;
    struct str host = buf_str(vm_path);
    *in_storage = path_under_fold(layer.up, host, layer.storage) && host.len > layer.storage.len;
    *differs = *in_storage;
    if (*in_storage) {
        buf_set(vm_path, str_from(host, layer.storage.len + 1));
        return true;
    }
    char16 *memory = scratch_take();
    struct strbuf renamed;
    buf_init(&renamed, memory, PATH_UNITS);
    if (map_reverse(layer_map(&layer.files), host, &renamed) && !renamed.overflow) {
        *differs = !str_equal(host, buf_str(&renamed));
        buf_set(vm_path, buf_str(&renamed));
    }
    scratch_give(memory);
    return true;
}

bool name_of_handle(HANDLE handle, struct strbuf *vm_path, bool *in_storage)
{
    bool differs;
    return name_and_place(handle, vm_path, in_storage, &differs);
}

/* `vms\NAME\files\`: what is in storage has that in its name, wherever the volume begins. */
bool name_is_same(struct str system_name)
{
    struct str above = path_parent(path_parent(path_parent(layer.storage)));
    struct str tail = str_from(layer.storage, above.len);
    if (map_has_redirects(layer_map(&layer.files)))
        return false;
    for (size_t at = 0; at + tail.len <= system_name.len; at++)
        if (system_name.s[at] == '\\' && str_equal_fold(layer.up, str_head(str_from(system_name, at), tail.len), tail))
            return false;
    return true;
}

bool name_differs(HANDLE handle, struct strbuf *vm_path, bool *in_storage)
{
    bool differs;
    return name_and_place(handle, vm_path, in_storage, &differs) && differs;
}

/* ---- object attributes ---- */

static NTSTATUS decode_id(const OBJECT_ATTRIBUTES *attributes, struct file_name *name)
{
    HANDLE file;
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtOpenFile(&file, FILE_READ_ATTRIBUTES | SYNCHRONIZE, (OBJECT_ATTRIBUTES *)attributes, &io,
                                    SHARE_ALL, FILE_OPEN_BY_FILE_ID | FILE_SYNCHRONOUS_IO_NONALERT);
    if (status < 0)
        return status;
    bool in_storage;
    name->kind = NAME_FILE;
    name->by_id = true;
    if (!name_of_handle(file, &name->path, &in_storage))
        status = STATUS_INVALID_PARAMETER;
    nt.NtClose(file);
    return status;
}

/* Files and devices alike; Wine: a console, which names are relative to, is of type Device. */
static bool is_file_object(HANDLE handle)
{
    enum { ObjectTypeInformationClass = 2 };
    union {
        UNICODE_STRING name;
        uint8_t room[512];
    } type = {0};
    ULONG length;
    if (nt.NtQueryObject(handle, (OBJECT_INFORMATION_CLASS)ObjectTypeInformationClass, &type, sizeof(type), &length) <
        0)
        return false;
    struct str name = {(const char16 *)type.name.Buffer, type.name.Length / sizeof(char16)};
    return str_equal_fold(layer.up, name, STR(u"File")) || str_equal_fold(layer.up, name, STR(u"Device"));
}

static NTSTATUS decode_relative(HANDLE root, struct str rest, struct file_name *name)
{
    bool in_storage;
    bool backslash = rest.len && rest.s[0] == '\\';
    /* Wine looks a name relative to anything else up in the directory that the Unix process is in. */
    if (!name_of_handle(root, &name->path, &in_storage)) {
        if (is_file_object(root))
            return other(name, rest);
        return backslash ? STATUS_INVALID_PARAMETER : STATUS_OBJECT_TYPE_MISMATCH;
    }
    name->kind = NAME_FILE;
    if (backslash)
        return STATUS_OBJECT_NAME_INVALID;
    if (rest.len && rest.s[0] != ':')
        add_components(name, rest, false);
    else
        buf_add(&name->path, rest); /* the directory itself, or a stream of it */
    split_stream(name);
    if (name->path.overflow || name->stream.overflow)
        return STATUS_NAME_TOO_LONG;
    return path_valid(buf_str(&name->path)) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_INVALID;
}

/* Opens the prefix of a Unix name that ends with the last component that has a colon, and puts its own name in its place: Wine's
 * kernel32 calls drives .../dosdevices/c: . False when it has no name without colons. */
static bool replace_colons(struct file_name *name, struct file_memory *memory)
{
    struct str path = buf_str(&name->path);
    size_t colon = str_rfind(path, ':'), end = colon + str_find(str_from(path, colon), '\\');
    struct strbuf nt_path, own;
    struct str rest = str_from(path, end);
    IO_STATUS_BLOCK io;
    HANDLE directory;
    if (colon == path.len || !str_equal(path_first(path), STR(u"unix")))
        return false;
    buf_init(&nt_path, memory->real, PATH_UNITS);
    buf_init(&own, memory->more, PATH_UNITS);
    name_host(str_head(path, end), &nt_path);
    struct path_attributes at = path_attributes(buf_str(&nt_path));
    if (nt_path.overflow || nt.NtOpenFile(&directory, FILE_READ_ATTRIBUTES | SYNCHRONIZE, path_object(&at), &io,
                                          SHARE_ALL, FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT) < 0)
        return false;
    bool known = host_name_of_handle(directory, &own);
    nt.NtClose(directory);
    buf_add(&own, rest);
    if (!known || own.overflow || !path_valid(buf_str(&own)))
        return false;
    buf_set(&name->path, buf_str(&own));
    return true;
}

/* A name that we cannot take: the system's own reason, if it has one. */
static NTSTATUS system_reason(const OBJECT_ATTRIBUTES *attributes, struct str name, NTSTATUS status)
{
    HANDLE handle;
    IO_STATUS_BLOCK io;
    NTSTATUS system = nt.NtOpenFile(&handle, FILE_READ_ATTRIBUTES | SYNCHRONIZE, (OBJECT_ATTRIBUTES *)attributes, &io,
                                    SHARE_ALL, FILE_SYNCHRONOUS_IO_NONALERT);
    if (system < 0)
        return system;
    nt.NtClose(handle);
    return log_refusal("name", name, status);
}

/* Only files on a drive are asked for: opening what is no file, or is behind a network name, may do something (connect to a pipe). */
static NTSTATUS invalid_name(const OBJECT_ATTRIBUTES *attributes, const struct file_name *name, struct str nt_name,
                             NTSTATUS status)
{
    if (status != STATUS_OBJECT_NAME_INVALID || name->kind != NAME_FILE ||
        str_equal_fold(layer.up, path_first(buf_str(&name->path)), STR(u"UNC")))
        return status;
    return system_reason(attributes, nt_name, status);
}

/* The same for one that is too long for us. */
static NTSTATUS overlong_name(const OBJECT_ATTRIBUTES *attributes, struct str nt_name)
{
    struct str rest = nt_name, start = str_head(nt_name, LOGGED_UNITS);
    bool on_drive =
        !attributes->RootDirectory && take_prefix(&rest, u"\\??\\") && is_drive_letter(rest.s[0]) && rest.s[1] == ':';
    return on_drive ? system_reason(attributes, start, STATUS_NAME_TOO_LONG)
                    : log_refusal("name that is too long", start, STATUS_NAME_TOO_LONG);
}

NTSTATUS name_decode(const OBJECT_ATTRIBUTES *attributes, ULONG options, struct file_memory *memory,
                     struct file_name *name)
{
    struct str nt_name = attributes_name(attributes);
    *name = name_on(memory);
    name->attributes = attributes->Attributes;
    if (nt_name.len > PATH_UNITS)
        return overlong_name(attributes, nt_name);
    if (options & FILE_OPEN_BY_FILE_ID)
        return decode_id(attributes, name);
    NTSTATUS status = attributes->RootDirectory ? decode_relative(attributes->RootDirectory, nt_name, name)
                                                : name_decode_absolute(nt_name, name);
    if (status == STATUS_OBJECT_NAME_INVALID && name->kind == NAME_FILE && replace_colons(name, memory))
        return STATUS_SUCCESS;
    return status < 0 ? invalid_name(attributes, name, nt_name, status) : status;
}

NTSTATUS name_decode_kept(OBJECT_ATTRIBUTES *attributes, ULONG options, struct file_memory *memory,
                          struct file_name *name, HANDLE *kept)
{
    NTSTATUS status = name_decode(attributes, options, memory, name);
    *kept = NULL;
    if (status < 0 || name->kind != NAME_OTHER || !attributes->RootDirectory)
        return status;
    status = handle_keep(attributes->RootDirectory, kept);
    if (status < 0)
        return status;
    attributes->RootDirectory = *kept;
    return name_decode(attributes, options, memory, name);
}

/* Wine takes a process off its console when it closes any handle of the connection, so such a one stays open: of what has no name, only
 * consoles' connections and buffers are of type Device. A console's server, left open, would keep the console when nobody serves it. */
void name_let_go(HANDLE kept)
{
    struct str name, type;
    if (!kept)
        return;
    char16 *memory = scratch_take();
    bool has_name = handle_text(kept, HANDLE_NAME, memory, SCRATCH_SIZE, &name) >= 0 && name.len;
    bool is_device =
        handle_text(kept, HANDLE_TYPE, memory, SCRATCH_SIZE, &type) >= 0 && str_equal(type, STR(u"Device"));
    scratch_give(memory);
    if (has_name || !is_device || !nt.__wine_unix_spawnvp)
        nt.NtClose(kept);
}

/* ---- back to NT names ---- */

void name_host(struct str path, struct strbuf *nt_path)
{
    struct str root = path_first(path), rest = path_rest(path);
    buf_set(nt_path, STR(u"\\??\\"));
    buf_add(nt_path, root);
    if (root.len == 1)
        buf_add_char(nt_path, ':');
    buf_add_char(nt_path, '\\');
    buf_add(nt_path, rest);
}

void name_storage(struct str vm_path, struct strbuf *nt_path)
{
    buf_set(nt_path, layer.files_root);
    buf_add_char(nt_path, '\\');
    buf_add(nt_path, vm_path);
}
