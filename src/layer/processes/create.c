/* Creating processes. Whatever way a program asks for a process, it begins suspended, is put into the VM, and only then
 * runs; what the layer cannot enter is refused. */
#include "layer/files/files.h"
#include "layer/handles.h"
#include "layer/objects/objects.h"
#include "layer/processes/processes.h"
#include "nt/enter.h"
#include "nt/parameters.h"

enum { ATTRIBUTES_MAX = 64, HEADER_BYTES = 4096 };

/* What the program passed, read once: it may change its memory at any time. A scratch block. */
struct passed {
    union {
        FVM_PS_ATTRIBUTE_LIST list;
        uint8_t room[sizeof(SIZE_T) + ATTRIBUTES_MAX * sizeof(FVM_PS_ATTRIBUTE)];
    };
    char16 image[UINT16_MAX / sizeof(char16) + 2]; /* its name, terminated */
};
_Static_assert(sizeof(struct passed) <= SCRATCH_SIZE, "one scratch block");

/* One call of NtCreateUserProcess. */
struct creating {
    struct passed *passed;
    FVM_PS_ATTRIBUTE_LIST *list; /* in passed */
    SIZE_T count;
    struct file_memory *memory;
    struct file_name name;
    struct strbuf real; /* NT path of the image as the system must open it */
    uint16_t machine;
    bool in_storage;
    bool held; /* with these, and the lock: see hold_image */
    HANDLE file, section;
};

static FVM_PS_ATTRIBUTE *find_attribute(const struct creating *c, ULONG_PTR attribute)
{
    for (SIZE_T i = 0; i < c->count; i++)
        if (c->list->Attributes[i].Attribute == attribute)
            return &c->list->Attributes[i];
    return NULL;
}

static NTSTATUS copy_attributes(struct creating *c, const FVM_PS_ATTRIBUTE_LIST *attributes)
{
    SIZE_T total;
    if (!guard_read(&total, &attributes->TotalLength, sizeof(total)))
        return STATUS_ACCESS_VIOLATION;
    if (total < sizeof(SIZE_T) || (total - sizeof(SIZE_T)) / sizeof(FVM_PS_ATTRIBUTE) > ATTRIBUTES_MAX)
        return STATUS_INVALID_PARAMETER;
    if (!guard_read(c->list, attributes, total))
        return STATUS_ACCESS_VIOLATION;
    c->list->TotalLength = total;
    c->count = (total - sizeof(SIZE_T)) / sizeof(FVM_PS_ATTRIBUTE);
    /* Of two with one name, systems differ in which one counts. */
    for (SIZE_T i = 0; i < c->count; i++)
        if (find_attribute(c, c->list->Attributes[i].Attribute) != &c->list->Attributes[i])
            return log_refusal("the same attribute twice", (struct str){0}, STATUS_INVALID_PARAMETER);
    return STATUS_SUCCESS;
}

/* The name of the image, which the system gets as the layer looked at it. */
static NTSTATUS copy_image_name(struct creating *c, FVM_PS_ATTRIBUTE *image)
{
    if (image->Size > UINT16_MAX)
        return STATUS_NAME_TOO_LONG;
    if (!guard_read(c->passed->image, image->ValuePtr, image->Size))
        return STATUS_ACCESS_VIOLATION;
    c->passed->image[(image->Size + 1) / sizeof(char16)] = 0;
    image->ValuePtr = c->passed->image;
    return STATUS_SUCCESS;
}

/* Wine starts a Unix program as gladly as a Windows one, outside the VM, and opens the image by its name, more than once. So nothing
 * may take the place of what was looked at while that lasts. Who has it open as an image lets nobody write to it, truncate or delete it
 * meanwhile, and renaming it, a directory above it, or another file to its name needs the lock. */
