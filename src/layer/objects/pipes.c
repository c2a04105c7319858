/* Pipes and mailslots. Only who makes or opens one by name is intercepted; reading, writing and everything else that is done
 * with a handle is not. A program's spelling of the way to the device is kept as it is, the VM's name is put behind it. */
#include "layer/objects/pipes.h"

#include "layer/files/control.h"
#include "layer/files/files.h"
#include "layer/handles.h"
#include "layer/objects/objects.h"

/* The system's own servers that a client in a VM reaches when the VM has none of that name, each with its reason. */
static const char16 *const endpoints[] = {
    u"svcctl",        /* the service control manager: asked by every program that looks at services; see services/ */
    u"ntsvcs",        /* the same, and device installation */
    u"wine_plugplay", /* Wine: arrival and removal of devices */
    u"lsarpc",        /* names and identifiers of accounts */
    u"lsass",         /* the same */
    u"samr",          /* groups and members of accounts */
    u"netlogon",      /* the same, of a domain */
    u"wkssvc",        /* the machine's name and domain */
    u"srvsvc",        /* the same */
    u"epmapper",      /* where the system's other servers are */
    u"spoolss",       /* printing */
    u"eventlog",      /* writing to the system's log */
};

static const char16 *const devices[] = {u"\\Device\\NamedPipe", u"\\Device\\Mailslot"};

static bool take(struct str *s, struct str prefix)
{
    if (!str_prefix_fold(layer.up, *s, prefix))
        return false;
    *s = str_from(*s, prefix.len);
    return true;
}

/* What is behind the pipe device's name and its backslash; false when it is another name. */
static bool behind_device(struct str name, struct str *rest)
{
    for (;;) {
        for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
            *rest = name;
            if (take(rest, str_of(devices[i])) && (!rest->len || take(rest, STR(u"\\"))))
                return true;
        }
        if (!take(&name, STR(u"\\??\\")) && !take(&name, STR(u"\\DosDevices\\")) && !take(&name, STR(u"\\GLOBAL??\\")))
            return false;
        while (take(&name, STR(u"Global\\")) || take(&name, STR(u"??\\")))
            ;
        *rest = name;
        if ((take(rest, STR(u"pipe")) || take(rest, STR(u"mailslot"))) && (!rest->len || take(rest, STR(u"\\"))))
            return true;
        if (!take(&name, STR(u"GLOBALROOT")))
            return false;
    }
}

static struct str own_prefix(void)
{
    return path_leaf(object_root());
}

/* The VM's name of pipe `name`. Where the system has no room for the prefix (behind any spelling of the device), the end of the name
 * is given as a hash, so that it is as long as what the program said. */
static void add_own_name(struct strbuf *b, struct str name)
{
    enum { DEVICE_ROOM = 64, HASHES = 2, DIGITS = 8 };
    struct str prefix = own_prefix();
    buf_add(b, prefix);
    buf_add_char(b, '\\');
    if (name.len + prefix.len + 1 + DEVICE_ROOM <= UNICODE_STRING_MAX_CHARS) {
        buf_add(b, name);
        return;
    }
    struct str kept = str_head(name, name.len - prefix.len - 1 - HASHES * DIGITS), rest = str_from(name, kept.len);
    buf_add(b, kept);
    for (uint32_t seed = 0; seed < HASHES; seed++)
        buf_add_hex(b, str_hash_fold(layer.up, seed, rest), DIGITS);
}

static bool is_endpoint(struct str name)
{
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++)
        if (str_equal_fold(layer.up, name, str_of(endpoints[i])))
            return true;
    return false;
}

/* ---- decoding ---- */

/* Is a name relative to this handle one on the pipe device? */
static bool is_device(HANDLE root, char16 *memory)
{
    struct str name, rest;
    return handle_text(root, HANDLE_NAME, memory, SCRATCH_SIZE / 2, &name) >= 0 && behind_device(name, &rest) &&
           !rest.len;
}

