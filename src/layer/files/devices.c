/* Which devices a VM may reach. What is not on the list can be asked for its attributes, but not read or written. */
#include "layer/files/devices.h"

#include <stdatomic.h>

#include "layer/handles.h"

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

static const struct str dos_devices = {u"\\??\\", 4};

#define ACCESS_HARMLESS (SYNCHRONIZE | READ_CONTROL | FILE_READ_ATTRIBUTES | FILE_READ_EA)

bool device_is_named(struct str nt_name)
{
    return str_prefix_fold(layer.up, nt_name, STR(u"\\Device\\")) || str_prefix_fold(layer.up, nt_name, dos_devices);
}

/* A device, and no way to other programs: a link that a program of the host made may lead to its pipe, and to open that is to connect. */
static bool leads_to_device(HANDLE link)
{
    char16 *memory = scratch_take();
    UNICODE_STRING target = {0, UNICODE_STRING_MAX_BYTES, (WCHAR *)memory};
    ULONG length;
    bool known = nt.NtQuerySymbolicLinkObject(link, &target, &length) >= 0;
    struct str name = {memory, target.Length / sizeof(char16)};
    bool device = known && str_prefix_fold(layer.up, name, STR(u"\\Device\\")) &&
                  !str_prefix_fold(layer.up, name, STR(u"\\Device\\NamedPipe")) &&
                  !str_prefix_fold(layer.up, name, STR(u"\\Device\\MailSlot"));
    scratch_give(memory);
    return device;
}

/* Whether there is such a device at all; if not, that is what the program is told. Only its name is asked for: opening a device
 * can do something, connect to a pipe for one. What is not named as a device is an object of the VM, or nothing. */
static NTSTATUS check_exists(struct str nt_name, bool *device)
{
    HANDLE link;
    *device = true;
    if (!device_is_named(nt_name))
        return nt_name.len > 1 && nt_name.s[1] == '\\' ? STATUS_OBJECT_NAME_INVALID : STATUS_OBJECT_NAME_NOT_FOUND;
    if (!str_prefix_fold(layer.up, nt_name, dos_devices))
        return STATUS_SUCCESS;
    if (nt_name.len == dos_devices.len)
        return STATUS_OBJECT_NAME_INVALID;
    size_t end = dos_devices.len + str_find(str_from(nt_name, dos_devices.len), '\\');
    struct path_attributes at = path_attributes(str_head(nt_name, end));
    NTSTATUS status = nt.NtOpenSymbolicLinkObject(&link, SYMBOLIC_LINK_QUERY, path_object(&at));
    if (status >= 0) {
        *device = leads_to_device(link);
        nt.NtClose(link);
    }
    return status == STATUS_OBJECT_NAME_NOT_FOUND && end < nt_name.len ? STATUS_OBJECT_PATH_NOT_FOUND : status;
}

static bool matches(struct str nt_name, const struct named *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_prefix_fold(layer.up, nt_name, str_of(table[i].prefix)))
            return true;
    return false;
}

static NTSTATUS check_absolute(const struct file_name *name, ACCESS_MASK *access)
{
    struct str nt_name = buf_str(&name->path);
    bool harmless = !(*access & ~(ACCESS_MASK)ACCESS_HARMLESS);
    if (name->kind == NAME_VOLUME || matches(nt_name, disks, sizeof(disks) / sizeof(disks[0]))) {
        *access = ACCESS_HARMLESS;
        return harmless ? STATUS_SUCCESS : log_refusal("reading and writing a raw volume", nt_name, STATUS_SUCCESS);
    }
    if (matches(nt_name, allowed, sizeof(allowed) / sizeof(allowed[0])))
        return STATUS_SUCCESS;
    bool device;
    NTSTATUS status = check_exists(nt_name, &device);
    if (status < 0 || (harmless && device))
        return status;
    return log_refusal("device", nt_name, STATUS_ACCESS_DENIED);
}

/* A handle of the device, which the name is relative to, can be had for questions; by an empty name Windows opens the device again. */
static NTSTATUS check_relative(HANDLE root, ACCESS_MASK *access)
{
    struct file_memory *memory = scratch_take();
    struct file_name name = name_on(memory);
    struct str nt_name;
    NTSTATUS status = STATUS_SUCCESS; /* what has no name was given to the VM: a console, a pipe */
    if (handle_text(root, HANDLE_NAME, memory->real, sizeof(memory->real), &nt_name) >= 0 && nt_name.len &&
        name_decode_absolute(nt_name, &name) >= 0)
        status = check_absolute(&name, access);
    scratch_give(memory);
    return status;
}

NTSTATUS device_check(const struct file_name *name, HANDLE root, ACCESS_MASK *access)
{
    struct str nt_name = buf_str(&name->path);
    bool absolute = name->kind == NAME_VOLUME || (nt_name.len && nt_name.s[0] == '\\');
    return absolute ? check_absolute(name, access) : check_relative(root, access);
}

/* ---- Wine: what Unix has for devices, processes and the kernel's settings ----
 *
 * Names do not tell: a drive may lead to any directory, and what the system answers for a directory changes with the drives that
 * there are. So each drive is judged by where its root is, by asking for what is above it. */

