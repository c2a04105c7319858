/* fvm log */
#include "cli/command.h"
#include "cli/output.h"

static bool print(void *context, const char *bytes, size_t size)
{
    (void)context;
    put_foreign(OUTPUT, bytes, size);
    return true;
}

static enum fvm_result print_log(struct fvm_home *home, const wchar_t *name, struct fvm_error *error)
{
    return fvm_log(home, name, print, NULL, error);
}

static int run(const struct command *self, const struct arguments *arguments)
{
    return run_on_vm(self, arguments, print_log);
}

const struct command command_log = {
    L"log", "NAME", "print a VM's event log",
    "One line an event: the time (UTC), the process's number, what happened, and to what.\n"
    "  create    the VM was made           copy-up   a host file was copied before a change\n"
    "  start     a program started         refuse    something was not let through\n"
    "  exit      it ended, with its code   mend      the journal was repaired\n"
    "  outside   a process of the system ran in the VM's group without being in the VM\n"
    "Programs in the VM can write to the log, so read it as their account, too.\n",
    run};
