/* Decodes what programs call keys: absolute names, names relative to a handle, handles. */
#include "layer/objects/objects.h"
#include "layer/registry/registry.h"

NTSTATUS key_read_attributes(const OBJECT_ATTRIBUTES *program, struct key_memory *memory, struct said *copy)
{
    if (!said_read(program, copy))
        return STATUS_ACCESS_VIOLATION;
    if (copy->attributes.Length != sizeof(OBJECT_ATTRIBUTES))
        return STATUS_INVALID_PARAMETER;
    if (!copy->attributes.ObjectName)
        return STATUS_ACCESS_VIOLATION;
    if (copy->name.Length % sizeof(char16))
        return STATUS_OBJECT_NAME_INVALID;
    bool fits = copy->name.Length <= sizeof(memory->work);
    char16 *units = fits ? memory->work : memory->name; /* all of `memory` has room for any name */
    if (copy->name.Length && !guard_read(units, copy->name.Buffer, copy->name.Length))
        return STATUS_ACCESS_VIOLATION;
    copy->name.Buffer = (WCHAR *)units;
    copy->name.MaximumLength = copy->name.Length;
    return fits ? STATUS_SUCCESS : STATUS_REPARSE;
}

bool key_mentions_home(struct str name)
{
    struct str home = path_leaf(layer.keys.hidden);
    for (struct str rest = name; rest.len; rest = path_rest(rest))
        if (str_equal_fold(layer.up, path_first(rest), home))
            return true;
    return false;
}

static bool take_root(struct str *name)
{
    struct str root = STR(KEY_ROOT);
    if (str_equal_fold(layer.up, *name, str_head(root, root.len - 1)))
        *name = (struct str){0};
    else if (str_prefix_fold(layer.up, *name, root))
        *name = str_from(*name, root.len);
    else
        return false;
    return true;
}

bool key_is_absolute(struct str name)
{
    return take_root(&name);
}

/* Several backslashes count as one, and those at the end not at all. */
static void add_components(struct strbuf *path, struct str rest)
{
    while (rest.len) {
        struct str component = path_first(rest);
        if (component.len && path->len)
            buf_add_char(path, '\\');
        buf_add(path, component);
        rest = path_rest(rest);
    }
}

NTSTATUS key_system_name(HANDLE key, char16 *memory, struct str *name)
{
    FVM_KEY_NAME_INFORMATION *information = (FVM_KEY_NAME_INFORMATION *)memory;
    ULONG length;
    NTSTATUS status = nt.NtQueryKey(key, KeyNameInformationClass, information, KEY_UNITS * sizeof(char16), &length);
    if (status < 0)
        return status;
    *name = (struct str){(const char16 *)information->Name, information->NameLength / sizeof(char16)};
    return take_root(name) ? STATUS_SUCCESS : STATUS_OBJECT_TYPE_MISMATCH;
}

bool key_vm_path(struct str system_name, struct strbuf *vm_path, bool *stored)
{
    *stored = path_under_fold(layer.up, system_name, layer.keys_root);
    if (*stored) {
        buf_set(vm_path, str_from(system_name, layer.keys_root.len + 1));
        return true;
    }
    if (path_under_fold(layer.up, system_name, layer.keys.hidden))
        return false;
    if (!map_reverse(layer_map(&layer.keys), system_name, vm_path))
        buf_set(vm_path, system_name);
    return !vm_path->overflow;
}

void key_host_path(struct str host, struct strbuf *nt_path)
{
    struct str root = STR(KEY_ROOT);
    buf_add(nt_path, host.len ? root : str_head(root, root.len - 1));
    buf_add(nt_path, host);
}

void key_stored_path(struct str vm_path, struct strbuf *nt_path)
{
    buf_add(nt_path, STR(KEY_ROOT));
    buf_add(nt_path, layer.keys_root);
    if (vm_path.len)
        buf_add_char(nt_path, '\\');
    buf_add(nt_path, vm_path);
}

