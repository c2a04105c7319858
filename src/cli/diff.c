/* fvm diff */
#include "cli/command.h"
#include "cli/output.h"

static bool print(void *context, const struct fvm_change *change)
{
    static const char *const marks[] = {
        [FVM_ADDED] = "A ", [FVM_MODIFIED] = "M ", [FVM_DELETED] = "D ", [FVM_RENAMED] = "R "};
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

static enum fvm_result diff(struct fvm_home *home, const wchar_t *name, struct fvm_error *error)
{
    return fvm_diff(home, name, print, NULL, error);
}

static int run(const struct command *self, const struct arguments *arguments)
{
    return run_on_vm(self, arguments, diff);
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
