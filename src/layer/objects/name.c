/* The resolver of object names. The system gets the program's own characters, without the first backslash, relative to the VM's root.
 * What a VM shares of the system's names (system.def, and the links that make up \??) is not in the VM's root: an absolute name
 * of it is the system's as it is, and any other spelling is found when the VM has no such name (object_shared). */
#include "layer/handles.h"
#include "layer/objects/objects.h"

#include <stdatomic.h>

static const char16 *const system_directories[] = {
#define SYSTEM_DIRECTORY(name) name,
#include "layer/objects/system.def"
#undef SYSTEM_DIRECTORY
};

struct str object_root(void)
{
    uint32_t len = layer.vm->objects.len;
    return (struct str){layer.vm->objects.s, len <= VM_PATH_MAX ? len : 0};
}

bool object_show(struct str system_name, struct str *own)
{
    struct str root = object_root();
    if (!root.len || !str_prefix_fold(layer.up, system_name, root) ||
        (system_name.len > root.len && system_name.s[root.len] != '\\'))
        return false;
    *own = str_from(system_name, root.len);
    return true;
}

bool object_is_layers(struct str system_name)
{
    struct str root = object_root();
    return root.len && str_prefix_fold(layer.up, system_name, root) && system_name.len > root.len &&
           system_name.s[root.len] == '.';
}

bool object_is_first(HANDLE handle)
{
    char16 *memory = scratch_take();
    struct str text, own;
    bool is = handle_text(handle, HANDLE_TYPE, memory, SCRATCH_SIZE, &text) >= 0 && !str_equal(text, STR(u"File")) &&
              handle_text(handle, HANDLE_NAME, memory, SCRATCH_SIZE, &text) >= 0 &&
              (object_is_layers(text) || (object_show(text, &own) && !own.len));
    scratch_give(memory);
    return is;
}

static bool is_number(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.s[i] < '0' || s.s[i] > '9')
            return false;
    return s.len > 0;
}

/* Both without a backslash in front; a # of the pattern is any number. */
static bool is_under(struct str path, struct str pattern)
{
    for (; pattern.len; pattern = path_rest(pattern), path = path_rest(path)) {
        struct str first = path_first(path), wanted = path_first(pattern);
        if (!str_equal_fold(layer.up, first, wanted) && !(str_equal(wanted, STR(u"#")) && is_number(first)))
            return false;
    }
    return true;
}

/* `path` without a backslash in front. */
static bool in_system_directory(struct str path)
{
    for (size_t i = 0; i < sizeof(system_directories) / sizeof(system_directories[0]); i++)
        if (is_under(path, str_of(system_directories[i])))
            return true;
    return false;
}

/* The absolute name of a directory, outside the VM, that programs of the host name their objects in. */
static bool is_hosts(struct str name)
{
    static const struct str directories[] = {{u"BaseNamedObjects", 16}, {u"Sessions", 8}, {u"RPC Control", 11}};
    struct str own, path = str_from(name, 1);
    if (!name.len || name.s[0] != '\\' || object_show(name, &own) || in_system_directory(path))
        return false;
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
        if (str_equal_fold(layer.up, path_first(path), directories[i]))
            return true;
    return false;
}

/* The absolute name of a directory that is not the VM's own. An unnamed one is nobody's but who has its handle. */
static bool is_foreign(struct str name)
{
    struct str own;
    return name.len && name.s[0] == '\\' && !object_show(name, &own) &&
           (in_system_directory(str_from(name, 1)) || is_hosts(name));
}

static bool foreign_directory(HANDLE directory, char16 *memory, struct str *name)
{
    return handle_text(directory, HANDLE_NAME, memory, SCRATCH_SIZE, name) >= 0 && is_foreign(*name);
}

static _Atomic uint32_t *directories_opened(void)
{
    return (_Atomic uint32_t *)&((struct vm_shared *)layer.vm)->system_directories;
}

NTSTATUS object_directory_opened(HANDLE directory)
{
    struct str name;
    NTSTATUS status = STATUS_SUCCESS;
    char16 *memory = scratch_take();
    if (foreign_directory(directory, memory, &name)) {
        atomic_store(directories_opened(), 1);
        if (is_hosts(name))
            status = log_refusal("directory of the host's objects", name, STATUS_ACCESS_DENIED);
    }
    scratch_give(memory);
    return status;
}