NTSTATUS pipe_resolve(const OBJECT_ATTRIBUTES *program, char16 *memory, struct pipe_name *name, enum pipe_kind *kind)
{
    struct strbuf b;
    struct str rest;
    *kind = PIPE_NONE;
    name->endpoint = false;
    name->at = program ? &name->said.attributes : NULL;
    if (!program)
        return STATUS_SUCCESS;
    /* the program's name at a distance, so that the VM's can be put into it */
    bool readable = said_read_all(program, &name->said, memory + SCRATCH_SIZE / sizeof(char16) - SAID_UNITS);
    object_make_temporary(&name->said.attributes);
    if (!name->said.attributes.ObjectName)
        return STATUS_SUCCESS;
    NTSTATUS status = STATUS_SUCCESS;
    struct str said = readable ? said_name(&name->said) : (struct str){0};
    *kind = PIPE_DEVICE;
    if (!said.len)
        return status;
    rest = said;
    if (name->said.attributes.RootDirectory ? !is_device(name->said.attributes.RootDirectory, memory)
                                            : !behind_device(said, &rest)) {
        *kind = PIPE_NONE;
        return status;
    }
    if (!rest.len)
        return status;
    buf_init(&b, memory, UNICODE_STRING_MAX_CHARS);
    buf_add(&b, str_head(said, said.len - rest.len));
    add_own_name(&b, rest);
    if (b.overflow)
        return log_refusal("pipe with a name that is too long", str_head(said, LOGGED_UNITS), STATUS_NAME_TOO_LONG);
    name->own_name = (UNICODE_STRING){(USHORT)(b.len * sizeof(char16)), (USHORT)(b.len * sizeof(char16)), (WCHAR *)b.s};
    name->own = name->said.attributes;
    name->own.ObjectName = &name->own_name;
    name->at = &name->own;
    name->endpoint = is_endpoint(rest);
    *kind = PIPE_OWN;
    return status;
}

bool pipe_try_system(const struct pipe_name *name, NTSTATUS status)
{
    return name->endpoint && (status == STATUS_OBJECT_NAME_NOT_FOUND || status == STATUS_OBJECT_PATH_NOT_FOUND);
}

bool pipe_of_machine(struct str vm_path)
{
    struct str share;
    if (!str_equal_fold(layer.up, path_first(vm_path), STR(u"UNC")))
        return false;
    share = path_first(path_rest(path_rest(vm_path)));
    return str_equal_fold(layer.up, share, STR(u"pipe")) || str_equal_fold(layer.up, share, STR(u"mailslot")) ||
           str_equal_fold(layer.up, share, STR(u"ipc$"));
}

/* ---- making one ---- */

/* A call of the program, with what the service makes in `made`; the program gets that when it has been judged. */
struct making {
    HANDLE *handle, made;
    HANDLE root; /* our own handle of what the name is relative to, so that it stays what it was looked at */
    char16 *memory;
    struct pipe_name name;
    enum pipe_kind kind;
};

#define NEVER_A_HANDLE ((HANDLE)(uintptr_t)0x7ffffff0) /* beyond the largest that either system gives */

static NTSTATUS begin_making(struct making *m, HANDLE *handle, const OBJECT_ATTRIBUTES *attributes)
{
    layer_attach();
    m->handle = handle;
    m->memory = scratch_take();
    m->root = NULL;
    if (!guard_read(&m->made, handle, sizeof(m->made)))
        return STATUS_ACCESS_VIOLATION;
    struct said said;
    if (attributes)
        said_read(attributes, &said);
    HANDLE root = attributes ? said.attributes.RootDirectory : NULL;
    if (root) {
        if (handle_keep(root, &m->root) < 0)
            m->root = NULL;
        /* the system may find something else wrong with the call first */
        said.attributes.RootDirectory = m->root ? m->root : NEVER_A_HANDLE;
    }
    return pipe_resolve(attributes ? &said.attributes : NULL, m->memory, &m->name, &m->kind);
}

/* A name that is no pipe's as far as can be seen might still have led to one, by links. */
static NTSTATUS end_making(struct making *m, bool asked, NTSTATUS status)
{
    scratch_give(m->memory);
    if (m->root)
        nt.NtClose(m->root);
    if (!asked)
        return status;
    if (status >= 0 && m->kind == PIPE_NONE) {
        nt.NtClose(m->made);
        m->made = NULL;
        status = log_refusal("making a pipe by way of a link", (struct str){0}, STATUS_ACCESS_DENIED);
    }
    if (guard_write(m->handle, &m->made, sizeof(m->made)))
        return status;
    if (status >= 0)
        nt.NtClose(m->made);
    return STATUS_ACCESS_VIOLATION;
}

NTSTATUS NTAPI fvm_NtCreateNamedPipeFile(HANDLE *handle, ULONG access, OBJECT_ATTRIBUTES *attributes,
                                         IO_STATUS_BLOCK *io, ULONG sharing, ULONG disposition, ULONG options,
                                         ULONG type, ULONG read_mode, ULONG completion_mode, ULONG instances,
                                         ULONG inbound, ULONG outbound, LARGE_INTEGER *timeout)
{
    struct making m;
    NTSTATUS status = begin_making(&m, handle, attributes);
    bool asked = status >= 0;
    if (asked)
        status = nt.NtCreateNamedPipeFile(&m.made, access, m.name.at, io, sharing, disposition, options, type,
                                          read_mode, completion_mode, instances, inbound, outbound, timeout);
    return end_making(&m, asked, status);
}

