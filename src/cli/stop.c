/* fvm stop */
#include "cli/command.h"

static int run(const struct command *self, const struct arguments *arguments)
{
    struct fvm_error error;
    uint32_t stopped;
    const wchar_t *name = only_name(self, arguments);
    struct fvm_home *home = name ? open_home() : NULL;
    if (!home)
        return EXIT_FVM;
    int code = fvm_stop(home, name, &stopped, &error) == FVM_OK ? 0 : report_error(&error);
    fvm_home_close(home);
    return code;
}

const struct command command_stop = {
    L"stop", "NAME", "end every program in a VM",
    "They end at once, with exit code 143, without being asked. What they had written to\n"
    "files stays in the VM. It is no error if nothing runs in it.\n",
    run};
