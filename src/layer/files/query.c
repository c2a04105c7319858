/* Questions about files: attributes by name, and every answer that holds a name or an identity of a handle. */
#include "layer/files/files.h"
#include "layer/handles.h"
#include "layer/objects/objects.h"
#include "layer/objects/pipes.h"
#include "layer/registry/registry.h"

/* ---- by name ---- */

/* The VM's own pipe, if it is one; STATUS_REPARSE for what the system may be asked as it is. */
static NTSTATUS pipe_query(const OBJECT_ATTRIBUTES *attributes, struct file_memory *memory, struct strbuf *real)
{
    struct pipe_name name;
    enum pipe_kind kind;
    char16 *work = scratch_take();
    NTSTATUS status = pipe_resolve(attributes, work, &name, &kind);
    if (status >= 0)
        status = STATUS_REPARSE;
    if (status >= 0 && kind == PIPE_OWN && !name.endpoint) {
        buf_init(real, memory->real, PATH_UNITS);
        if (name.own.RootDirectory)
            buf_add(real, STR(u"\\Device\\NamedPipe\\"));
        buf_add(real, (struct str){(const char16 *)name.own_name.Buffer, name.own_name.Length / sizeof(char16)});
        status = real->overflow ? STATUS_NAME_TOO_LONG : STATUS_SUCCESS;
    }
    scratch_give(work);
    return status;
}

/* A question about a name, to be put to the system. */
struct question {
    NTSTATUS (*ask)(const struct question *question, OBJECT_ATTRIBUTES *attributes);
    void *information;
    /* in the answer; NULL: not known where */
    const LARGE_INTEGER *write_time;
    ULONG *file_attributes;
    IO_STATUS_BLOCK *io;
    ULONG length;
    FILE_INFORMATION_CLASS class;
};

struct resolved {
    struct file_memory *memory;
    struct file_name name;
    struct map_place place;
    struct strbuf real; /* the NT path to ask */
    HANDLE kept;        /* see name_decode_kept */
};

/* STATUS_REPARSE: no file, ask by what the program said. */
static NTSTATUS resolve_query(OBJECT_ATTRIBUTES *attributes, struct resolved *r)
{
    NTSTATUS status = r->kept ? name_decode(attributes, 0, r->memory, &r->name)
                              : name_decode_kept(attributes, 0, r->memory, &r->name, &r->kept);
    if (status < 0)
        return status;
    r->place = (struct map_place){0};
    if (r->name.kind != NAME_FILE)
        return pipe_query(attributes, r->memory, &r->real);
    if (pipe_of_machine(buf_str(&r->name.path)))
        return log_refusal("pipe by way of the network", buf_str(&r->name.path), STATUS_BAD_NETWORK_PATH);
    status = file_resolve(&r->name, r->memory, &r->place);
    if (status < 0)
        return status;
    if (r->place.hidden)
        return log_refusal("FVM's own files", buf_str(&r->name.path), STATUS_OBJECT_NAME_NOT_FOUND);
    buf_init(&r->real, r->memory->real, PATH_UNITS);
    file_real_path(&r->name, &r->place, false, &r->real);
    if (r->name.trailing && r->real.len && r->real.s[r->real.len - 1] != '\\')
        buf_add_char(&r->real, '\\');
    return r->real.overflow ? STATUS_NAME_TOO_LONG : STATUS_SUCCESS;
}

/* Whether what the host answered is out of date, since the VM changed the file by another of its names. */
static bool is_alias(const struct question *q, struct resolved *r, NTSTATUS status)
{
    LARGE_INTEGER time;
    if (status < 0 || !r->place.has_lower || !map_origins(layer_map(&layer.files)))
        return false;
    if (q->write_time && guard_read(&time, q->write_time, sizeof(time)) &&
        !map_maybe_origin(layer_map(&layer.files), (uint64_t)time.QuadPart))
        return false;
    FILE_NETWORK_OPEN_INFORMATION open;
    struct path_attributes at = path_attributes(buf_str(&r->real));
    if (nt.NtQueryFullAttributesFile(path_object(&at), &open) < 0 ||
        !map_maybe_same(layer_map(&layer.files), (uint64_t)open.LastWriteTime.QuadPart,
                        (uint64_t)open.EndOfFile.QuadPart))
        return false;
    return file_alias_of(&r->name, r->memory, &r->place);
}

