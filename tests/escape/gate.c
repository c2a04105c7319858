/* The 64-bit ntdll of a 32-bit process, called by a program that switches to 64-bit code by itself (a far jump through the system's
 * 64-bit code segment), past the 32-bit ntdll and wow64.dll. In a 64-bit program the same by the addresses of the functions.
 *
 * Whatever is changed must be changed in the VM: what is found there afterwards is compared, and the host as well.
 *
 * Not tried, because nothing in user mode can stop it on Wine: system calls of its own. See docs/security.md. */
#include "try.h"

#include <winternl.h>

enum { STACK = 1 << 18, ARGUMENTS = 12, UNIX_SPAWN_WAIT = 1 };

struct call {
    uint64_t function;
    uint64_t arguments[ARGUMENTS];
    uint64_t result;
    uint64_t stack; /* its top, in the first 4 GiB */
};

#ifdef __i386__
void through_gate(struct call *call);
void own_teb(void);    /* 64-bit code, an address for struct call */
void copy_bytes(void); /* to, from, count; 64-bit code */
__asm__(".text\n"
        "_through_gate:\n"
        "  push %ebp; mov %esp, %ebp; push %ebx; push %esi; push %edi\n"
        "  mov 8(%ebp), %esi\n"
        "  ljmp $0x33, $1f\n"
        ".code64\n"
        "1: movl %esi, %esi; movl %esp, %ebx\n"
        "  movq 112(%rsi), %rsp; subq $128, %rsp\n"
        "  movq 40(%rsi), %rax; movq %rax, 32(%rsp); movq 48(%rsi), %rax; movq %rax, 40(%rsp)\n"
        "  movq 56(%rsi), %rax; movq %rax, 48(%rsp); movq 64(%rsi), %rax; movq %rax, 56(%rsp)\n"
        "  movq 72(%rsi), %rax; movq %rax, 64(%rsp); movq 80(%rsi), %rax; movq %rax, 72(%rsp)\n"
        "  movq 88(%rsi), %rax; movq %rax, 80(%rsp); movq 96(%rsi), %rax; movq %rax, 88(%rsp)\n"
        "  movq 8(%rsi), %rcx; movq 16(%rsi), %rdx; movq 24(%rsi), %r8; movq 32(%rsi), %r9\n"
        "  call *(%rsi)\n"
        "  movq %rax, 104(%rsi)\n"
        "  movl %ebx, %esp\n"
        "  subq $16, %rsp; leaq 2f(%rip), %rax; movl %eax, (%rsp); movl $0x23, 4(%rsp); lret\n"
        ".code32\n"
        "2: add $8, %esp; pop %edi; pop %esi; pop %ebx; pop %ebp; ret\n"
        ".code64\n"
        "_own_teb: movq %gs:0x30, %rax; ret\n"
        "_copy_bytes: pushq %rsi; pushq %rdi; movq %rcx, %rdi; movq %rdx, %rsi; movq %r8, %rcx\n"
        "  rep movsb; popq %rdi; popq %rsi; ret\n"
        ".code32\n");
#else
static void through_gate(struct call *call)
{
    uint64_t(NTAPI * function)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                               uint64_t, uint64_t, uint64_t) = (void *)(uintptr_t)call->function;
    const uint64_t *a = call->arguments;
    call->result = function(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11]);
}

static uint64_t own_teb(void)
{
    uint64_t teb;
    __asm__("movq %%gs:0x30, %0" : "=r"(teb));
    return teb;
}

static void copy_bytes(void *to, const void *from, size_t count)
{
    memcpy(to, from, count);
}
#endif

static uint64_t stack_top;

static uint64_t call64(uint64_t function, const uint64_t *arguments, size_t count)
{
    struct call call = {.function = function, .stack = stack_top};
    memcpy(call.arguments, arguments, count * sizeof *arguments);
    through_gate(&call);
    return call.result;
}

#define CALL(function, ...)                                                                                            \
    call64(function, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))