static NTSTATUS hold_image(struct creating *c)
{
    enum { SEC_IMAGE_FLAG = 0x1000000 };
    if (!c->in_storage || !nt.__wine_unix_spawnvp)
        return STATUS_SUCCESS;
    layer_lock();
    c->held = true;
    struct path_attributes at = path_attributes(buf_str(&c->real));
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtOpenFile(&c->file, GENERIC_READ, path_object(&at), &io, FILE_SHARE_READ | FILE_SHARE_DELETE,
                                    FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE);
    if (status < 0)
        return status;
    status = nt.NtCreateSection(&c->section, SECTION_QUERY, NULL, NULL, PAGE_READONLY, SEC_IMAGE_FLAG, c->file);
    return status == STATUS_INVALID_IMAGE_NOT_MZ ? STATUS_SUCCESS : status; /* not yet refused with a word */
}

static void release_image(struct creating *c)
{
    if (c->section)
        nt.NtClose(c->section);
    if (c->file)
        nt.NtClose(c->file);
    if (c->held)
        layer_unlock();
}

/* IMAGE_FILE_MACHINE_* of the file, 0 when it is no Windows program; unix_program: a Unix one. */
static NTSTATUS read_machine(struct creating *c, bool *unix_program)
{
    struct path_attributes at = path_attributes(buf_str(&c->real));
    IO_STATUS_BLOCK io;
    HANDLE file = c->file;
    LARGE_INTEGER start = {.QuadPart = 0};
    NTSTATUS status = STATUS_SUCCESS;
    if (!file)
        status = nt.NtOpenFile(&file, FILE_READ_DATA | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL,
                               FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE);
    if (status < 0)
        return status;
    uint8_t *head = (uint8_t *)c->memory->work;
    io.Information = 0;
    nt.NtReadFile(file, NULL, NULL, NULL, &io, head, HEADER_BYTES, &start, NULL);
    if (file != c->file)
        nt.NtClose(file);
    c->machine = image_machine(head, io.Information);
    *unix_program = io.Information >= 4 && (mem_equal(head,
                                                      "\x7f"
                                                      "ELF",
                                                      4) ||
                                            mem_equal(head, "#!", 2));
    return STATUS_SUCCESS;
}

/* Finds the image in the VM's names. To look into what is no file is to open it, so that is refused before. */
static NTSTATUS find_image(struct creating *c, const OBJECT_ATTRIBUTES *attributes, struct map_place *place)
{
    NTSTATUS status = name_decode(attributes, 0, c->memory, &c->name);
    if (status < 0)
        return status;
    if (c->name.kind != NAME_FILE)
        return log_refusal("device", buf_str(&c->name.path), STATUS_OBJECT_NAME_INVALID);
    do
        status = file_resolve_to_read(&c->name, c->memory, place);
    while (status >= 0 && file_alias_of(&c->name, c->memory, place));
    return status;
}