/* The attributes by name of a link to a directory say so. */
static void show_link(const struct question *q, const OBJECT_ATTRIBUTES *attributes, struct resolved *r)
{
    FILE_BASIC_INFORMATION link;
    ULONG shown;
    struct map_place *place = &r->place;
    if (!q->file_attributes || name_decode(attributes, 0, r->memory, &r->name) < 0 ||
        !map_resolve(layer_map(&layer.files), buf_str(&r->name.path), place) || !place->link || !place->has_lower ||
        place->link_rest < r->name.path.len)
        return;
    buf_init(&r->real, r->memory->real, PATH_UNITS);
    file_lower_path(&r->name, place, &r->real);
    struct path_attributes at = path_attributes(buf_str(&r->real));
    if (nt.NtQueryAttributesFile(path_object(&at), &link) < 0 ||
        !(link.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) || !guard_read(&shown, q->file_attributes, sizeof(shown)))
        return;
    shown |= FILE_ATTRIBUTE_REPARSE_POINT;
    guard_write(q->file_attributes, &shown, sizeof(shown));
}

static NTSTATUS query_by_name(const struct question *q, const OBJECT_ATTRIBUTES *program)
{
    struct said_file *memory = scratch_take();
    struct resolved r = {.memory = &memory->files};
    OBJECT_ATTRIBUTES *attributes = &memory->said.attributes;
    NTSTATUS status = STATUS_ACCESS_VIOLATION;
    if (said_read_all(program, &memory->said, memory->text)) {
        do {
            status = resolve_query(attributes, &r);
            if (status == STATUS_REPARSE)
                status = q->ask(q, attributes);
            else if (status >= 0) {
                struct path_attributes at = path_attributes(buf_str(&r.real));
                status = q->ask(q, path_object(&at));
            }
        } while (is_alias(q, &r, status));
        if (status >= 0 && status != STATUS_REPARSE && r.name.linked)
            show_link(q, attributes, &r);
    }
    name_let_go(r.kept);
    scratch_give(memory);
    return status;
}

static NTSTATUS ask_attributes(const struct question *q, OBJECT_ATTRIBUTES *attributes)
{
    return nt.NtQueryAttributesFile(attributes, q->information);
}

NTSTATUS NTAPI fvm_NtQueryAttributesFile(const OBJECT_ATTRIBUTES *attributes, FILE_BASIC_INFORMATION *information)
{
    struct question question = {
        .ask = ask_attributes,
        .information = information,
        .write_time = &information->LastWriteTime,
        .file_attributes = &information->FileAttributes,
    };
    layer_attach();
    return query_by_name(&question, attributes);
}

static NTSTATUS ask_full_attributes(const struct question *q, OBJECT_ATTRIBUTES *attributes)
{
    return nt.NtQueryFullAttributesFile(attributes, q->information);
}

NTSTATUS NTAPI fvm_NtQueryFullAttributesFile(const OBJECT_ATTRIBUTES *attributes,
                                             FILE_NETWORK_OPEN_INFORMATION *information)
{
    struct question question = {
        .ask = ask_full_attributes,
        .information = information,
        .write_time = &information->LastWriteTime,
        .file_attributes = &information->FileAttributes,
    };
    layer_attach();
    return query_by_name(&question, attributes);
}

static NTSTATUS ask_by_name(const struct question *q, OBJECT_ATTRIBUTES *attributes)
{
    return nt.NtQueryInformationByName(attributes, q->io, q->information, q->length, q->class);
}

NTSTATUS NTAPI fvm_NtQueryInformationByName(OBJECT_ATTRIBUTES *attributes, IO_STATUS_BLOCK *io, void *information,
                                            ULONG length, FILE_INFORMATION_CLASS class)
{
    struct question question = {
        .ask = ask_by_name, .information = information, .io = io, .length = length, .class = class};
    layer_attach();
    return query_by_name(&question, attributes);
}

/* ---- by handle ---- */

/* The name as FileNameInformation has it: without the drive. */
static struct str name_on_volume(struct strbuf *vm_path, struct file_memory *memory)
{
    struct strbuf name;
    struct str path = buf_str(vm_path);
    buf_init(&name, memory->more, PATH_UNITS);
    buf_add_char(&name, '\\');
    buf_add(&name, path_rest(path));
    return buf_str(&name);
}

