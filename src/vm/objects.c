/* Makes a VM's own object name space: a directory that looks like the system's root, with directories of its own for what
 * programs name. What a VM shares with the system is not in it; the layer adds that (layer/objects/name.c).
 *
 * Links are followed from the system's root, so they hold the VM's full path; the layer hides it. */
#include "vm/objects.h"

#include "vm/file.h"
#include "vm/text.h"

#include <stdlib.h>
#include <string.h>

#define NAME_UNITS 512u
#define DIRECTORY_ACCESS (DIRECTORY_QUERY | DIRECTORY_TRAVERSE)
#define ROOT_ACCESS (DIRECTORY_ACCESS | DIRECTORY_CREATE_OBJECT | DIRECTORY_CREATE_SUBDIRECTORY)

static uint32_t session_id(void)
{
    DWORD id = 0;
    ProcessIdToSessionId(GetCurrentProcessId(), &id);
    return id;
}

struct str objects_path(const struct vm *vm, char16 memory[OBJECTS_PATH_UNITS])
{
    struct strbuf b;
    uint32_t session = session_id();
    buf_init(&b, memory, OBJECTS_PATH_UNITS);
    if (session) {
        buf_add(&b, STR(u"\\Sessions\\"));
        text_add_number(&b, session);
    }
    buf_add(&b, STR(u"\\BaseNamedObjects\\FVM."));
    buf_add(&b, str_of(vm->id));
    return buf_str(&b);
}

static UNICODE_STRING unicode(struct str s)
{
    USHORT bytes = (USHORT)(s.len * sizeof(char16));
    return (UNICODE_STRING){bytes, bytes, (WCHAR *)s.s};
}

static NTSTATUS keep(struct objects *objects, HANDLE handle)
{
    if (objects->count == objects->cap) {
        size_t cap = objects->cap ? 2 * objects->cap : 64;
        HANDLE *handles = realloc(objects->handles, cap * sizeof *handles);
        if (!handles) {
            nt.NtClose(handle);
            return STATUS_NO_MEMORY;
        }
        objects->handles = handles;
        objects->cap = cap;
    }
    objects->handles[objects->count++] = handle;
    return STATUS_SUCCESS;
}

static NTSTATUS make_directory(struct objects *objects, struct str name)
{
    UNICODE_STRING string = unicode(name);
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle;
    InitializeObjectAttributes(&attributes, &string, OBJ_CASE_INSENSITIVE | OBJ_OPENIF, objects->root, NULL);
    NTSTATUS status = nt.NtCreateDirectoryObject(&handle, DIRECTORY_ACCESS, &attributes);
    return NT_SUCCESS(status) ? keep(objects, handle) : status;
}

/* A creation that opens (OBJ_OPENIF) would follow the link, so a second supervisor opens it itself. */
static NTSTATUS make_link(struct objects *objects, struct str name, struct str target)
{
    UNICODE_STRING string = unicode(name), target_string = unicode(target);
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle;
    InitializeObjectAttributes(&attributes, &string, OBJ_CASE_INSENSITIVE, objects->root, NULL);
    NTSTATUS status = nt.NtCreateSymbolicLinkObject(&handle, SYMBOLIC_LINK_QUERY, &attributes, &target_string);
    if (!NT_SUCCESS(status))
        status = nt.NtOpenSymbolicLinkObject(&handle, SYMBOLIC_LINK_QUERY, &attributes);
    return NT_SUCCESS(status) ? keep(objects, handle) : status;
}

#define DEVICES u"??"
#define OWN_DEVICES 2u /* of own_links: those in \?? */

struct own_link {
    const char16 *name, *target; /* both below the VM's root; # is the session */
};

static const char16 *const own_directories[] = {
    u"BaseNamedObjects",
    u"Sessions",
    u"Sessions\\BNOLINKS",
    u"Sessions\\0",
    u"Sessions\\0\\DosDevices",
    u"Sessions\\#",
    u"Sessions\\#\\DosDevices",
    u"Sessions\\#\\BaseNamedObjects",
    DEVICES,
    u"RPC Control", /* ports of the VM's own servers; those of the system are listed in layer/objects/ports.c */
};

static const struct own_link own_links[] = {
    {u"BaseNamedObjects\\Local", u"\\BaseNamedObjects"},
    {u"BaseNamedObjects\\Global", u"\\BaseNamedObjects"},
    {u"BaseNamedObjects\\Session", u"\\Sessions\\BNOLINKS"},
    {u"Sessions\\#\\BaseNamedObjects\\Local", u"\\Sessions\\#\\BaseNamedObjects"},
    {u"Sessions\\#\\BaseNamedObjects\\Global", u"\\BaseNamedObjects"},
    {u"Sessions\\#\\BaseNamedObjects\\Session", u"\\Sessions\\BNOLINKS"},
    {u"Sessions\\BNOLINKS\\#", u"\\Sessions\\#\\BaseNamedObjects"},
    {u"Sessions\\BNOLINKS\\0", u"\\BaseNamedObjects"},
    {u"DosDevices", u"\\??"},
    {u"GLOBAL??", u"\\??"},
    {u"??\\GLOBALROOT", u""},
    {u"??\\Global", u"\\??"},
};