#define AT(pointer) ((uint64_t)(uintptr_t)(pointer))

static void read64(uint64_t address, void *to, size_t size)
{
    CALL(AT(copy_bytes), AT(to), address, size);
}

static uint64_t read_pointer(uint64_t address)
{
    uint64_t value = 0;
    read64(address, &value, sizeof value);
    return value;
}

/* Base of a 64-bit module, from the 64-bit loader's list. */
static uint64_t module64(const wchar_t *name)
{
    enum { TEB_PEB = 0x60, PEB_LOADER = 0x18, LOADER_LIST = 0x10, ENTRY_BASE = 0x30, ENTRY_NAME = 0x58 };
    uint64_t loader = read_pointer(read_pointer(CALL(AT(own_teb), 0) + TEB_PEB) + PEB_LOADER);
    uint64_t head = loader + LOADER_LIST;
    for (uint64_t entry = read_pointer(head); entry && entry != head; entry = read_pointer(entry)) {
        wchar_t own[64] = L"";
        uint16_t bytes = 0;
        read64(entry + ENTRY_NAME, &bytes, sizeof bytes);
        if (bytes < sizeof own)
            read64(read_pointer(entry + ENTRY_NAME + 8), own, bytes);
        if (!_wcsicmp(own, name))
            return read_pointer(entry + ENTRY_BASE);
    }
    return 0;
}

static uint64_t export64(uint64_t base, const char *name)
{
    IMAGE_DOS_HEADER dos;
    IMAGE_NT_HEADERS64 headers;
    IMAGE_EXPORT_DIRECTORY exports;
    if (!base)
        return 0;
    read64(base, &dos, sizeof dos);
    read64(base + (uint32_t)dos.e_lfanew, &headers, sizeof headers);
    read64(base + headers.OptionalHeader.DataDirectory[0].VirtualAddress, &exports, sizeof exports);
    for (DWORD i = 0; i < exports.NumberOfNames; i++) {
        uint32_t rva = 0, function = 0;
        uint16_t ordinal = 0;
        char own[64];
        read64(base + exports.AddressOfNames + i * 4, &rva, 4);
        read64(base + rva, own, sizeof own);
        own[63] = 0;
        if (strcmp(own, name) != 0)
            continue;
        read64(base + exports.AddressOfNameOrdinals + i * 2, &ordinal, 2);
        read64(base + exports.AddressOfFunctions + ordinal * 4u, &function, 4);
        return base + function;
    }
    return 0;
}

/* Structures as a 64-bit program has them. */
struct string64 {
    uint16_t length, maximum_length;
    uint32_t padding;
    uint64_t buffer;
};
struct attributes64 {
    uint64_t length, root, name, flags, descriptor, quality;
};
struct named64 {
    struct string64 string;
    struct attributes64 attributes;
};

static uint64_t named64(struct named64 *n, const wchar_t *name)
{
    uint16_t bytes = (uint16_t)(wcslen(name) * sizeof *name);
    n->string = (struct string64){bytes, bytes, 0, AT(name)};
    n->attributes = (struct attributes64){sizeof n->attributes, 0, AT(&n->string), OBJ_CASE_INSENSITIVE, 0, 0};
    return AT(&n->attributes);
}

static uint64_t ntdll;

static BOOL failed(uint64_t status)
{
    return (int32_t)status < 0;
}

/* Whether the VM has the file with this text, by the ordinary way. */
static void expect_text(const wchar_t *name, const char *text, const char *technique)
{
    report(!holds(nt_at(name), text), "%s: the VM does not have what was written", technique);
}