/* Checks that the layer can enter the image. */
static NTSTATUS prepare_image(struct creating *c)
{
    FVM_PS_ATTRIBUTE *image = find_attribute(c, FVM_PS_ATTRIBUTE_IMAGE_NAME);
    if (!image)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = copy_image_name(c, image);
    if (status < 0)
        return status;
    UNICODE_STRING string = {(USHORT)image->Size, (USHORT)image->Size, image->ValuePtr};
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof(attributes), .ObjectName = &string};
    struct map_place place = {0};
    bool unix_program = false;
    status = find_image(c, &attributes, &place);
    if (status < 0)
        return status;
    buf_init(&c->real, c->memory->real, PATH_UNITS);
    file_real_path(&c->name, &place, true, &c->real);
    c->in_storage = !place.has_lower || place.lower_base.len;
    status = hold_image(c);
    if (status >= 0)
        status = read_machine(c, &unix_program);
    if (status < 0)
        return status;
    if (!c->machine) {
        if (unix_program)
            log_refusal("not a Windows program", buf_str(&c->name.path), STATUS_INVALID_IMAGE_NOT_MZ);
        return STATUS_INVALID_IMAGE_NOT_MZ;
    }
    if (!process_can_enter(c->machine))
        return log_refusal("no layer for this machine type", buf_str(&c->name.path), STATUS_INVALID_IMAGE_WIN_32);
    if (c->in_storage) {
        image->ValuePtr = c->real.s;
        image->Size = c->real.len * sizeof(char16);
        if (!buf_terminate(&c->real))
            return STATUS_NAME_TOO_LONG;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS check_parent(const struct creating *c)
{
    FVM_PS_ATTRIBUTE *parent = find_attribute(c, FVM_PS_ATTRIBUTE_PARENT_PROCESS);
    if (!parent || process_is_ours(parent->ValuePtr))
        return STATUS_SUCCESS;
    HANDLE same;
    NTSTATUS status = handle_keep(parent->ValuePtr, &same);
    if (status < 0)
        return status; /* no handle at all */
    nt.NtClose(same);
    return log_refusal("parent outside the VM", buf_str(&c->name.path), STATUS_ACCESS_DENIED);
}

static NTSTATUS read_parameters(HANDLE process, FVM_PROCESS_PARAMETERS *parameters)
{
    FVM_PROCESS_BASIC_INFORMATION basic;
    FVM_PEB peb;
    NTSTATUS status = nt.NtQueryInformationProcess(process, 0, &basic, sizeof(basic), NULL);
    if (status >= 0)
        status = nt.NtReadVirtualMemory(process, basic.PebBaseAddress, &peb, sizeof(peb), NULL);
    if (status >= 0)
        status = nt.NtReadVirtualMemory(process, peb.ProcessParameters, parameters, sizeof(*parameters), NULL);
    return status;
}

/* Logs are open for appending, never for writing elsewhere. Of other files no name is asked, as in object_is_first. */
static bool is_log(HANDLE handle)
{
    if ((handle_granted(handle) & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != FILE_APPEND_DATA)
        return false;
    char16 *memory = scratch_take();
    struct strbuf path;
    buf_init(&path, memory, PATH_UNITS);
    bool is = host_name_of_handle(handle, &path) &&
              str_equal_fold(layer.up, path_parent(buf_str(&path)), path_parent(layer.storage));
    scratch_give(memory);
    return is;
}

static bool is_layers(HANDLE handle)
{
    return object_is_first(handle) || is_log(handle);
}

/* The system duplicates for a process what its parameters name as its console and standard handles, whether it may be inherited or not. So
 * they are looked at where they are then: the program may change what it passed at any time. */
static NTSTATUS check_given_handles(HANDLE process, struct str image)
{
    FVM_PROCESS_PARAMETERS parameters;
    NTSTATUS status = read_parameters(process, &parameters);
    if (status < 0)
        return log_refusal("parameters that cannot be read", image, status);
    const HANDLE given[] = {parameters.ConsoleHandle, parameters.StandardInput, parameters.StandardOutput,
                            parameters.StandardError};
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        if (given[i] && (!i || given[i] != given[i - 1]) && handle_is_possible(given[i]) &&
            handle_there(process, given[i], is_layers)) {
            handle_refuse();
            return STATUS_INVALID_HANDLE;
        }
    return STATUS_SUCCESS;
}

/* Wine gives the process the path that its image was opened by; the VM's programs must see theirs. */
static void show_image_name(struct creating *c, HANDLE process)
{
    FVM_PROCESS_PARAMETERS parameters;
    if (!c->in_storage || read_parameters(process, &parameters) < 0)
        return;
    UNICODE_STRING *image = &parameters.ImagePathName;
    struct str real = buf_str(&c->real), path = buf_str(&c->name.path);
    char16 *there = c->memory->work;
    if (image->Length > sizeof(c->memory->work) ||
        nt.NtReadVirtualMemory(process, image->Buffer, there, image->Length, NULL) < 0)
        return;
    struct str shown = {there, image->Length / sizeof(char16)};
    bool dos = str_equal_fold(layer.up, shown, str_from(real, 4)); /* without \??\ */
    if (!dos && !str_equal_fold(layer.up, shown, real))
        return;
    struct strbuf own;
    buf_init(&own, c->memory->more, PATH_UNITS);
    name_host(path, &own);
    parameters_set_image_name(process, dos ? str_from(buf_str(&own), 4) : buf_str(&own));
}

/* Of the process and its thread, for the layer: with these, what the program asks for is enough. */
#define PROCESS_NEEDED                                                                                                 \
    (PROCESS_VM_OPERATION | PROCESS_VM_READ | PROCESS_VM_WRITE | PROCESS_DUP_HANDLE | PROCESS_QUERY_INFORMATION |      \
     PROCESS_SET_QUOTA | PROCESS_TERMINATE)
#define THREAD_NEEDED THREAD_SUSPEND_RESUME

static ACCESS_MASK access_for_both(ACCESS_MASK program, ACCESS_MASK needed)
{
    return (program & needed) == needed ? program : MAXIMUM_ALLOWED;
}

/* Hands a handle to the program with the access that it asked for. */
static NTSTATUS give_handle(HANDLE own, HANDLE *to, ACCESS_MASK access, ACCESS_MASK needed,
                            const OBJECT_ATTRIBUTES *attributes)
{
    HANDLE given = own;
    ULONG flags = 0;
    if (access_for_both(access, needed) != access) {
        if (attributes && !guard_read(&flags, &attributes->Attributes, sizeof(flags)))
            return STATUS_ACCESS_VIOLATION;
        NTSTATUS status =
            nt.NtDuplicateObject(NT_CURRENT_PROCESS, own, NT_CURRENT_PROCESS, &given, access, flags & OBJ_INHERIT, 0);
        if (status < 0)
            return status;
        nt.NtClose(own);
    }
    return guard_write(to, &given, sizeof(given)) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

static NTSTATUS end_process(HANDLE process, HANDLE thread, NTSTATUS status)
{
    nt.NtTerminateProcess(process, status);
    nt.NtClose(process);
    if (thread)
        nt.NtClose(thread);
    return status;
}

NTSTATUS NTAPI fvm_NtCreateUserProcess(HANDLE *process, HANDLE *thread, ACCESS_MASK process_access,
                                       ACCESS_MASK thread_access, OBJECT_ATTRIBUTES *process_attributes,
                                       OBJECT_ATTRIBUTES *thread_attributes, ULONG process_flags, ULONG thread_flags,
                                       FVM_PROCESS_PARAMETERS *parameters, void *create_info,
                                       FVM_PS_ATTRIBUTE_LIST *attributes)
{
    layer_attach();
    struct creating c = {.passed = scratch_take(), .memory = scratch_take()};
    c.list = &c.passed->list;
    HANDLE own_process = NULL, own_thread = NULL;
    bool breakaway = process_flags & PROCESS_CREATE_FLAGS_BREAKAWAY_FLAG, in_job = false;
    NTSTATUS status = copy_attributes(&c, attributes);
    if (status >= 0)
        status = prepare_image(&c);
    if (status >= 0)
        status = check_parent(&c);
    if (status >= 0) {
        ULONG suspended = thread_flags | THREAD_CREATE_FLAGS_CREATE_SUSPENDED_FLAG;
        FVM_PS_ATTRIBUTE *parent = find_attribute(&c, FVM_PS_ATTRIBUTE_PARENT_PROCESS);
        in_job = process_in_job(parent ? parent->ValuePtr : NT_CURRENT_PROCESS);
        ACCESS_MASK process_both = access_for_both(process_access, PROCESS_NEEDED);
        ACCESS_MASK thread_both = access_for_both(thread_access, THREAD_NEEDED);
        status = nt.NtCreateUserProcess(&own_process, &own_thread, process_both, thread_both, process_attributes,
                                        thread_attributes, process_flags, suspended, parameters, create_info, c.list);
        /* The VM's job lets nobody go; outside there would be no job, so the flag just has no effect. */
        if (status == STATUS_ACCESS_DENIED && breakaway && !in_job)
            status = nt.NtCreateUserProcess(&own_process, &own_thread, process_both, thread_both, process_attributes,
                                            thread_attributes, process_flags & ~PROCESS_CREATE_FLAGS_BREAKAWAY_FLAG,
                                            suspended, parameters, create_info, c.list);
    }
    release_image(&c);
    if (status >= 0 && !own_process) /* Wine: a Unix program ran in its place */
        status = log_refusal("not a Windows program", buf_str(&c.name.path), STATUS_INVALID_IMAGE_NOT_MZ);
    if (status >= 0) {
        bool joins_job = (in_job && !breakaway) || find_attribute(&c, FVM_PS_ATTRIBUTE_JOB_LIST);
        NTSTATUS joined = check_given_handles(own_process, buf_str(&c.name.path));
        if (joined >= 0)
            joined = process_join(own_process, buf_str(&c.name.path), joins_job);
        if (joined < 0)
            status = end_process(own_process, own_thread, joined);
        else {
            show_image_name(&c, own_process);
            if (!(thread_flags & THREAD_CREATE_FLAGS_CREATE_SUSPENDED_FLAG))
                nt.NtResumeThread(own_thread, NULL);
            joined = give_handle(own_process, process, process_access, PROCESS_NEEDED, process_attributes);
            status = joined < 0 ? joined : status;
            joined = give_handle(own_thread, thread, thread_access, THREAD_NEEDED, thread_attributes);
            status = joined < 0 ? joined : status;
        }
    }
    scratch_give(c.memory);
    scratch_give(c.passed);
    return status;
}

/* ---- the older services (not on Wine 8): the process has no thread yet ---- */

static NTSTATUS join_created(HANDLE own, HANDLE *process, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes)
{
    NTSTATUS status = process_join(own, (struct str){0}, false);
    return status < 0 ? end_process(own, NULL, status) : give_handle(own, process, access, PROCESS_NEEDED, attributes);
}

/* A process without an image of its own is a copy of another one, with memory and hooks but not the VM's handles. */
static NTSTATUS check_created(HANDLE parent, HANDLE section)
{
    layer_attach();
    if (!section)
        return log_refusal("copy of a process", (struct str){0}, STATUS_NOT_SUPPORTED);
    return process_is_ours(parent) ? STATUS_SUCCESS
                                   : log_refusal("parent outside the VM", (struct str){0}, STATUS_ACCESS_DENIED);
}

NTSTATUS NTAPI fvm_NtCreateProcessEx(HANDLE *process, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes, HANDLE parent,
                                     ULONG flags, HANDLE section, HANDLE debug, HANDLE token, ULONG reserved)
{
    HANDLE own;
    NTSTATUS status = check_created(parent, section);
    if (status >= 0)
        status = nt.NtCreateProcessEx(&own, access_for_both(access, PROCESS_NEEDED), attributes, parent,
                                      flags & ~PROCESS_CREATE_FLAGS_BREAKAWAY_FLAG, section, debug, token, reserved);
    return status < 0 ? status : join_created(own, process, access, attributes);
}

NTSTATUS NTAPI fvm_NtCreateProcess(HANDLE *process, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes, HANDLE parent,
                                   BOOLEAN inherit, HANDLE section, HANDLE debug, HANDLE token)
{
    HANDLE own;
    NTSTATUS status = check_created(parent, section);
    if (status >= 0)
        status = nt.NtCreateProcess(&own, access_for_both(access, PROCESS_NEEDED), attributes, parent, inherit, section,
                                    debug, token);
    return status < 0 ? status : join_created(own, process, access, attributes);
}

/* ---- what no layer can enter ---- */

NTSTATUS NTAPI fvm_NtLoadDriver(const UNICODE_STRING *name)
{
    UNICODE_STRING said;
    layer_attach();
    char16 *memory = scratch_take();
    bool read = guard_read(&said, name, sizeof(said)) && guard_read(memory, said.Buffer, said.Length);
    struct str service = {memory, read ? said.Length / sizeof(char16) : 0};
    log_refusal("loading a driver", service, STATUS_PRIVILEGE_NOT_HELD);
    scratch_give(memory);
    return STATUS_PRIVILEGE_NOT_HELD;
}

NTSTATUS NTAPI fvm___wine_unix_spawnvp(char *const argv[], int wait)
{
    (void)argv, (void)wait;
    layer_attach();
    return log_refusal("starting a Unix program", (struct str){0}, STATUS_ACCESS_DENIED);
}
