/* The services that create or open objects by name: one row each. They differ in nothing but their other arguments. */
#include "layer/objects/objects.h"

/* ROW(service, use, its parameters, its arguments with `at` in place of `attributes`) */
#define ROW(service, use, parameters, arguments)                                                                       \
    NTSTATUS NTAPI fvm_##service parameters                                                                            \
    {                                                                                                                  \
        struct object_name name;                                                                                       \
        OBJECT_ATTRIBUTES *at;                                                                                         \
        NTSTATUS status = object_resolve(attributes, use, &name, &at);                                                 \
        return status < 0 ? status : nt.service arguments;                                                             \
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
OPEN_ROW(NtOpenSection)
OPEN_ROW(NtOpenSemaphore)
OPEN_ROW(NtOpenSession)
OPEN_ROW(NtOpenTimer)

ROW(NtCreateEvent, OBJECT_CREATE,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG type, BOOLEAN state),
    (handle, access, at, type, state))
ROW(NtCreateEventPair, OBJECT_CREATE, (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes),
    (handle, access, at))
ROW(NtCreateMutant, OBJECT_CREATE,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, BOOLEAN owned),
    (handle, access, at, owned))
ROW(NtCreateSemaphore, OBJECT_CREATE,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, LONG initial, LONG most),
    (handle, access, at, initial, most))
ROW(NtCreateTimer, OBJECT_CREATE,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG type), (handle, access, at, type))
ROW(NtCreateKeyedEvent, OBJECT_CREATE,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG flags),
    (handle, access, at, flags))
ROW(NtCreateIoCompletion, OBJECT_CREATE,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG threads),
    (handle, access, at, threads))
ROW(NtCreateJobObject, OBJECT_CREATE, (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes),
    (handle, access, at))
ROW(NtCreateDebugObject, OBJECT_CREATE,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG flags),
    (handle, access, at, flags))
ROW(NtCreateSection, OBJECT_CREATE,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, const LARGE_INTEGER *size, ULONG protect,
     ULONG flags, HANDLE file),
    (handle, access, at, size, protect, flags, file))
ROW(NtCreateSectionEx, OBJECT_CREATE,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, const LARGE_INTEGER *size, ULONG protect,
     ULONG flags, HANDLE file, void *parameters, ULONG count),
    (handle, access, at, size, protect, flags, file, parameters, count))
ROW(NtCreateWaitCompletionPacket, OBJECT_CREATE,
    (HANDLE * handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes), (handle, access, at))
ROW(NtCreatePort, OBJECT_CREATE,
    (HANDLE * handle, OBJECT_ATTRIBUTES *attributes, ULONG information, ULONG message, ULONG *pool),
    (handle, at, information, message, pool))
ROW(NtCreateWaitablePort, OBJECT_CREATE,
    (HANDLE * handle, OBJECT_ATTRIBUTES *attributes, ULONG information, ULONG message, ULONG *pool),
    (handle, at, information, message, pool))
ROW(NtAlpcCreatePort, OBJECT_CREATE, (HANDLE * handle, OBJECT_ATTRIBUTES *attributes, void *port), (handle, at, port))
