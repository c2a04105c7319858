/* fvm delete */
#include "cli/command.h"

static int run(const struct command *self, const struct arguments *arguments)
{
    return run_on_vm(self, arguments, fvm_delete);
}

const struct command command_delete = {
    L"delete", "NAME", "delete a VM with all that was changed in it",
    "The host is as it always was. A VM in which programs run is not deleted: end them, or\n"
    "use 'fvm stop NAME' first.\n",
    run};
