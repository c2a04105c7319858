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

/* The VM's own name of a port, in `memory` (a scratch block); false when the system can say what is wrong with the name. */
static bool own_port(const UNICODE_STRING *program, char16 *memory, UNICODE_STRING *own, struct str *name)
{
    struct strbuf path;
    UNICODE_STRING string;
    buf_init(&path, memory, UNICODE_STRING_MAX_CHARS);
    buf_add(&path, object_root());
    if (!guard_read(&string, program, sizeof(string)) || path.len + string.Length / sizeof(char16) > path.cap ||
        !guard_read(memory + path.len, string.Buffer, string.Length))
        return false;
    size_t len = string.Length / sizeof(char16);
    *name = (struct str){memory + path.len, len};
    *own = (UNICODE_STRING){(USHORT)((path.len + len) * sizeof(char16)), (USHORT)((path.len + len) * sizeof(char16)),
                            (WCHAR *)memory};
    return len && name->s[0] == '\\';
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

#define CONNECT(call, original)                                                                                        \
    layer_attach();                                                                                                    \
    char16 *memory = scratch_take();                                                                                   \
    UNICODE_STRING own;                                                                                                \
    struct str port_name;                                                                                              \
    bool decoded = own_port(name, memory, &own, &port_name);                                                           \
    NTSTATUS status = decoded ? (call) : (original);                                                                   \
    if (decoded && use_system(port_name, &status))                                                                     \
        status = (original);                                                                                           \
    scratch_give(memory);                                                                                              \
    return status

NTSTATUS NTAPI fvm_NtConnectPort(HANDLE *handle, UNICODE_STRING *name, void *qos, void *client_view, void *server_view,
                                 ULONG *message, void *information, ULONG *length)
{
    CONNECT(nt.NtConnectPort(handle, &own, qos, client_view, server_view, message, information, length),
            nt.NtConnectPort(handle, name, qos, client_view, server_view, message, information, length));
}

NTSTATUS NTAPI fvm_NtSecureConnectPort(HANDLE *handle, UNICODE_STRING *name, void *qos, void *client_view, void *sid,
                                       void *server_view, ULONG *message, void *information, ULONG *length)
{
    CONNECT(nt.NtSecureConnectPort(handle, &own, qos, client_view, sid, server_view, message, information, length),
            nt.NtSecureConnectPort(handle, name, qos, client_view, sid, server_view, message, information, length));
}

NTSTATUS NTAPI fvm_NtAlpcConnectPort(HANDLE *handle, UNICODE_STRING *name, OBJECT_ATTRIBUTES *attributes, void *port,
                                     ULONG flags, void *sid, void *message, SIZE_T *length, void *out, void *in,
                                     LARGE_INTEGER *timeout)
{
    CONNECT(nt.NtAlpcConnectPort(handle, &own, attributes, port, flags, sid, message, length, out, in, timeout),
            nt.NtAlpcConnectPort(handle, name, attributes, port, flags, sid, message, length, out, in, timeout));
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
    if (at == connection || (status != STATUS_OBJECT_NAME_NOT_FOUND && status != STATUS_OBJECT_PATH_NOT_FOUND))
        return status;
    char16 *memory = scratch_take();
    struct str path = {memory, (name.name.Length + sizeof(char16)) / sizeof(char16)};
    bool known = guard_read(memory, name.name.Buffer - 1, path.len * sizeof(char16)) && use_system(path, &status);
    scratch_give(memory);
    return known ? nt.NtAlpcConnectPortEx(handle, connection, attributes, port, flags, security, message, length, out,
                                          in, timeout)
                 : status;
}