/* Only when some program of the VM has a directory of the system: is it this one? */
static NTSTATUS check_directory(HANDLE directory)
{
    struct str name;
    NTSTATUS status = STATUS_SUCCESS;
    if (!atomic_load_explicit(directories_opened(), memory_order_relaxed))
        return status;
    char16 *memory = scratch_take();
    if (foreign_directory(directory, memory, &name))
        status = log_refusal("creating an object in a directory of the system", name, STATUS_ACCESS_DENIED);
    scratch_give(memory);
    return status;
}

/* In a directory of the system. What the system would say before it looks at who asks comes first: that the name is taken, or leads
 * nowhere. To open what is there is for the services that open. */
static NTSTATUS refuse_creation(const OBJECT_ATTRIBUTES *at, struct str path)
{
    HANDLE link;
    NTSTATUS status = nt.NtOpenSymbolicLinkObject(&link, SYMBOLIC_LINK_QUERY, at);
    if (status >= 0)
        nt.NtClose(link);
    bool taken = status >= 0 || status == STATUS_OBJECT_TYPE_MISMATCH || status == STATUS_ACCESS_DENIED;
    if (taken && !(at->Attributes & OBJ_OPENIF))
        return STATUS_OBJECT_NAME_COLLISION;
    if (!taken && status != STATUS_OBJECT_NAME_NOT_FOUND)
        return status;
    return log_refusal("creating an object in a directory of the system", path, STATUS_ACCESS_DENIED);
}

/* An absolute name: relative to the VM's root, or the copy of a name of the system. */
static NTSTATUS resolve_absolute(enum object_use use, struct object_name *name, struct str path)
{
    if (use != OBJECT_OPEN &&
        name->said.name.Length == sizeof(char16)) /* the root; relative, an object without a name */
        return name->said.attributes.Attributes & OBJ_OPENIF ? STATUS_OBJECT_TYPE_MISMATCH
                                                             : STATUS_OBJECT_NAME_COLLISION;
    if (!in_system_directory(path)) {
        name->own_root = true;
        name->said.name.Buffer++;
        name->said.name.Length -= sizeof(char16);
        name->said.name.MaximumLength -= sizeof(char16);
        name->said.attributes.RootDirectory = layer.objects;
        return STATUS_SUCCESS;
    }
    if (name->said.name.Length > sizeof(name->text))
        return log_refusal("name in a directory of the system that is too long", str_head(path, LOGGED_UNITS),
                           STATUS_NAME_TOO_LONG);
    name->said.name.Buffer = (WCHAR *)name->text;
    return use == OBJECT_OPEN ? STATUS_SUCCESS : refuse_creation(&name->said.attributes, path);
}

/* Not a failure: Windows refuses this to ordinary users, and Wine to nobody, so programs there do not expect it. */
void object_make_temporary(OBJECT_ATTRIBUTES *attributes)
{
    if (!(attributes->Attributes & OBJ_PERMANENT))
        return;
    attributes->Attributes &= ~(ULONG)OBJ_PERMANENT;
    log_refusal("making an object permanent", (struct str){0}, STATUS_SUCCESS);
}

/* An absolute name, of one component in \?? by either of its names. */
static bool is_dos_device(const struct object_name *name)
{
    struct str path = {name->text, name->said.name.Length / sizeof(char16)};
    if (name->said.attributes.RootDirectory || !name->said.attributes.ObjectName ||
        name->said.name.Length > sizeof(name->text) || !path.len || path.s[0] != '\\')
        return false;
    struct str first = path_first(str_from(path, 1)), leaf = path_rest(str_from(path, 1));
    return (str_equal(first, STR(u"??")) || str_equal_fold(layer.up, first, STR(u"DosDevices"))) && leaf.len &&
           str_find(leaf, '\\') == leaf.len;
}

/* Bytes of an absolute name that there is room for. */
static USHORT bytes_read(const struct object_name *name)
{
    return name->said.name.Length < sizeof(name->text) ? name->said.name.Length : (USHORT)sizeof(name->text);
}

