/* Every process of a VM is in the VM's job, which nobody in the VM should notice: where there is no other job, there is none. */
#include "layer/processes/processes.h"

NTSTATUS NTAPI fvm_NtAssignProcessToJobObject(HANDLE job, HANDLE process)
{
    layer_attach();
    NTSTATUS status = nt.NtAssignProcessToJobObject(job, process);
    if (status >= 0)
        process_set_in_job(process, true);
    return status;
}

NTSTATUS NTAPI fvm_NtIsProcessInJob(HANDLE process, HANDLE job)
{
    NTSTATUS status = nt.NtIsProcessInJob(process, job);
    if (job || status != STATUS_PROCESS_IN_JOB)
        return status;
    layer_attach();
    return process_in_job(process) ? status : STATUS_PROCESS_NOT_IN_JOB;
}

/* Without a handle: about the job that this process is in. */
NTSTATUS NTAPI fvm_NtQueryInformationJobObject(HANDLE job, ULONG class, void *information, ULONG length,
                                               ULONG *return_length)
{
    if (job)
        return nt.NtQueryInformationJobObject(job, class, information, length, return_length);
    layer_attach();
    NTSTATUS status = nt.NtQueryInformationJobObject(job, class, information, length, return_length);
    return status >= 0 && !process_in_job(NT_CURRENT_PROCESS) ? STATUS_ACCESS_DENIED : status;
}