/* The VM path of the handle that a name is relative to. *link: it has a link open. */
static NTSTATUS add_root(HANDLE root, struct strbuf *path, bool *link)
{
    struct key_use use;
    NTSTATUS status = key_begin(&use, root);
    if (status < 0)
        return status;
    *link = use.state && use.state->link;
    if (use.state)
        buf_add(path, key_path(&use));
    else
        status = use.gone ? STATUS_KEY_DELETED : STATUS_REPARSE;
    key_end(&use);
    return status;
}

/* Opens what the system calls so, and asks for its name. */
static NTSTATUS decode_opened(OBJECT_ATTRIBUTES *attributes, struct key_memory *memory, struct key_name *name)
{
    HANDLE key;
    struct str system_name;
    bool stored;
    NTSTATUS status = nt.NtOpenKey(&key, KEY_QUERY_VALUE, attributes);
    if (status < 0)
        return STATUS_REPARSE;
    status = key_system_name(key, memory->more, &system_name);
    if (status >= 0 && !key_vm_path(system_name, &name->path, &stored))
        status = log_refusal("FVM's own keys", system_name, STATUS_OBJECT_NAME_NOT_FOUND);
    nt.NtClose(key);
    return status;
}

/* A name elsewhere in the object name space may be a link, of the VM or of the system, that leads to the registry. */
static NTSTATUS decode_alias(const struct said *from, struct key_memory *memory, struct key_name *name)
{
    struct str given = said_name(from), led = given;
    if (!given.len || given.s[0] != '\\')
        return STATUS_REPARSE; /* the system's own reason */
    char16 *links = scratch_take();
    NTSTATUS status = object_follow(NULL, given, links, &led);
    if (status == STATUS_REPARSE && take_root(&led)) {
        add_components(&name->path, led);
        status = STATUS_SUCCESS;
    } else if (status >= 0) {
        struct path_attributes at = path_attributes(status == STATUS_REPARSE ? led : given);
        status = decode_opened(path_object(&at), memory, name);
    }
    scratch_give(links);
    return status;
}

NTSTATUS key_decode(const struct said *from, ACCESS_MASK access, ULONG options, struct key_memory *memory,
                    struct key_name *name)
{
    struct str given = said_name(from);
    NTSTATUS status = STATUS_SUCCESS;
    buf_init(&name->path, memory->name, KEY_UNITS);
    /* NtOpenKeyEx follows links even with REG_OPTION_OPEN_LINK; RegOpenKeyEx makes the attribute of it */
    name->open_link = (from->attributes.Attributes & OBJ_OPENLINK) || (options & REG_OPTION_CREATE_LINK);
    if (from->attributes.RootDirectory) {
        if (given.len && given.s[0] == '\\')
            return STATUS_REPARSE; /* the system's own reason */
        bool link = false;
        status = add_root(from->attributes.RootDirectory, &name->path, &link);
        name->open_link |= link && !given.len; /* the empty name is the handle's own key */
    } else if (!take_root(&given)) {
        status = decode_alias(from, memory, name);
        given.len = 0;
    }
    if (status != STATUS_SUCCESS)
        return status;
    size_t root = from->attributes.RootDirectory ? name->path.len : 0;
    add_components(&name->path, given);
    if (name->path.overflow || (name->path.len && !key_path_valid(buf_str(&name->path))))
        return STATUS_REPARSE;
    key_apply_view(access, root, memory, name);
    return STATUS_SUCCESS;
}

bool key_deleted_here(HANDLE handle, struct str system_name)
{
    struct key_use use;
    if (keys_untouched() || !take_root(&system_name) || key_begin(&use, handle) < 0)
        return false;
    bool deleted = use.gone != NULL;
    key_end(&use);
    return deleted;
}

bool key_show_name(struct str system_name, struct strbuf *out)
{
    struct str host = system_name;
    bool stored;
    if (!take_root(&host))
        return false;
    char16 *memory = scratch_take();
    struct strbuf vm_path;
    buf_init(&vm_path, memory, KEY_UNITS);
    bool differs = key_vm_path(host, &vm_path, &stored) && (stored || !str_equal(buf_str(&vm_path), host));
    if (differs)
        key_host_path(buf_str(&vm_path), out);
    scratch_give(memory);
    return differs && buf_terminate(out);
}
