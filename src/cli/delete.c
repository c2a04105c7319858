/* fvm delete */
#include "cli/command.h"

static int run(const struct command *self, const struct arguments *arguments)
{
    struct fvm_error error;
    const wchar_t *name = only_name(self, arguments);
    struct fvm_home *home = name ? open_home() : NULL;
    if (!home)
        return EXIT_FVM;
    int code = fvm_delete(home, name, &error) == FVM_OK ? 0 : report_error(&error);
    fvm_home_close(home);
    return code;
}

const struct command command_delete = {
    L"delete", "NAME", "delete a VM with all that was changed in it",
    "The host is as it always was. A VM in which programs run is not deleted: end them, or\n"
    "use 'fvm stop NAME' first.\n",
    run};
