/* Which devices a VM may reach. What is not on the list can be asked for its attributes, but not read or written. */
#include "layer/files/devices.h"

struct named {
    const char16 *prefix; /* of the NT name */
};

/* Each with its reason. */
static const struct named allowed[] = {
    {u"\\??\\pipe\\"},            {u"\\Device\\NamedPipe"}, /* interprocess communication, confined elsewhere */
    {u"\\??\\mailslot\\"},        {u"\\Device\\MailSlot"},
    {u"\\??\\CON"},               {u"\\Device\\ConDrv"}, /* consoles: CON, CONIN$, CONOUT$ */
    {u"\\??\\NUL"},               {u"\\Device\\Null"},
    {u"\\Device\\Afd"},           {u"\\??\\Nsi"},           {u"\\Device\\Nsi"}, /* sockets and network settings */
    {u"\\??\\MountPointManager"}, /* drive letters and volume names; changes are refused in control.c */
    {u"\\Device\\KsecDD"},        {u"\\Device\\CNG"},       {u"\\Device\\DeviceApi"}, /* random numbers, device lists */
    {u"\\??\\AUX"},               {u"\\??\\COM"},           {u"\\??\\LPT"},           {u"\\??\\PRN"}, /* ports */
};

static const struct named disks[] = {
    {u"\\??\\PhysicalDrive"}, {u"\\??\\CdRom"}, {u"\\??\\Harddisk"}, {u"\\Device\\Harddisk"}, {u"\\Device\\CdRom"},
};

#define ACCESS_HARMLESS (SYNCHRONIZE | READ_CONTROL | FILE_READ_ATTRIBUTES | FILE_READ_EA)

/* The system's own reason not to open it, if it has one. */
static NTSTATUS probe(struct str nt_name)
{
    struct path_attributes at = path_attributes(nt_name);
    IO_STATUS_BLOCK io;
    HANDLE handle;
    NTSTATUS status = nt.NtOpenFile(&handle, FILE_READ_ATTRIBUTES | SYNCHRONIZE, path_object(&at), &io,
                                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, 0);
    if (status >= 0)
        nt.NtClose(handle);
    return status;
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
    if (harmless || !nt_name.len || nt_name.s[0] != '\\' || matches(nt_name, allowed, sizeof(allowed) / sizeof(allowed[0])))
        return STATUS_SUCCESS;
    NTSTATUS status = probe(nt_name);
    return status < 0 ? status : log_refusal("device", nt_name, STATUS_ACCESS_DENIED);
}

/* Where the root of the Unix file system is in the VM's names: a drive that leads there, or Wine's own name for it. */
static struct str unix_root(void)
{
    struct map_place place;
    if (map_resolve(layer.map, STR(u"unix"), &place) && place.link)
        return place.link_target;
    return STR(u"unix");
}

static bool below(struct str path, struct str root, struct str directory)
{
    return path_under_fold(layer.up, path, root) && path.len > root.len &&
           path_under_fold(layer.up, str_from(path, root.len + 1), directory);
}

bool device_directory(struct str vm_path)
{
    if (!nt.__wine_unix_spawnvp) /* not Wine */
        return false;
    struct str root = unix_root();
    return below(vm_path, root, STR(u"dev")) || below(vm_path, root, STR(u"proc")) || below(vm_path, root, STR(u"sys"));
}
