/* fvm log */
#include "cli/command.h"
#include "cli/output.h"

static bool print(void *context, const char *bytes, size_t size)
{
    (void)context;
    put_foreign(OUTPUT, bytes, size);
    return true;
}

static int run(const struct command *self, const struct arguments *arguments)
{
    struct fvm_error error;
    const wchar_t *name = only_name(self, arguments);
    struct fvm_home *home = name ? open_home() : NULL;
    if (!home)
        return EXIT_FVM;
    int code = fvm_log(home, name, print, NULL, &error) == FVM_OK ? 0 : report_error(&error);
    fvm_home_close(home);
    return code;
}

const struct command command_log = {
    L"log", "NAME", "print a VM's event log",
    "One line an event: the time (UTC), the process's number, what happened, and to what.\n"
    "  create    the VM was made           copy-up   a host file was copied before a change\n"
    "  start     a program started         refuse    something was not let through\n"
    "  exit      it ended, with its code   mend      the journal was repaired\n"
    "Programs in the VM can write to the log, so read it as their account, too.\n",
    run};