static bool read_said(struct object_name *name, const OBJECT_ATTRIBUTES *program)
{
    struct said *said = &name->said;
    if (!said_read(program, said))
        return false;
    if (!said->attributes.ObjectName || said->attributes.RootDirectory ||
        guard_read(name->text, said->name.Buffer, bytes_read(name)))
        return true;
    said_unreadable(said);
    return false;
}

NTSTATUS object_resolve(const OBJECT_ATTRIBUTES *program, enum object_use use, struct object_name *name,
                        OBJECT_ATTRIBUTES **resolved)
{
    layer_attach();
    name->own_root = false;
    *resolved = program ? &name->said.attributes : NULL;
    if (!program || !read_said(name, program))
        return STATUS_SUCCESS;
    if (use != OBJECT_OPEN && !(use == OBJECT_CREATE_LINK && is_dos_device(name)))
        object_make_temporary(&name->said.attributes);
    if (name->said.attributes.RootDirectory) {
        name->said.attributes.RootDirectory = handle_used(name->said.attributes.RootDirectory);
        return use == OBJECT_OPEN ? STATUS_SUCCESS : check_directory(name->said.attributes.RootDirectory);
    }
    if (!name->said.attributes.ObjectName)
        return STATUS_SUCCESS;
    USHORT bytes = bytes_read(name);
    size_t known = bytes / sizeof(char16);
    if (known && name->text[0] == '\\' && (known == 1 || name->text[1] != '\\'))
        return resolve_absolute(use, name, (struct str){name->text + 1, known - 1});
    /* No name: its first characters say so. */
    name->said.name.Length = bytes;
    if (name->said.name.Buffer)
        name->said.name.Buffer = (WCHAR *)name->text;
    return STATUS_SUCCESS;
}

NTSTATUS object_give(HANDLE *to, HANDLE made, const OBJECT_ATTRIBUTES *at, bool changes, NTSTATUS status)
{
    struct str name;
    bool relative = at && at->RootDirectory && at->RootDirectory != layer.objects;
    if (status >= 0 && changes && relative && atomic_load_explicit(directories_opened(), memory_order_relaxed)) {
        char16 *memory = scratch_take();
        if (foreign_directory(made, memory, &name)) {
            nt.NtClose(made);
            made = NULL;
            status = log_refusal("changing an object of the system", name, STATUS_ACCESS_DENIED);
        }
        scratch_give(memory);
    }
    if (guard_write(to, &made, sizeof(made)))
        return status;
    if (status >= 0)
        nt.NtClose(made);
    return STATUS_ACCESS_VIOLATION;
}

/* In every type of object that is not a directory, the second bit is for changing it: set, release, write, wake. */
enum { MODIFY = 2, EXTEND_SIZE = 0x10 };
#define EVERYTHING (MAXIMUM_ALLOWED | GENERIC_ALL)

static ACCESS_MASK changing_access(bool directory)
{
    return DELETE | WRITE_DAC | WRITE_OWNER | (directory ? 0 : GENERIC_WRITE | MODIFY | EXTEND_SIZE);
}

static bool is_systems(const OBJECT_ATTRIBUTES *at, char16 *memory, struct str *name)
{
    if (!at || at->RootDirectory == layer.objects)
        return false;
    if (at->RootDirectory)
        return atomic_load_explicit(directories_opened(), memory_order_relaxed) &&
               foreign_directory(at->RootDirectory, memory, name);
    if (!at->ObjectName || at->ObjectName->Length < sizeof(char16) || (uintptr_t)at->ObjectName->Buffer >= UNREADABLE)
        return false;
    *name = (struct str){(const char16 *)at->ObjectName->Buffer + 1, at->ObjectName->Length / sizeof(char16) - 1};
    return in_system_directory(*name) || str_equal(path_first(*name), STR(u"??"));
}

void object_log_less(ACCESS_MASK asked, bool directory, struct str name)
{
    if (asked & (changing_access(directory) | GENERIC_ALL))
        log_refusal("changing an object of the system", name, STATUS_SUCCESS);
}

NTSTATUS object_limit(const OBJECT_ATTRIBUTES *at, bool directory, ACCESS_MASK *access)
{
    ACCESS_MASK changes = changing_access(directory), everything = EVERYTHING;
    struct str name;
    NTSTATUS status = STATUS_SUCCESS;
    if (!(*access & (changes | everything)))
        return status;
    char16 *memory = scratch_take();
    if (is_systems(at, memory, &name)) {
        if (*access & everything) {
            object_log_less(*access, directory, name);
            *access = (*access & ~(everything | changes)) | GENERIC_READ | GENERIC_EXECUTE;
        } else
            status = log_refusal("changing an object of the system", name, STATUS_ACCESS_DENIED);
    }
    scratch_give(memory);
    return status;
}

