/* fvm ls */
#include "cli/command.h"
#include "cli/output.h"
#include "vm/text.h"

#define NAME_WIDTH 24u
#define PROCESSES_WIDTH 11u

static bool print(void *context, const struct fvm_vm *vm)
{
    char16 time[32];
    struct strbuf b;
    bool *first = context;
    if (*first)
        put_text(OUTPUT, "NAME                    PROCESSES  CREATED\n");
    *first = false;
    put_wide(OUTPUT, vm->name);
    put_padding(OUTPUT, wcslen(vm->name), NAME_WIDTH);
    put_number(OUTPUT, vm->processes);
    put_padding(OUTPUT, vm->processes < 10 ? 1 : vm->processes < 100 ? 2 : 3, PROCESSES_WIDTH);
    buf_init(&b, time, sizeof time / sizeof *time);
    if (vm->created != 0)
        text_add_time(&b, vm->created);
    else
        buf_add(&b, STR(u"? (its vm.ini is damaged)"));
    buf_terminate(&b);
    put_wide(OUTPUT, time);
    put_text(OUTPUT, "\n");
    return true;
}

static int run(const struct command *self, const struct arguments *arguments)
{
    struct fvm_error error;
    bool first = true;
    if (arguments->count > 0)
        return report_usage(self, L"use the argument", arguments->value[0], L"this command takes none");
    struct fvm_home *home = open_home();
    if (!home)
        return EXIT_FVM;
    int code = fvm_list(home, print, &first, &error) == FVM_OK ? 0 : report_error(&error);
    fvm_home_close(home);
    return code;
}

const struct command command_ls = {
    L"ls", "", "list the VMs",
    "One line a VM: its name, how many processes run in it, and when it was made (UTC).\n"
    "Prints nothing when there are none.\n",
    run};
