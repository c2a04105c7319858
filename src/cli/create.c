/* fvm create */
#include "cli/command.h"

static int run(const struct command *self, const struct arguments *arguments)
{
    return run_on_vm(self, arguments, fvm_create);
}

const struct command command_create = {
    L"create", "NAME", "make an empty VM",
    "NAME is 1 to 64 letters, digits, '_', '-' and '.', with neither '.' nor '-' first.\n"
    "Names that differ only in the case of letters are the same name.\n",
    run};
