/* fvm stop */
#include "cli/command.h"

static enum fvm_result stop(struct fvm_home *home, const wchar_t *name, struct fvm_error *error)
{
    uint32_t stopped;
    return fvm_stop(home, name, &stopped, error);
}

static int run(const struct command *self, const struct arguments *arguments)
{
    return run_on_vm(self, arguments, stop);
}

const struct command command_stop = {
    L"stop", "NAME", "end every program in a VM",
    "They end at once, with exit code 143, without being asked. What they had written to\n"
    "files stays in the VM. It is no error if nothing runs in it.\n",
    run};