static struct str expand(const char16 *pattern, struct str prefix, uint32_t session, struct strbuf *b)
{
    buf_set(b, prefix);
    for (; *pattern; pattern++)
        if (*pattern == u'#')
            text_add_number(b, session);
        else
            buf_add_char(b, *pattern);
    return buf_str(b);
}

/* In session 0 the session's own directories are the global ones. */
static const char16 *const session_0_link = u"Sessions\\0\\BaseNamedObjects";

static NTSTATUS make_own(struct objects *objects, struct str path)
{
    char16 name_memory[NAME_UNITS], target_memory[NAME_UNITS];
    struct strbuf name, target;
    uint32_t session = session_id();
    NTSTATUS status = STATUS_SUCCESS;
    buf_init(&name, name_memory, NAME_UNITS);
    buf_init(&target, target_memory, NAME_UNITS);
    for (size_t i = 0; i < sizeof own_directories / sizeof *own_directories && NT_SUCCESS(status); i++) {
        struct str directory = expand(own_directories[i], (struct str){0}, session, &name);
        if (!str_equal(directory, str_of(session_0_link)))
            status = make_directory(objects, directory);
        if (NT_SUCCESS(status) && str_equal(directory, STR(DEVICES)))
            objects->devices = objects->handles[objects->count - 1];
    }
    if (NT_SUCCESS(status))
        status = make_link(objects, str_of(session_0_link), expand(u"\\BaseNamedObjects", path, session, &target));
    for (size_t i = 0; i < sizeof own_links / sizeof *own_links && NT_SUCCESS(status); i++)
        status = make_link(objects, expand(own_links[i].name, (struct str){0}, session, &name),
                           expand(own_links[i].target, path, session, &target));
    return status;
}

NTSTATUS objects_open(struct objects *objects, struct str path)
{
    UNICODE_STRING string = unicode(path);
    OBJECT_ATTRIBUTES attributes;
    memset(objects, 0, sizeof *objects);
    InitializeObjectAttributes(&attributes, &string, OBJ_CASE_INSENSITIVE | OBJ_OPENIF, NULL, NULL);
    NTSTATUS status = nt.NtCreateDirectoryObject(&objects->root, ROOT_ACCESS, &attributes);
    if (NT_SUCCESS(status))
        status = make_own(objects, path);
    return status;
}

void objects_close(struct objects *objects)
{
    for (size_t i = 0; i < objects->count; i++)
        nt.NtClose(objects->handles[i]);
    free(objects->handles);
    if (objects->root)
        nt.NtClose(objects->root);
    memset(objects, 0, sizeof *objects);
}

/* ---- what programs made permanent ---- */

struct device_entry {
    UNICODE_STRING name, type;
    WCHAR text[1024];
};

static bool query_device(HANDLE devices, ULONG index, struct device_entry *entry)
{
    ULONG length;
    return nt.NtQueryDirectoryObject(devices, entry, sizeof *entry, TRUE, FALSE, &index, &length) == STATUS_SUCCESS;
}

bool objects_left(const struct objects *objects)
{
    struct device_entry entry;
    return objects->devices && query_device(objects->devices, OWN_DEVICES, &entry);
}

/* Whether it is gone then: one that somebody has open goes with its last handle. */
static bool remove_device(HANDLE devices, UNICODE_STRING *name)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE link;
    InitializeObjectAttributes(&attributes, name, 0, devices, NULL);
    if (!NT_SUCCESS(nt.NtOpenSymbolicLinkObject(&link, DELETE, &attributes)))
        return false;
    nt.NtMakeTemporaryObject(link);
    nt.NtClose(link);
    if (!NT_SUCCESS(nt.NtOpenSymbolicLinkObject(&link, SYMBOLIC_LINK_QUERY, &attributes)))
        return true;
    nt.NtClose(link);
    return false;
}

void objects_remove_left(struct str path)
{
    char16 memory[NAME_UNITS];
    struct strbuf name;
    buf_init(&name, memory, NAME_UNITS);
    buf_set(&name, path);
    path_add(&name, STR(DEVICES));
    UNICODE_STRING string = unicode(buf_str(&name));
    OBJECT_ATTRIBUTES attributes;
    struct device_entry entry;
    HANDLE devices;
    InitializeObjectAttributes(&attributes, &string, OBJ_CASE_INSENSITIVE, NULL, NULL);
    if (!NT_SUCCESS(nt.NtOpenDirectoryObject(&devices, DIRECTORY_ACCESS, &attributes)))
        return;
    for (ULONG index = 0; query_device(devices, index, &entry);)
        index += !remove_device(devices, &entry.name);
    nt.NtClose(devices);
}