/* Writes { ULONG length; WCHAR name[] } at `at` bytes of the program's buffer, as much as fits. */
static NTSTATUS put_name(void *information, ULONG length, ULONG at, struct str name, IO_STATUS_BLOCK *io)
{
    ULONG bytes = (ULONG)(name.len * sizeof(char16)), room = length - at - (ULONG)sizeof(ULONG);
    ULONG copied = bytes < room ? bytes : room;
    IO_STATUS_BLOCK result = {.Status = copied < bytes ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS,
                              .Information = at + sizeof(ULONG) + copied};
    if (!guard_write((uint8_t *)information + at, &bytes, sizeof(bytes)) ||
        !guard_write((uint8_t *)information + at + sizeof(ULONG), name.s, copied) ||
        !guard_write(io, &result, sizeof(result)))
        return STATUS_ACCESS_VIOLATION;
    return result.Status;
}

/* A copy keeps the file id of its original. */
static bool original_id(struct str vm_path, uint64_t *id)
{
    struct map_place place = {0};
    bool found =
        map_resolve(layer_map(&layer.files), vm_path, &place) && place.kind != MAP_NONE && place.origin.file_id;
    *id = place.origin.file_id;
    return found;
}

/* In what the system answers to FileAllInformation. */
static void correct_id(uint8_t *all, struct str vm_path, bool in_storage)
{
    uint64_t id;
    if (in_storage && original_id(vm_path, &id))
        mem_copy(all + offsetof(FILE_ALL_INFORMATION, InternalInformation), &id, sizeof(id));
}

/* Of an answer that has all of the name. */
static bool answer_is_same(const uint8_t *system, ULONG at, NTSTATUS status)
{
    const FILE_NAME_INFORMATION *name = (const FILE_NAME_INFORMATION *)(system + at);
    return status == STATUS_SUCCESS &&
           name_is_same((struct str){(const char16 *)name->FileName, name->FileNameLength / sizeof(char16)});
}

static NTSTATUS query_name(HANDLE file, IO_STATUS_BLOCK *io, void *information, ULONG length,
                           FILE_INFORMATION_CLASS class)
{
    /* The name is the last member, behind what the system fills in. */
    ULONG at = class == FileAllInformation ? (ULONG)offsetof(FILE_ALL_INFORMATION, NameInformation) : 0;
    struct file_memory *memory = scratch_take();
    uint8_t *system = (uint8_t *)memory->work; /* not the program's buffer: the name may be one that it must not see */
    ULONG asked = length < sizeof(memory->work) ? length : (ULONG)sizeof(memory->work);
    struct strbuf vm_path;
    struct str shown;
    bool in_storage;
    IO_STATUS_BLOCK result;
    NTSTATUS status = nt.NtQueryInformationFile(file, io, system, asked, class);
    buf_init(&vm_path, memory->name, PATH_UNITS);
    if (length < at + sizeof(FILE_NAME_INFORMATION) || (status < 0 && status != STATUS_BUFFER_OVERFLOW)) {
        scratch_give(memory); /* a disconnected pipe, for one: Wine 8's server must not be asked for its object name */
        return status;
    }
    bool pipe = pipe_file_name(file, system + at, asked - at, memory->real, &shown);
    if (!pipe && (answer_is_same(system, at, status) || !name_differs(file, &vm_path, &in_storage))) {
        if (!guard_read(&result, io, sizeof(result)) || !guard_write(information, system, result.Information))
            status = STATUS_ACCESS_VIOLATION;
    } else {
        if (!pipe) {
            shown = name_on_volume(&vm_path, memory);
            if (at)
                correct_id(system, buf_str(&vm_path), in_storage);
        }
        status = guard_write(information, system, at) ? put_name(information, length, at, shown, io)
                                                      : STATUS_ACCESS_VIOLATION;
    }
    scratch_give(memory);
    return status;
}

static NTSTATUS query_id(HANDLE file, IO_STATUS_BLOCK *io, void *information, ULONG length,
                         FILE_INFORMATION_CLASS class, ULONG at)
{
    NTSTATUS status = nt.NtQueryInformationFile(file, io, information, length, class);
    struct strbuf vm_path;
    uint64_t id;
    bool in_storage;
    if (status < 0 || map_untouched(layer_map(&layer.files)))
        return status;
    char16 *memory = scratch_take();
    buf_init(&vm_path, memory, PATH_UNITS);
    if (name_of_handle(file, &vm_path, &in_storage) && in_storage && original_id(buf_str(&vm_path), &id) &&
        !guard_write((uint8_t *)information + at, &id, sizeof(id)))
        status = STATUS_ACCESS_VIOLATION;
    scratch_give(memory);
    return status;
}

