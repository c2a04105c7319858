/* The services that create or open objects by name: one row each. They differ in nothing but their other arguments. */
#include "layer/handles.h"
#include "layer/objects/objects.h"

/* ROW(service, its parameters, its arguments with `&made` in place of `handle` and `at` of `attributes`) */
#define ROW(service, parameters, arguments)                                                                            \
    NTSTATUS NTAPI fvm_##service parameters                                                                            \
    {                                                                                                                  \
        struct object_name name;                                                                                       \
        OBJECT_ATTRIBUTES *at;                                                                                         \
        HANDLE made;                                                                                                   \
        NTSTATUS status = object_resolve(attributes, OBJECT_CREATE, &name, &at);                                       \
        if (status < 0)                                                                                                \
            return status;                                                                                             \
        if (!guard_read(&made, handle, sizeof(made)))                                                                  \
            return STATUS_ACCESS_VIOLATION;                                                                            \
        status = nt.service arguments;                                                                                 \
        return object_give(handle, made, at, true, status);                                                            \
    }

#define OPEN_ROW(service)                                                                                              \
    NTSTATUS NTAPI fvm_##service(HANDLE *handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes)              \
    {                                                                                                                  \
        return object_open(nt.service, false, handle, access, attributes);                                             \
    }

OPEN_ROW(NtOpenEvent)
OPEN_ROW(NtOpenEventPair)
OPEN_ROW(NtOpenIoCompletion)
OPEN_ROW(NtOpenJobObject)
OPEN_ROW(NtOpenKeyedEvent)
OPEN_ROW(NtOpenMutant)
OPEN_ROW(NtOpenRegistryTransaction)
OPEN_ROW(NtOpenSection)
OPEN_ROW(NtOpenSemaphore)
OPEN_ROW(NtOpenSession)
OPEN_ROW(NtOpenTimer)

ROW(NtCreateEvent,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG type, BOOLEAN state),
    (&made, access, at, type, state))
ROW(NtCreateEventPair, (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes), (&made, access, at))
ROW(NtCreateMutant, (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, BOOLEAN owned),
    (&made, access, at, owned))
ROW(NtCreateSemaphore,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, LONG initial, LONG most),
    (&made, access, at, initial, most))
ROW(NtCreateTimer, (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG type),
    (&made, access, at, type))
ROW(NtCreateKeyedEvent, (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG flags),
    (&made, access, at, flags))
ROW(NtCreateIoCompletion, (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG threads),
    (&made, access, at, threads))
ROW(NtCreateJobObject, (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes), (&made, access, at))
ROW(NtCreateRegistryTransaction,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG options),
    (&made, access, at, options))
ROW(NtCreateDebugObject, (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG flags),
    (&made, access, at, flags))
ROW(NtCreateDirectoryObjectEx,
    (HANDLE * handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes, HANDLE shadow, ULONG flags),
    (&made, access, at, shadow, flags))
ROW(NtCreateSection,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, const LARGE_INTEGER *size, ULONG protect,
     ULONG flags, HANDLE file),
    (&made, access, at, size, protect, flags, handle_used(file)))
ROW(NtCreateSectionEx,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, const LARGE_INTEGER *size, ULONG protect,
     ULONG flags, HANDLE file, void *parameters, ULONG count),
    (&made, access, at, size, protect, flags, handle_used(file), parameters, count))
ROW(NtCreateWaitCompletionPacket, (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes),
    (&made, access, at))
ROW(NtCreatePort, (HANDLE * handle, OBJECT_ATTRIBUTES *attributes, ULONG information, ULONG message, ULONG *pool),
    (&made, at, information, message, pool))
ROW(NtCreateWaitablePort,
    (HANDLE * handle, OBJECT_ATTRIBUTES *attributes, ULONG information, ULONG message, ULONG *pool),
    (&made, at, information, message, pool))
ROW(NtAlpcCreatePort, (HANDLE * handle, OBJECT_ATTRIBUTES *attributes, void *port), (&made, at, port))