/* As for a user without the privilege, whom Windows refuses it. */
NTSTATUS NTAPI fvm_NtMakePermanentObject(HANDLE unused)
{
    (void)unused;
    layer_attach();
    return log_refusal("making an object permanent", (struct str){0}, STATUS_PRIVILEGE_NOT_HELD);
}

/* A handle for any access will do for this on Wine. */
NTSTATUS NTAPI fvm_NtMakeTemporaryObject(HANDLE handle)
{
    struct str name, own;
    HANDLE kept;
    layer_attach();
    NTSTATUS status = handle_keep(handle, &kept);
    if (status < 0)
        return status;
    void *memory = scratch_take();
    status = handle_text(kept, HANDLE_NAME, memory, SCRATCH_SIZE, &name);
    if (status >= 0)
        status = !name.len || object_show(name, &own)
                     ? nt.NtMakeTemporaryObject(kept)
                     : log_refusal("changing an object of the system", name, STATUS_ACCESS_DENIED);
    scratch_give(memory);
    nt.NtClose(kept);
    return status;
}

/* ---- following names that are not for the object services ---- */

#define LINKS_MAX 64 /* one after the other; more lead nowhere */
#define NAME_MAX (SCRATCH_SIZE / sizeof(char16) / 4)

static bool is_directory(HANDLE handle, char16 *memory)
{
    struct str type;
    return handle_text(handle, HANDLE_TYPE, memory, SCRATCH_SIZE / 4, &type) >= 0 && str_equal(type, STR(u"Directory"));
}

/* Replaces the first component that is a link of the VM by its target; returns what object_follow does. */
static NTSTATUS follow_one(struct strbuf *name, char16 *memory)
{
    for (size_t end = 1; end <= name->len; end++) {
        if (end < name->len && name->s[end] != '\\')
            continue;
        struct str prefix = {name->s + 1, end - 1}, own;
        struct path_attributes at = path_attributes(prefix);
        UNICODE_STRING target = {0, UNICODE_STRING_MAX_BYTES, (WCHAR *)memory};
        ULONG length;
        HANDLE link;
        path_object(&at)->RootDirectory = layer.objects;
        NTSTATUS status = nt.NtOpenSymbolicLinkObject(&link, SYMBOLIC_LINK_QUERY, path_object(&at));
        if (status == STATUS_OBJECT_TYPE_MISMATCH)
            continue;
        if (status < 0)
            return STATUS_SUCCESS;
        status = nt.NtQuerySymbolicLinkObject(link, &target, &length);
        nt.NtClose(link);
        if (status < 0)
            return status;
        struct strbuf followed;
        buf_init(&followed, memory, UNICODE_STRING_MAX_CHARS);
        followed.len = target.Length / sizeof(char16);
        buf_add(&followed, str_from(buf_str(name), end));
        bool overflow = followed.overflow;
        buf_set(name, object_show(buf_str(&followed), &own) ? own : buf_str(&followed));
        return overflow || name->overflow ? STATUS_NAME_TOO_LONG : STATUS_REPARSE;
    }
    return STATUS_SUCCESS;
}

NTSTATUS object_follow(HANDLE directory, struct str program_name, char16 *memory, struct str *name)
{
    char16 *work = memory + 2 * NAME_MAX;
    struct strbuf b;
    struct str own;
    NTSTATUS status = STATUS_REPARSE, result = STATUS_SUCCESS;
    buf_init(&b, memory, NAME_MAX);
    if (directory) {
        struct str system;
        if (!is_directory(directory, work) || handle_text(directory, HANDLE_NAME, work, SCRATCH_SIZE / 4, &system) < 0)
            return STATUS_SUCCESS;
        buf_add(&b, object_show(system, &own) ? own : system);
        if (b.len != 1) /* the root ends with its backslash */
            buf_add_char(&b, '\\');
        result = STATUS_REPARSE;
    }
    buf_add(&b, program_name);
    if (b.overflow)
        status = STATUS_NAME_TOO_LONG;
    for (int i = 0; status == STATUS_REPARSE; i++) {
        status = i < LINKS_MAX ? follow_one(&b, work) : STATUS_NAME_TOO_LONG;
        if (status == STATUS_REPARSE)
            result = status;
    }
    if (status < 0)
        return log_refusal("name that cannot be followed", str_head(program_name, LOGGED_UNITS), status);
    *name = buf_str(&b);
    return b.len ? result : STATUS_SUCCESS;
}

