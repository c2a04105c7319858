/* The resolver of object names. No copy of the name is made: the system gets the program's own, without its first backslash. */
#include "layer/objects/objects.h"

#include <stdatomic.h>

/* The longest component that is compared. */
#define COMPONENT_UNITS 32u

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

/* `path` without a backslash in front. */
static bool in_system_directory(struct str path)
{
    struct str first = path_first(path);
    for (size_t i = 0; i < sizeof(system_directories) / sizeof(system_directories[0]); i++)
        if (str_equal_fold(layer.up, first, str_of(system_directories[i])))
            return true;
    return false;
}

/* The absolute name of a directory that is not the VM's own. An unnamed one is nobody's but who has its handle. */
static bool is_foreign(struct str name)
{
    struct str own;
    return name.len && name.s[0] == '\\' && !object_show(name, &own) &&
           (in_system_directory(str_from(name, 1)) || str_prefix_fold(layer.up, name, STR(u"\\Sessions\\")));
}

static bool foreign_directory(HANDLE directory, char16 *memory, struct str *name)
{
    FVM_OBJECT_NAME_INFORMATION *information = (FVM_OBJECT_NAME_INFORMATION *)memory;
    ULONG length;
    if (nt.NtQueryObject(directory, (OBJECT_INFORMATION_CLASS)ObjectNameInformationClass, information, SCRATCH_SIZE,
                         &length) < 0)
        return false;
    *name = (struct str){(const char16 *)information->Name.Buffer, information->Name.Length / sizeof(char16)};
    return is_foreign(*name);
}

static _Atomic uint32_t *directories_opened(void)
{
    return (_Atomic uint32_t *)&((struct vm_shared *)layer.vm)->system_directories;
}

void object_directory_opened(HANDLE directory)
{
    if (atomic_load_explicit(directories_opened(), memory_order_relaxed))
        return;
    struct str name;
    char16 *memory = scratch_take();
    if (foreign_directory(directory, memory, &name))
        atomic_store(directories_opened(), 1);
    scratch_give(memory);
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

static NTSTATUS check_creation(const UNICODE_STRING *name)
{
    char16 memory[COMPONENT_UNITS];
    size_t len = name->Length / sizeof(char16);
    struct str path = {memory, len < COMPONENT_UNITS ? len : COMPONENT_UNITS};
    if (guard_read(memory, name->Buffer, path.len * sizeof(char16)) && in_system_directory(path))
        return log_refusal("creating an object in a directory of the system", path, STATUS_ACCESS_DENIED);
    return STATUS_SUCCESS;
}

NTSTATUS object_resolve(const OBJECT_ATTRIBUTES *program, enum object_use use, struct object_name *name,
                        OBJECT_ATTRIBUTES **resolved)
{
    char16 start[2] = {0};
    layer_attach();
    *resolved = (OBJECT_ATTRIBUTES *)program;
    if (!program || !guard_read(&name->attributes, program, sizeof(name->attributes)))
        return STATUS_SUCCESS;
    if (name->attributes.RootDirectory)
        return use == OBJECT_CREATE ? check_directory(name->attributes.RootDirectory) : STATUS_SUCCESS;
    if (!name->attributes.ObjectName || !guard_read(&name->name, name->attributes.ObjectName, sizeof(name->name)) ||
        name->name.Length < sizeof(char16) ||
        !guard_read(start, name->name.Buffer, name->name.Length < sizeof(start) ? sizeof(char16) : sizeof(start)) ||
        start[0] != '\\' || start[1] == '\\')
        return STATUS_SUCCESS;
    name->name.Buffer++;
    name->name.Length -= sizeof(char16);
    name->name.MaximumLength -= sizeof(char16);
    if (use == OBJECT_CREATE) {
        if (!name->name.Length) /* the root itself; an empty relative name would make an object without a name */
            return name->attributes.Attributes & OBJ_OPENIF ? STATUS_OBJECT_TYPE_MISMATCH
                                                            : STATUS_OBJECT_NAME_COLLISION;
        NTSTATUS status = check_creation(&name->name);
        if (status < 0)
            return status;
    }
    name->attributes.RootDirectory = layer.objects;
    name->attributes.ObjectName = &name->name;
    *resolved = &name->attributes;
    return STATUS_SUCCESS;
}

/* ---- following names that are not for the object services ---- */

#define LINKS_MAX 8 /* one after the other; the system allows more */
#define NAME_MAX (SCRATCH_SIZE / sizeof(char16) / 4)

static bool is_directory(HANDLE handle, char16 *memory)
{
    enum { ObjectTypeInformationClass = 2 };
    FVM_OBJECT_NAME_INFORMATION *information = (FVM_OBJECT_NAME_INFORMATION *)memory; /* begins with the type's name */
    ULONG length;
    return nt.NtQueryObject(handle, (OBJECT_INFORMATION_CLASS)ObjectTypeInformationClass, information, SCRATCH_SIZE / 4,
                            &length) >= 0 &&
           str_equal((struct str){(const char16 *)information->Name.Buffer, information->Name.Length / sizeof(char16)},
                     STR(u"Directory"));
}

/* Replaces the first component that is a link of the VM by its target. */
static bool follow_one(struct strbuf *name, char16 *memory)
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
            return false;
        status = nt.NtQuerySymbolicLinkObject(link, &target, &length);
        nt.NtClose(link);
        struct strbuf followed;
        buf_init(&followed, memory, UNICODE_STRING_MAX_CHARS);
        followed.len = target.Length / sizeof(char16);
        if (status < 0)
            return false;
        buf_add(&followed, str_from(buf_str(name), end));
        if (object_show(buf_str(&followed), &own))
            buf_set(name, own);
        else
            buf_set(name, buf_str(&followed));
        return !followed.overflow && !name->overflow;
    }
    return false;
}

bool object_follow(HANDLE directory, struct str program_name, char16 *memory, struct str *name)
{
    char16 *work = memory + 2 * NAME_MAX;
    struct strbuf b;
    struct str own;
    bool changed = false;
    buf_init(&b, memory, NAME_MAX);
    if (directory) {
        FVM_OBJECT_NAME_INFORMATION *information = (FVM_OBJECT_NAME_INFORMATION *)work;
        ULONG length;
        if (!is_directory(directory, work) ||
            nt.NtQueryObject(directory, (OBJECT_INFORMATION_CLASS)ObjectNameInformationClass, information,
                             SCRATCH_SIZE / 4, &length) < 0)
            return false;
        struct str system = {(const char16 *)information->Name.Buffer, information->Name.Length / sizeof(char16)};
        buf_add(&b, object_show(system, &own) ? own : system);
        if (b.len != 1) /* the root ends with its backslash */
            buf_add_char(&b, '\\');
        changed = true;
    }
    buf_add(&b, program_name);
    for (int i = 0; i < LINKS_MAX && !b.overflow && follow_one(&b, work); i++)
        changed = true;
    *name = buf_str(&b);
    return changed && !b.overflow && b.len;
}
