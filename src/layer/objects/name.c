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
            return name->attributes.Attributes & OBJ_OPENIF ? STATUS_OBJECT_TYPE_MISMATCH : STATUS_OBJECT_NAME_COLLISION;
        NTSTATUS status = check_creation(&name->name);
        if (status < 0)
            return status;
    }
    name->attributes.RootDirectory = layer.objects;
    name->attributes.ObjectName = &name->name;
    *resolved = &name->attributes;
    return STATUS_SUCCESS;
}