static void files(void)
{
    static const wchar_t *const names[] = {L"readme.txt", L"sub\\one.txt", L"gate-new.txt"};
    uint64_t create = export64(ntdll, "NtCreateFile"), write = export64(ntdll, "NtWriteFile");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct named64 n;
        uint64_t file = 0, io[2];
        uint64_t status = CALL(create, AT(&file), GENERIC_WRITE | SYNCHRONIZE, named64(&n, nt_at(names[i])), AT(io), 0,
                               0, SHARE_ALL, FILE_OVERWRITE_IF, FILE_SYNCHRONOUS_IO_NONALERT, 0, 0);
        if (!failed(status))
            CALL(write, file, 0, 0, 0, AT(io), AT("through the gate"), 16, 0, 0);
        CALL(export64(ntdll, "NtClose"), file);
        report(failed(status), "64-bit NtCreateFile of %s works: %lx", utf8(names[i]), (unsigned long)status);
        expect_text(names[i], "through the gate", "64-bit NtCreateFile");
    }
    struct named64 n;
    uint64_t status = CALL(export64(ntdll, "NtDeleteFile"), named64(&n, nt_at(L"sub\\two.txt")));
    report(opens(nt_at(L"sub\\two.txt"), FILE_READ_ATTRIBUTES, 0), "64-bit NtDeleteFile: %lx", (unsigned long)status);
}

static void keys(void)
{
    static const wchar_t *const names[] = {L"\\Registry\\Machine\\Software\\Microsoft\\Windows\\CurrentVersion",
                                           L"\\Registry\\Machine\\Software\\gate", L"\\Registry\\User\\.Default\\gate"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct named64 n;
        struct string64 value = {8, 8, 0, AT(L"gate")};
        uint64_t key = 0, disposition = 0;
        uint64_t status = CALL(export64(ntdll, "NtCreateKey"), AT(&key), KEY_ALL_ACCESS, named64(&n, names[i]), 0, 0, 0,
                               AT(&disposition));
        if (!failed(status))
            CALL(export64(ntdll, "NtSetValueKey"), key, AT(&value), 0, REG_SZ, AT(L"gate"), 10);
        CALL(export64(ntdll, "NtClose"), key);
        report(FALSE, "64-bit NtSetValueKey of %s: %lx", utf8(names[i]),
               (unsigned long)status); /* the host is compared */
    }
}

static void processes(void)
{
    uint64_t open = export64(ntdll, "NtOpenProcess");
    unsigned opened = 0;
    for (uint64_t pid = 4; pid < 1024; pid += 4) {
        uint64_t id[2] = {pid, 0}, process = 0;
        struct attributes64 attributes = {.length = sizeof attributes};
        if (failed(CALL(open, AT(&process), PROCESS_ALL_ACCESS, AT(&attributes), AT(id))))
            continue;
        opened += pid != GetCurrentProcessId();
        CALL(export64(ntdll, "NtClose"), process);
    }
    report(opened > 0, "64-bit NtOpenProcess of %u processes outside", opened);
}

/* Wine's own service for Unix programs: it would make a file beside the ones of this directory. */
static void unix_program(void)
{
    char *mark = malloc(UNITS);
    const wchar_t *directory = unix_name(top);
    uint64_t spawn = export64(ntdll, "__wine_unix_spawnvp");
    if (!spawn || wcslen(directory) < 9) {
        report(FALSE, "no 64-bit service for Unix programs");
        return;
    }
    snprintf(mark, UNITS, "%s/gate-mark", utf8(directory + wcslen(L"\\??\\unix")));
    uint64_t arguments[] = {AT("/usr/bin/touch"), AT(mark), 0};
    uint64_t status = CALL(spawn, AT(arguments), UNIX_SPAWN_WAIT);
    report(!failed(status), "64-bit service for Unix programs: %lx", (unsigned long)status);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    stack_top = AT(VirtualAlloc(NULL, STACK, MEM_COMMIT, PAGE_READWRITE)) + STACK;
    ntdll = module64(L"ntdll.dll");
    report(!ntdll, "the 64-bit ntdll was found, so what follows was tried");
    if (!ntdll)
        return 1;
    files();
    keys();
    processes();
    unix_program();
    return 0;
}