/* A handle that was opened before the VM copied the file still has the host's; times and attributes are the copy's. */
static void correct_times(HANDLE file, struct file_memory *memory, uint8_t *information, ULONG attributes_at)
{
    struct file_name name = name_on(memory);
    struct map_place place;
    struct strbuf real;
    FILE_NETWORK_OPEN_INFORMATION now;
    bool in_storage;
    if (!name_of_handle(file, &name.path, &in_storage) || in_storage || file_resolve(&name, memory, &place) < 0 ||
        !place.in_storage)
        return;
    buf_init(&real, memory->real, PATH_UNITS);
    name_storage(buf_str(&name.path), &real);
    struct path_attributes at = path_attributes(buf_str(&real));
    if (nt.NtQueryFullAttributesFile(path_object(&at), &now) < 0)
        return;
    guard_write(information, &now.CreationTime, offsetof(FILE_NETWORK_OPEN_INFORMATION, AllocationSize));
    guard_write(information + attributes_at, &now.FileAttributes, sizeof(now.FileAttributes));
}

/* The information begins with the four times. */
static NTSTATUS query_times(HANDLE file, NTSTATUS status, void *information, ULONG attributes_at)
{
    enum { WRITE_TIME_AT = offsetof(FILE_BASIC_INFORMATION, LastWriteTime) };
    uint64_t time;
    if ((status < 0 && status != STATUS_BUFFER_OVERFLOW) || !map_origins(layer_map(&layer.files)) ||
        !guard_read(&time, (uint8_t *)information + WRITE_TIME_AT, sizeof(time)) ||
        !map_maybe_origin(layer_map(&layer.files), time) || pipe_is_disconnected(file))
        return status;
    struct file_memory *memory = scratch_take();
    correct_times(file, memory, information, attributes_at);
    scratch_give(memory);
    return status;
}

NTSTATUS NTAPI fvm_NtQueryInformationFile(HANDLE file, IO_STATUS_BLOCK *io, void *information, ULONG length,
                                          FILE_INFORMATION_CLASS class)
{
    enum {
        BASIC_ATTRIBUTES_AT = offsetof(FILE_BASIC_INFORMATION, FileAttributes),
        OPEN_ATTRIBUTES_AT = offsetof(FILE_NETWORK_OPEN_INFORMATION, FileAttributes)
    };
    file = handle_seen(file);
    switch ((int)class) {
    case FileNameInformation:
    case FileNormalizedNameInformation:
        layer_attach();
        return query_name(file, io, information, length, class);
    case FileAllInformation:
        layer_attach();
        return query_times(file, query_name(file, io, information, length, class), information, BASIC_ATTRIBUTES_AT);
    case FileBasicInformation:
    case FileNetworkOpenInformation:
        layer_attach();
        return query_times(file, nt.NtQueryInformationFile(file, io, information, length, class), information,
                           class == FileBasicInformation ? BASIC_ATTRIBUTES_AT : OPEN_ATTRIBUTES_AT);
    case FileInternalInformation:
        layer_attach();
        return query_id(file, io, information, length, class, 0);
    case FileIdInformationClass:
        layer_attach();
        return query_id(file, io, information, length, class, offsetof(FVM_FILE_ID_INFORMATION, FileId));
    case FileStatInformationClass: /* begins with the id */
        layer_attach();
        return query_id(file, io, information, length, class, 0);
    default:
        return nt.NtQueryInformationFile(file, io, information, length, class);
    }
}

/* ---- names of objects and of mapped files ---- */

bool name_show(struct str system_name, struct file_memory *memory, struct strbuf *out)
{
    struct file_name name = name_on(memory);
    buf_init(out, memory->more, PATH_UNITS);
    if (key_show_name(system_name, out))
        return true;
    if (name_decode_absolute(system_name, &name) < 0 || name.kind != NAME_FILE)
        return false;
    struct str host = buf_str(&name.path);
    struct strbuf vm_path;
    buf_init(&vm_path, memory->real, PATH_UNITS);
    if (path_under_fold(layer.up, host, layer.storage) && host.len > layer.storage.len)
        buf_add(&vm_path, str_from(host, layer.storage.len + 1));
    else if (!map_reverse(layer_map(&layer.files), host, &vm_path))
        return false;
    struct str path = buf_str(&vm_path), drive = path_first(path);
    buf_init(out, memory->more, PATH_UNITS);
    unsigned letter = drive.len == 1 ? (unsigned)(upcase_of(layer.up, drive.s[0]) - 'A') : VM_DRIVES;
    if (letter < VM_DRIVES && layer.vm->drive_device[letter].len) {
        buf_add(out, (struct str){layer.vm->drive_device[letter].s, layer.vm->drive_device[letter].len});
        buf_add_char(out, '\\');
        buf_add(out, path_rest(path));
    } else
        name_host(path, out);
    return buf_terminate(out);
}