NTSTATUS NTAPI fvm_NtCreateMailslotFile(HANDLE *handle, ULONG access, OBJECT_ATTRIBUTES *attributes,
                                        IO_STATUS_BLOCK *io, ULONG options, ULONG quota, ULONG message_size,
                                        LARGE_INTEGER *timeout)
{
    struct making m;
    NTSTATUS status = begin_making(&m, handle, attributes);
    bool asked = status >= 0;
    if (asked)
        status = nt.NtCreateMailslotFile(&m.made, access, m.name.at, io, options, quota, message_size, timeout);
    return end_making(&m, asked, status);
}

/* ---- waiting for one ---- */

/* FILE_PIPE_WAIT_FOR_BUFFER; source: WDK, ntifs.h. */
struct wait_buffer {
    LARGE_INTEGER timeout;
    ULONG name_length; /* bytes */
    BOOLEAN timeout_specified;
    WCHAR name[1];
};
#define WAIT_HEAD offsetof(struct wait_buffer, name)

static NTSTATUS refuse_wait(const void *in)
{
    char16 start[LOGGED_UNITS];
    bool read = guard_read(start, (const uint8_t *)in + WAIT_HEAD, sizeof(start));
    return log_refusal("waiting for a pipe with a name that is too long", (struct str){start, read ? LOGGED_UNITS : 0},
                       STATUS_NAME_TOO_LONG);
}

static NTSTATUS wait_with(const struct control *c, struct wait_buffer *buffer, ULONG length)
{
    struct control call = *c;
    call.in = buffer;
    call.in_length = length;
    return control_call(&call);
}

NTSTATUS pipe_wait(const struct control *c)
{
    layer_attach();
    ULONG in_length = c->in_length;
    struct wait_buffer *said = scratch_take(), *own = scratch_take();
    ULONG length = in_length < WAIT_HEAD ? in_length : WAIT_HEAD;
    NTSTATUS status = guard_read(said, c->in, length) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
    bool asked = false;
    if (status >= 0 && in_length >= WAIT_HEAD && said->name_length && said->name_length <= in_length - WAIT_HEAD) {
        struct str name = {(char16 *)said->name, said->name_length / sizeof(char16)};
        length += said->name_length;
        if (said->name_length > UNICODE_STRING_MAX_BYTES)
            status = refuse_wait(c->in);
        else if (!guard_read(said->name, (uint8_t *)c->in + WAIT_HEAD, said->name_length))
            status = STATUS_ACCESS_VIOLATION;
        else {
            struct strbuf b;
            mem_copy(own, said, WAIT_HEAD);
            buf_init(&b, (char16 *)own->name, UNICODE_STRING_MAX_CHARS);
            add_own_name(&b, name);
            own->name_length = (ULONG)(b.len * sizeof(char16));
            status = wait_with(c, own, (ULONG)WAIT_HEAD + own->name_length);
            asked = status != STATUS_OBJECT_NAME_NOT_FOUND || !is_endpoint(name);
        }
    }
    /* an endpoint of the system, or what is no question: the name does not fit in it */
    if (!asked && (status >= 0 || status == STATUS_OBJECT_NAME_NOT_FOUND))
        status = wait_with(c, said, length);
    scratch_give(own);
    scratch_give(said);
    return status;
}

/* ---- names ---- */

bool pipe_show(struct str system_name, struct strbuf *own)
{
    struct str rest, prefix = own_prefix();
    if (!behind_device(system_name, &rest) || !prefix.len)
        return false;
    struct str device = str_head(system_name, system_name.len - rest.len);
    if (!take(&rest, prefix) || !take(&rest, STR(u"\\")))
        return false;
    buf_add(own, device);
    buf_add(own, rest);
    return buf_terminate(own);
}

bool pipe_file_name(HANDLE pipe, const void *said, ULONG length, char16 *memory, struct str *own)
{
    const struct str start = STR(u"\\FVM.");
    const char16 *name_said = ((const FILE_NAME_INFORMATION *)said)->FileName;
    size_t room = (length - offsetof(FILE_NAME_INFORMATION, FileName)) / sizeof(char16);
    size_t known = room < start.len ? room : start.len;
    IO_STATUS_BLOCK io;
    if (!str_equal((struct str){name_said, known}, str_head(start, known)))
        return false;
    FILE_NAME_INFORMATION *information = (FILE_NAME_INFORMATION *)memory;
    if (nt.NtQueryInformationFile(pipe, &io, information, PATH_UNITS * sizeof(char16), FileNameInformation) < 0)
        return false;
    struct str name = {(const char16 *)information->FileName, information->FileNameLength / sizeof(char16)};
    struct str prefix = own_prefix();
    if (!prefix.len || !take(&name, STR(u"\\")) || !take(&name, prefix) || !name.len || name.s[0] != '\\')
        return false;
    *own = name;
    return true;
}

bool pipe_is_disconnected(HANDLE pipe)
{
    FILE_NAME_INFORMATION information;
    IO_STATUS_BLOCK io;
    return nt.NtQueryInformationFile(pipe, &io, &information, sizeof(information), FileNameInformation) ==
           STATUS_PIPE_DISCONNECTED;
}
