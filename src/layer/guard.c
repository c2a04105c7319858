/* Guarded copies. The copy instruction is at a known address; a vectored handler that sees a fault there makes the copy
 * return false. The handler is registered with the system as soon as the process has a heap; before that only the
 * loader runs, which passes no bad pointers. */
#include <stdatomic.h>

#include "layer/layer.h"
#include "layer/symbol.h"

int fvm_guard_copy(void *to, const void *from, size_t size);
extern const uint8_t fvm_guard_fault[], fvm_guard_failed[];

#ifdef __x86_64__
__asm__(".text\n"
        ".globl fvm_guard_copy, fvm_guard_fault, fvm_guard_failed\n"
        "fvm_guard_copy:\n"
        "  pushq %rdi\n"
        "  pushq %rsi\n"
        "  movq %rcx, %rdi\n"
        "  movq %rdx, %rsi\n"
        "  movq %r8, %rcx\n"
        "fvm_guard_fault:\n"
        "  rep movsb\n"
        "  movl $1, %eax\n"
        "  popq %rsi\n"
        "  popq %rdi\n"
        "  ret\n"
        "fvm_guard_failed:\n"
        "  xorl %eax, %eax\n"
        "  popq %rsi\n"
        "  popq %rdi\n"
        "  ret\n");
#define CONTEXT_PC Rip
#else
__asm__(".text\n"
        ".globl _fvm_guard_copy, _fvm_guard_fault, _fvm_guard_failed\n"
        "_fvm_guard_copy:\n"
        "  pushl %edi\n"
        "  pushl %esi\n"
        "  movl 12(%esp), %edi\n"
        "  movl 16(%esp), %esi\n"
        "  movl 20(%esp), %ecx\n"
        "_fvm_guard_fault:\n"
        "  rep movsb\n"
        "  movl $1, %eax\n"
        "  popl %esi\n"
        "  popl %edi\n"
        "  ret\n"
        "_fvm_guard_failed:\n"
        "  xorl %eax, %eax\n"
        "  popl %esi\n"
        "  popl %edi\n"
        "  ret\n");
#define CONTEXT_PC Eip
#endif

static LONG NTAPI on_exception(EXCEPTION_POINTERS *exception)
{
    if (exception->ContextRecord->CONTEXT_PC != (uintptr_t)fvm_guard_fault)
        return EXCEPTION_CONTINUE_SEARCH;
    exception->ContextRecord->CONTEXT_PC = (uintptr_t)fvm_guard_failed;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static const FVM_PEB *current_peb(void)
{
    const FVM_PEB *peb;
#ifdef __x86_64__
    __asm__("movq %%gs:0x60, %0" : "=r"(peb));
#else
    __asm__("movl %%fs:0x30, %0" : "=r"(peb));
#endif
    return peb;
}

static void guard_ready(void)
{
    static atomic_int registered;
    if (atomic_load_explicit(&registered, memory_order_relaxed) || !current_peb()->ProcessHeap || !current_peb()->Ldr)
        return;
    if (!atomic_exchange(&registered, 1))
        nt.RtlAddVectoredExceptionHandler(1, on_exception);
}

bool guard_read(void *to, const void *from, size_t size)
{
    guard_ready();
    return fvm_guard_copy(to, from, size);
}

bool guard_write(void *to, const void *from, size_t size)
{
    guard_ready();
    return fvm_guard_copy(to, from, size);
}
