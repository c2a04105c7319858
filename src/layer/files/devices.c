/* Which devices a VM may reach. What is not on the list can be asked for its attributes, but not read or written. */
#include "layer/files/devices.h"

#include <stdatomic.h>

struct named {
    const char16 *prefix; /* of the NT name */
};

/* Each with its reason. */
static const struct named allowed[] = {
    {u"\\??\\pipe\\"},
    {u"\\Device\\NamedPipe"}, /* interprocess communication, confined elsewhere */
    {u"\\??\\mailslot\\"},
    {u"\\Device\\MailSlot"},
    {u"\\??\\CON"},
    {u"\\Device\\ConDrv"}, /* consoles: CON, CONIN$, CONOUT$ */
    {u"\\??\\NUL"},
    {u"\\Device\\Null"},
    {u"\\Device\\Afd"},
    {u"\\??\\Nsi"},
    {u"\\Device\\Nsi"},           /* sockets and network settings */
    {u"\\??\\MountPointManager"}, /* drive letters and volume names; changes are refused in control.c */
    {u"\\Device\\KsecDD"},
    {u"\\Device\\CNG"},
    {u"\\Device\\DeviceApi"}, /* random numbers, device lists */
    {u"\\??\\AUX"},
    {u"\\??\\COM"},
    {u"\\??\\LPT"},
    {u"\\??\\PRN"}, /* ports */
};

static const struct named disks[] = {
    {u"\\??\\PhysicalDrive"}, {u"\\??\\CdRom"}, {u"\\??\\Harddisk"}, {u"\\Device\\Harddisk"}, {u"\\Device\\CdRom"},
};

#define ACCESS_HARMLESS (SYNCHRONIZE | READ_CONTROL | FILE_READ_ATTRIBUTES | FILE_READ_EA)

/* Whether there is such a device at all; if not, that is what the program is told. Only its name is asked for: opening a device
 * can do something, connect to a pipe for one. What is not named as a device is an object of the VM, or nothing. */
static NTSTATUS check_exists(struct str nt_name)
{
    static const struct str directory = {u"\\??\\", 4};
    HANDLE link;
    if (str_prefix_fold(layer.up, nt_name, STR(u"\\Device\\")))
        return STATUS_SUCCESS;
    if (!str_prefix_fold(layer.up, nt_name, directory))
        return nt_name.len > 1 && nt_name.s[1] == '\\' ? STATUS_OBJECT_NAME_INVALID : STATUS_OBJECT_NAME_NOT_FOUND;
    if (nt_name.len == directory.len)
        return STATUS_OBJECT_NAME_INVALID;
    size_t end = directory.len + str_find(str_from(nt_name, directory.len), '\\');
    struct path_attributes at = path_attributes(str_head(nt_name, end));
    NTSTATUS status = nt.NtOpenSymbolicLinkObject(&link, SYMBOLIC_LINK_QUERY, path_object(&at));
    if (status >= 0)
        nt.NtClose(link);
    return status == STATUS_OBJECT_NAME_NOT_FOUND && end < nt_name.len ? STATUS_OBJECT_PATH_NOT_FOUND : status;
}

static bool matches(struct str nt_name, const struct named *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_prefix_fold(layer.up, nt_name, str_of(table[i].prefix)))
            return true;
    return false;
}

NTSTATUS device_check(const struct file_name *name, ACCESS_MASK *access)
{
    struct str nt_name = buf_str(&name->path);
    bool harmless = !(*access & ~(ACCESS_MASK)ACCESS_HARMLESS);
    if (name->kind == NAME_VOLUME || matches(nt_name, disks, sizeof(disks) / sizeof(disks[0]))) {
        *access = ACCESS_HARMLESS;
        return harmless ? STATUS_SUCCESS : log_refusal("reading and writing a raw volume", nt_name, STATUS_SUCCESS);
    }
    /* Relative to a device's handle: that was checked when it was opened. */
    if (harmless || !nt_name.len || nt_name.s[0] != '\\' ||
        matches(nt_name, allowed, sizeof(allowed) / sizeof(allowed[0])))
        return STATUS_SUCCESS;
    NTSTATUS status = check_exists(nt_name);
    return status < 0 ? status : log_refusal("device", nt_name, STATUS_ACCESS_DENIED);
}

/* ---- Wine: what Unix has for devices, processes and the kernel's settings ---- */

/* A Unix directory's name in the VM: below a drive that leads there, or by Wine's own name for the Unix root. */
static void find_unix_device(struct str unix_path, struct shared_text *device)
{
    struct file_memory *memory = scratch_take();
    struct file_name name = name_on(memory);
    struct map_place place;
    struct strbuf path;
    buf_add(&name.path, unix_path);
    buf_add(&name.path, STR(u"\\x")); /* what is above a name is looked at */
    buf_init(&path, device->s, VM_PATH_MAX);
    bool found = file_resolve(&name, memory, &place) >= 0;
    buf_set(&path, found ? path_parent(buf_str(&name.path)) : unix_path);
    if (path.overflow)
        buf_set(&path, unix_path);
    device->len = (uint32_t)path.len;
    scratch_give(memory);
}

static void find_unix_devices(struct vm_shared *vm)
{
    _Atomic uint32_t *known = (_Atomic uint32_t *)&vm->unix_devices_known;
    if (atomic_load_explicit(known, memory_order_acquire))
        return;
    layer_lock();
    if (!atomic_load_explicit(known, memory_order_relaxed)) {
        find_unix_device(STR(u"unix\\dev"), &vm->unix_device[0]);
        find_unix_device(STR(u"unix\\proc"), &vm->unix_device[1]);
        find_unix_device(STR(u"unix\\sys"), &vm->unix_device[2]);
        atomic_store_explicit(known, 1, memory_order_release);
    }
    layer_unlock();
}

bool device_directory(struct str vm_path)
{
    if (!nt.__wine_unix_spawnvp) /* not Wine */
        return false;
    find_unix_devices((struct vm_shared *)(uintptr_t)layer.vm);
    for (unsigned i = 0; i < VM_UNIX_DEVICES; i++)
        if (path_under_fold(layer.up, vm_path, shared_str(&layer.vm->unix_device[i])))
            return true;
    return false;
}