enum drive_place { PLACE_UNKNOWN, PLACE_ELSEWHERE, PLACE_ROOT, PLACE_DEVICE };

static const char16 *const unix_devices[] = {u"dev", u"proc", u"sys"};

#define UNIX_DEVICES (sizeof(unix_devices) / sizeof(unix_devices[0]))

/* The name that a directory has now. */
static bool current_name(struct str nt_path, struct strbuf *name)
{
    HANDLE directory;
    if (!file_open_directory(nt_path, FILE_READ_ATTRIBUTES, &directory))
        return false;
    bool known = host_name_of_handle(directory, name);
    nt.NtClose(directory);
    return known;
}

/* \??\unix/PREFIX/dosdevices/y:/.. : what is above the root of a drive. Of Unix names Wine leaves ".." to the kernel. */
static bool name_above(struct str drive, struct file_memory *memory, struct strbuf *nt_path)
{
    struct path_attributes at = path_attributes(drive);
    char *unix_name = (char *)memory->work;
    ULONG size = sizeof(memory->work), bytes = 0, length = 0;
    if (!nt.wine_nt_to_unix_file_name ||
        nt.wine_nt_to_unix_file_name(path_object(&at), unix_name, &size, FILE_OPEN) < 0)
        return false;
    while (unix_name[length])
        length++;
    buf_init(nt_path, memory->real, PATH_UNITS);
    buf_add(nt_path, STR(u"\\??\\unix"));
    if (nt.RtlUTF8ToUnicodeN((WCHAR *)memory->real + nt_path->len,
                             (ULONG)((PATH_UNITS - nt_path->len) * sizeof(char16)), &bytes, unix_name, length) < 0)
        return false;
    nt_path->len += bytes / sizeof(char16);
    buf_add(nt_path, STR(u"/.."));
    return !nt_path->overflow;
}

/* Whether the directory, directly below the Unix root, is one of the three. */
static bool is_unix_device(struct str name, struct file_memory *memory)
{
    for (size_t i = 0; i < UNIX_DEVICES; i++) {
        struct strbuf nt_path, device;
        buf_init(&nt_path, memory->real, PATH_UNITS);
        buf_init(&device, memory->work, PATH_UNITS);
        buf_add(&nt_path, STR(u"\\??\\unix\\"));
        buf_add(&nt_path, str_of(unix_devices[i]));
        if (current_name(buf_str(&nt_path), &device) && str_equal_fold(layer.up, name, buf_str(&device)))
            return true;
    }
    return false;
}

static enum drive_place find_place(char16 letter)
{
    char16 drive[] = {'\\', '?', '?', '\\', letter, ':', '\\'};
    struct str root = {drive, sizeof(drive) / sizeof(char16)};
    struct file_memory *memory = scratch_take();
    struct strbuf own, above, nt_path;
    enum drive_place place = PLACE_UNKNOWN; /* there is no such drive now */
    buf_init(&own, memory->name, PATH_UNITS);
    buf_init(&above, memory->more, PATH_UNITS);
    if (current_name(root, &own)) {
        bool known = name_above(root, memory, &nt_path) && current_name(buf_str(&nt_path), &above);
        struct str directory = buf_str(&above);
        if (known && str_equal_fold(layer.up, buf_str(&own), directory))
            place = PLACE_ROOT; /* only the Unix root is above itself */
        else if (!known || device_directory(directory) ||
                 (!path_rest(directory).len && is_unix_device(buf_str(&own), memory)))
            place = PLACE_DEVICE;
        else
            place = PLACE_ELSEWHERE;
    }
    scratch_give(memory);
    return place;
}

/* Once in a session of the VM: all processes get the same answer, at no request. */
static enum drive_place drive_place(char16 letter)
{
    struct vm_shared *vm = (struct vm_shared *)(uintptr_t)layer.vm;
    _Atomic uint32_t *known = (_Atomic uint32_t *)&vm->drive_place[letter - 'A'];
    uint32_t place = atomic_load_explicit(known, memory_order_relaxed);
    if (place == PLACE_UNKNOWN) {
        place = find_place(letter);
        atomic_store_explicit(known, place, memory_order_relaxed);
    }
    return (enum drive_place)place;
}

bool device_directory(struct str vm_path)
{
    struct str first = path_first(vm_path), rest = path_rest(vm_path);
    if (!nt.__wine_unix_spawnvp) /* not Wine */
        return false;
    if (first.len == 1) {
        char16 letter = upcase_of(layer.up, first.s[0]);
        if (letter < 'A' || letter > 'Z')
            return false;
        enum drive_place place = drive_place(letter);
        if (place != PLACE_ROOT)
            return place == PLACE_DEVICE;
    } else if (!str_equal_fold(layer.up, first, STR(u"unix")))
        return false;
    for (size_t i = 0; i < UNIX_DEVICES; i++)
        if (path_under_fold(layer.up, rest, str_of(unix_devices[i])))
            return true;
    return false;
}
