/* fvm diff */
#include "cli/command.h"
#include "cli/output.h"

static bool print(void *context, const struct fvm_change *change)
{
    static const char *const marks[] = {[FVM_ADDED] = "A ", [FVM_MODIFIED] = "M ", [FVM_DELETED] = "D ",
                                        [FVM_RENAMED] = "R "};
    (void)context;
    put_text(OUTPUT, marks[change->kind]);
    if (change->from) {
        put_wide(OUTPUT, change->from);
        put_text(OUTPUT, " -> ");
    }
    put_wide(OUTPUT, change->path);
    put_text(OUTPUT, "\n");
    return true;
}

static int run(const struct command *self, const struct arguments *arguments)
{
    struct fvm_error error;
    const wchar_t *name = only_name(self, arguments);
    struct fvm_home *home = name ? open_home() : NULL;
    if (!home)
        return EXIT_FVM;
    int code = fvm_diff(home, name, print, NULL, &error) == FVM_OK ? 0 : report_error(&error);
    fvm_home_close(home);
    return code;
}

const struct command command_diff = {
    L"diff", "NAME", "list what a VM changed",
    "Compares the VM with the host as it is now. One line a file or directory, in the order\n"
    "of the paths, which are as programs in the VM see them:\n"
    "\n"
    "  A PATH          the host has none of that name\n"
    "  M PATH          the host has one, and it differs\n"
    "  D PATH          the host has one, and the VM deleted it (with all that is in it)\n"
    "  R OLD -> NEW    the VM renamed the host's file or directory\n",
    run};