NTSTATUS name_put(void *information, SIZE_T length, struct str name, SIZE_T *needed)
{
    SIZE_T bytes = name.len * sizeof(char16);
    char16 *text = (char16 *)((UNICODE_STRING *)information + 1);
    UNICODE_STRING string = {(USHORT)bytes, (USHORT)(bytes + sizeof(char16)), (WCHAR *)text}, none = {0};
    *needed = sizeof(string) + bytes + sizeof(char16);
    if (!name.len) {
        *needed = sizeof(none);
        if (length < sizeof(none))
            return STATUS_INFO_LENGTH_MISMATCH;
        return guard_write(information, &none, sizeof(none)) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
    }
    if (length < *needed)
        return length < sizeof(string) ? STATUS_INFO_LENGTH_MISMATCH : STATUS_BUFFER_OVERFLOW;
    return guard_write(text, name.s, bytes + sizeof(char16)) && guard_write(information, &string, sizeof(string))
               ? STATUS_SUCCESS
               : STATUS_ACCESS_VIOLATION;
}

static bool own_name(const UNICODE_STRING *system_name, struct file_memory *memory, struct strbuf *out)
{
    struct str name = {(const char16 *)system_name->Buffer, system_name->Length / sizeof(char16)}, own;
    if (object_is_layers(name)) {
        buf_init(out, memory->more, PATH_UNITS);
        return true;
    }
    if (object_show(name, &own)) {
        buf_init(out, memory->more, PATH_UNITS);
        buf_add(out, own.len ? own : STR(u"\\"));
        return buf_terminate(out);
    }
    buf_init(out, memory->more, PATH_UNITS);
    if (pipe_show(name, out))
        return true;
    return name.len && name_show(name, memory, out);
}

NTSTATUS NTAPI fvm_NtQueryObject(HANDLE handle, OBJECT_INFORMATION_CLASS class, void *information, ULONG length,
                                 ULONG *return_length)
{
    handle = handle_seen(handle);
    if ((int)class != ObjectNameInformationClass)
        return nt.NtQueryObject(handle, class, information, length, return_length);
    layer_attach();
    struct file_memory *memory = scratch_take();
    UNICODE_STRING *own = (UNICODE_STRING *)memory->work;
    struct strbuf name;
    SIZE_T needed = 0;
    ULONG ignored;
    NTSTATUS status = nt.NtQueryObject(handle, class, own, sizeof(memory->work), &ignored);
    if (status >= 0 && key_deleted_here(handle, (struct str){own->Buffer, own->Length / sizeof(char16)}))
        status = STATUS_KEY_DELETED;
    else if (status < 0 || !own_name(own, memory, &name))
        status = nt.NtQueryObject(handle, class, information, length, return_length);
    else {
        status = name_put(information, length, buf_str(&name), &needed);
        ULONG reported = (ULONG)needed;
        if (return_length && !guard_write(return_length, &reported, sizeof(reported)))
            status = STATUS_ACCESS_VIOLATION;
        if (status == STATUS_BUFFER_OVERFLOW) { /* the system's name is longer: it says how it calls that */
            NTSTATUS system = nt.NtQueryObject(handle, class, information, length, NULL);
            status = system < 0 ? system : status;
        }
    }
    scratch_give(memory);
    return status;
}

NTSTATUS NTAPI fvm_NtQueryVirtualMemory(HANDLE process, const void *address, ULONG class, void *information,
                                        SIZE_T length, SIZE_T *return_length)
{
    enum { MemoryMappedFilenameInformationClass = 2 };
    if (class != MemoryMappedFilenameInformationClass)
        return nt.NtQueryVirtualMemory(process, address, class, information, length, return_length);
    layer_attach();
    struct file_memory *memory = scratch_take();
    UNICODE_STRING *own = (UNICODE_STRING *)memory->work;
    struct strbuf name;
    SIZE_T needed = 0;
    NTSTATUS status = nt.NtQueryVirtualMemory(process, address, class, own, sizeof(memory->work), &needed);
    if (status < 0 || !own_name(own, memory, &name))
        status = nt.NtQueryVirtualMemory(process, address, class, information, length, return_length);
    else {
        status = name_put(information, length, buf_str(&name), &needed);
        if (return_length && !guard_write(return_length, &needed, sizeof(needed)))
            status = STATUS_ACCESS_VIOLATION;
    }
    scratch_give(memory);
    return status;
}
