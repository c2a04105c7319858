/* fvm create */
#include "cli/command.h"

static int run(const struct command *self, const struct arguments *arguments)
{
    struct fvm_error error;
    const wchar_t *name = only_name(self, arguments);
    struct fvm_home *home = name ? open_home() : NULL;
    if (!home)
        return EXIT_FVM;
    int code = fvm_create(home, name, &error) == FVM_OK ? 0 : report_error(&error);
    fvm_home_close(home);
    return code;
}

const struct command command_create = {
    L"create", "NAME", "make an empty VM",
    "NAME is 1 to 64 letters, digits, '_', '-' and '.', with neither '.' nor '-' first.\n"
    "Names that differ only in the case of letters are the same name.\n",
    run};
