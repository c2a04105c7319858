/* fvm ps */
#include "cli/command.h"
#include "cli/output.h"

#define NAME_WIDTH 24u
#define PID_WIDTH 10u

struct listing {
    struct fvm_home *home;
    const wchar_t *name;
    bool header;
    int code;
};

static bool print(void *context, const struct fvm_process *process)
{
    struct listing *listing = context;
    size_t digits = 1;
    for (uint32_t n = process->pid; n >= 10; n /= 10)
        digits++;
    if (!listing->header)
        put_text(OUTPUT, "VM                      PID       PROGRAM\n");
    listing->header = true;
    put_wide(OUTPUT, listing->name);
    put_padding(OUTPUT, wcslen(listing->name), NAME_WIDTH);
    put_number(OUTPUT, process->pid);
    put_padding(OUTPUT, digits, PID_WIDTH);
    put_wide(OUTPUT, process->program[0] ? process->program : L"?");
    put_text(OUTPUT, "\n");
    return true;
}

static void list_processes(struct listing *listing)
{
    struct fvm_error error;
    if (fvm_processes(listing->home, listing->name, print, listing, &error) != FVM_OK)
        listing->code = report_error(&error);
}

static bool visit_vm(void *context, const struct fvm_vm *vm)
{
    struct listing *listing = context;
    listing->name = vm->name;
    if (vm->processes > 0)
        list_processes(listing);
    return true;
}

static int run(const struct command *self, const struct arguments *arguments)
{
    struct fvm_error error;
    struct listing listing = {0};
    if (arguments->count > 0 && (listing.name = only_name(self, arguments)) == NULL)
        return EXIT_FVM;
    listing.home = open_home();
    if (!listing.home)
        return EXIT_FVM;
    if (listing.name)
        list_processes(&listing);
    else if (fvm_list(listing.home, visit_vm, &listing, &error) != FVM_OK)
        listing.code = report_error(&error);
    fvm_home_close(listing.home);
    return listing.code;
}

const struct command command_ps = {
    L"ps", "[NAME]", "list the processes in a VM, or in all",
    "One line a process: the VM, the process's number, and its program as the VM sees it.\n"
    "Prints nothing when there are none.\n",
    run};