/* ---- what a VM shares with the system ---- */

bool object_is_shared(struct str own_name)
{
    static const struct str own[] = {{u"GLOBALROOT", 10}, {u"Global", 6}}; /* links that would lead out */
    struct str path = str_from(own_name, 1), leaf = path_rest(path);
    if (!str_equal(path_first(path), STR(u"??")))
        return in_system_directory(path);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (str_equal_fold(layer.up, leaf, own[i]))
            return false;
    return leaf.len > 0 && str_find(leaf, '\\') == leaf.len;
}

bool object_shares_in(struct str own_name)
{
    if (!own_name.len || str_equal(own_name, STR(u"\\??")))
        return true;
    struct str path = str_from(own_name, 1);
    for (size_t i = 0; i < sizeof(system_directories) / sizeof(system_directories[0]); i++) {
        struct str above = path_parent(str_of(system_directories[i]));
        if (above.len && is_under(path, above) && !is_under(path_parent(path), above))
            return true;
    }
    return false;
}

/* Only such names are worth the questions that following them takes: by handle, or through a link of the VM's root. */
static bool may_be_shared(HANDLE directory, struct str name, bool link)
{
    if (directory)
        return link || in_system_directory(name);
    struct str first = path_first(str_from(name, 1));
    return str_equal(first, STR(u"??")) || str_equal_fold(layer.up, first, STR(u"DosDevices")) ||
           str_equal_fold(layer.up, first, STR(u"GLOBAL??"));
}

bool object_shared(const OBJECT_ATTRIBUTES *program, NTSTATUS status, bool link, struct object_shared *shared)
{
    if (status != STATUS_OBJECT_NAME_NOT_FOUND && status != STATUS_OBJECT_PATH_NOT_FOUND)
        return false;
    char16 *memory = scratch_take(), *spelled = memory + SCRATCH_SIZE / sizeof(char16) - SAID_UNITS;
    struct said *said = &shared->said;
    if (!said_read_all(program, said, spelled))
        goto no;
    struct str name = said_name(said);
    if (!name.len || !may_be_shared(said->attributes.RootDirectory, name, link))
        goto no;
    if (object_follow(said->attributes.RootDirectory, name, memory, &name) < 0 || !object_is_shared(name))
        goto no;
    USHORT bytes = (USHORT)(name.len * sizeof(char16));
    said->name = (UNICODE_STRING){bytes, bytes, (WCHAR *)name.s};
    said->attributes.RootDirectory = NULL;
    shared->memory = memory;
    return true;
no:
    scratch_give(memory);
    return false;
}

NTSTATUS object_open(object_service service, bool directory, HANDLE *handle, ACCESS_MASK access,
                     const OBJECT_ATTRIBUTES *attributes)
{
    struct object_name name;
    struct object_shared shared;
    OBJECT_ATTRIBUTES *at;
    HANDLE made;
    NTSTATUS status = object_resolve(attributes, OBJECT_OPEN, &name, &at);
    if (!guard_read(&made, handle, sizeof(made)))
        return STATUS_ACCESS_VIOLATION;
    if (status >= 0)
        status = object_limit(at, directory, &access);
    if (directory && status >= 0 && at && !at->RootDirectory)
        atomic_store(directories_opened(), 1); /* before there is a handle */
    if (status >= 0)
        status = service(&made, access, at);
    if (object_shared(attributes, status, false, &shared)) {
        status = object_limit(&shared.said.attributes, directory, &access);
        if (directory)
            atomic_store(directories_opened(), 1);
        if (status >= 0)
            status = service(&made, access, &shared.said.attributes);
        scratch_give(shared.memory);
    }
    return object_give(handle, made, at, access & (changing_access(directory) | EVERYTHING), status);
}
