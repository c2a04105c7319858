/* Local procedure call ports. A server's port is made by name (services.c); a client connects by name here: to the VM's own
 * servers, else to those of the system that every program needs. On Wine these services are stubs. */
#include "layer/objects/objects.h"

/* Each with its reason. */
static const char16 *const system_ports[] = {
    u"\\RPC Control\\epmapper",            /* where servers of the system's remote procedure calls are found */
    u"\\RPC Control\\lsasspirpc",          /* tokens, names of accounts */
    u"\\RPC Control\\lsapolicylookup",     /* the same */
    u"\\RPC Control\\ntsvcs",              /* the service control manager; see services/ */
    u"\\RPC Control\\DNSResolver",         /* names of other machines */
    u"\\RPC Control\\console-",            /* the console that a program writes to */
    u"\\LsaAuthenticationPort",            /* logging on */
    u"\\ThemeApiPort",                     /* how windows look */
    u"\\NlsCacheMutant",                   /* code pages */
    u"\\WindowsErrorReportingServicePort", /* what a crash is reported to */
    u"\\Windows\\ApiPort",                 /* the session manager; every process connects to it when it starts */
    u"\\Windows\\SharedSection",
};

static bool is_system_port(struct str name)
{
    struct str rest = name;
    /* \Sessions\1\Windows\ApiPort is \Windows\ApiPort of a session. */
    if (str_prefix_fold(layer.up, name, STR(u"\\Sessions\\")))
        rest = str_from(name, sizeof("\\Sessions\\") - 1 + str_find(str_from(name, sizeof("\\Sessions\\") - 1), '\\'));
    for (size_t i = 0; i < sizeof(system_ports) / sizeof(system_ports[0]); i++)
        if (str_prefix_fold(layer.up, rest, str_of(system_ports[i])))
            return true;
    return false;
}

/* The name of a port: as the program said it, and as the system gets it. */
struct port_name {
    struct str said;
    UNICODE_STRING system;
    bool own; /* below the VM's root; else the system can say what is wrong with it */
};

/* Copies, in `memory` (a scratch block). */
static NTSTATUS own_port(const UNICODE_STRING *program, char16 *memory, struct port_name *name)
{
    struct strbuf path;
    buf_init(&path, memory, UNICODE_STRING_MAX_CHARS);
    buf_add(&path, object_root());
    char16 *copy = memory + path.len;
    name->own = false;
    if (!guard_read(&name->system, program, sizeof(name->system)) ||
        !guard_read(copy, name->system.Buffer, name->system.Length))
        return STATUS_ACCESS_VIOLATION;
    name->said = (struct str){copy, name->system.Length / sizeof(char16)};
    name->own = name->said.len && *copy == '\\';
    size_t len = path.len + name->said.len;
    if (!name->own)
        name->system.Buffer = (WCHAR *)copy;
    else if (len > path.cap)
        return log_refusal("port with a name that is too long", str_head(name->said, LOGGED_UNITS),
                           STATUS_NAME_TOO_LONG);
    else
        name->system =
            (UNICODE_STRING){(USHORT)(len * sizeof(char16)), (USHORT)(len * sizeof(char16)), (WCHAR *)memory};
    return STATUS_SUCCESS;
}

static UNICODE_STRING string_of(struct str s)
{
    return (UNICODE_STRING){(USHORT)(s.len * sizeof(char16)), (USHORT)(s.len * sizeof(char16)), (WCHAR *)s.s};
}

/* What follows a connection to the VM's own port that came to `status`: true to try the system's. */
static bool use_system(struct str name, NTSTATUS *status)
{
    if (*status != STATUS_OBJECT_NAME_NOT_FOUND && *status != STATUS_OBJECT_PATH_NOT_FOUND)
        return false;
    if (is_system_port(name))
        return true;
    log_refusal("port outside the VM", name, *status);
    return false;
}

/* `call` connects to port.system. */
#define CONNECT(call)                                                                                                  \
    layer_attach();                                                                                                    \
    char16 *memory = scratch_take();                                                                                   \
    struct port_name port;                                                                                             \
    NTSTATUS status = own_port(name, memory, &port);                                                                   \
    if (status >= 0)                                                                                                   \
        status = (call);                                                                                               \
    if (status < 0 && port.own && use_system(port.said, &status)) {                                                    \
        port.system = string_of(port.said);                                                                            \
        status = (call);                                                                                               \
    }                                                                                                                  \
    scratch_give(memory);                                                                                              \
    return status

NTSTATUS NTAPI fvm_NtConnectPort(HANDLE *handle, UNICODE_STRING *name, void *qos, void *client_view, void *server_view,
                                 ULONG *message, void *information, ULONG *length)
{
    CONNECT(nt.NtConnectPort(handle, &port.system, qos, client_view, server_view, message, information, length));
}

NTSTATUS NTAPI fvm_NtSecureConnectPort(HANDLE *handle, UNICODE_STRING *name, void *qos, void *client_view, void *sid,
                                       void *server_view, ULONG *message, void *information, ULONG *length)
{
    CONNECT(
        nt.NtSecureConnectPort(handle, &port.system, qos, client_view, sid, server_view, message, information, length));
}

NTSTATUS NTAPI fvm_NtAlpcConnectPort(HANDLE *handle, UNICODE_STRING *name, OBJECT_ATTRIBUTES *attributes, void *ports,
                                     ULONG flags, void *sid, void *message, SIZE_T *length, void *out, void *in,
                                     LARGE_INTEGER *timeout)
{
    CONNECT(
        nt.NtAlpcConnectPort(handle, &port.system, attributes, ports, flags, sid, message, length, out, in, timeout));
}

NTSTATUS NTAPI fvm_NtAlpcConnectPortEx(HANDLE *handle, OBJECT_ATTRIBUTES *connection, OBJECT_ATTRIBUTES *attributes,
                                       void *port, ULONG flags, void *security, void *message, SIZE_T *length,
                                       void *out, void *in, LARGE_INTEGER *timeout)
{
    struct object_name name;
    OBJECT_ATTRIBUTES *at;
    NTSTATUS status = object_resolve(connection, OBJECT_OPEN, &name, &at);
    if (status >= 0)
        status =
            nt.NtAlpcConnectPortEx(handle, at, attributes, port, flags, security, message, length, out, in, timeout);
    if (!name.own_root || (status != STATUS_OBJECT_NAME_NOT_FOUND && status != STATUS_OBJECT_PATH_NOT_FOUND))
        return status;
    char16 *memory = scratch_take();
    struct str path = {memory, name.said.name.Length / sizeof(char16) + 1};
    *memory = '\\';
    if (guard_read(memory + 1, name.said.name.Buffer, name.said.name.Length) && use_system(path, &status)) {
        name.said.name = string_of(path);
        name.said.attributes.RootDirectory = NULL;
        status =
            nt.NtAlpcConnectPortEx(handle, at, attributes, port, flags, security, message, length, out, in, timeout);
    }
    scratch_give(memory);
    return status;
}
