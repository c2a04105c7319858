/* fvm run */
#include "cli/command.h"
#include "cli/output.h"

#include <string.h>

struct options {
    bool remove;
    const wchar_t *name;    /* NULL: choose one */
    const wchar_t *program; /* the rest of the command line, as it was given */
};

static void print_notice(const wchar_t *text)
{
    put_text(ERRORS, "fvm: ");
    put_wide(ERRORS, text);
    put_text(ERRORS, "\n");
    output_flush();
}

static int parse(const struct command *self, const struct arguments *a, struct options *options)
{
    memset(options, 0, sizeof *options);
    for (int i = 0; i < a->count; i++) {
        const wchar_t *value = a->value[i];
        if (wcscmp(value, L"--") == 0) {
            if (i + 1 < a->count)
                options->program = a->start[i + 1];
            break;
        }
        if (wcscmp(value, L"--rm") == 0)
            options->remove = true;
        else if (value[0] == L'-')
            return report_usage(self, L"use the option", value, L"there is no such option");
        else if (options->name)
            return report_usage(self, L"use the argument", value,
                                L"only one VM can be named; a program comes behind --");
        else
            options->name = value;
    }
    if (!options->program)
        return report_usage(self, L"use the command", self->name, L"no program is given; write it behind --");
    return 0;
}

static void print_kept(const wchar_t *name, const char *why)
{
    put_text(ERRORS, "fvm: kept VM ");
    put_wide(ERRORS, name);
    put_text(ERRORS, why);
}

/* A VM that was made for a program that then did not start is of no use; one that was there before is not lost by that. */
static int finish(struct fvm_home *home, const struct options *options, const wchar_t *name, bool created, bool started)
{
    struct fvm_error error;
    if (started ? options->remove : created)
        return fvm_delete(home, name, &error) == FVM_OK ? 0 : report_error(&error);
    if (!started) {
        if (options->remove)
            print_kept(name, ", for nothing ran\n");
    } else if (!options->name) {
        print_kept(name, "; 'fvm diff' shows what it changed, 'fvm delete' throws it away\n");
    }
    return 0;
}

/* *created: it is new. Of several that find none of that name, one makes it for all. */
static enum fvm_result find_or_create(struct fvm_home *home, const struct options *options,
                                      wchar_t chosen[FVM_NAME_UNITS + 1], bool *created, struct fvm_error *error)
{
    struct fvm_error ignored;
    enum fvm_result result = options->name ? fvm_exists(home, options->name, error) : FVM_NO_SUCH_VM;
    *created = result == FVM_NO_SUCH_VM;
    if (!*created)
        return result;
    if (!options->name)
        return fvm_create_any(home, chosen, error);
    result = fvm_create(home, options->name, error);
    if (result == FVM_OK || fvm_exists(home, options->name, &ignored) != FVM_OK)
        return result;
    *created = false;
    return FVM_OK;
}

static int run_in(struct fvm_home *home, const struct options *options)
{
    wchar_t chosen[FVM_NAME_UNITS + 1];
    const wchar_t *name = options->name ? options->name : chosen;
    struct fvm_error error;
    uint32_t exit_code;
    bool created;
    enum fvm_result result = find_or_create(home, options, chosen, &created, &error);
    if (result != FVM_OK)
        return report_error(&error);
    result = fvm_run(home, name, options->program, &exit_code, print_notice, &error);
    int code = result == FVM_OK ? (int)exit_code : report_error(&error);
    /* the program's own code is what the caller waits for, even if something of the VM stays behind */
    finish(home, options, name, created, result == FVM_OK);
    return code;
}

static int run(const struct command *self, const struct arguments *arguments)
{
    struct options options;
    int code = parse(self, arguments, &options);
    struct fvm_home *home = code == 0 ? open_home() : NULL;
    if (!home)
        return EXIT_FVM;
    code = run_in(home, &options);
    fvm_home_close(home);
    return code;
}

const struct command command_run = {
    L"run", "[--rm] [NAME] -- PROGRAM [ARGUMENTS...]", "run a program in a VM",
    "Runs PROGRAM in the VM NAME, which is made if there is none, and waits until it and\n"
    "everything that it started have ended. Without NAME, a VM is made under a name that\n"
    "is printed at the end.\n"
    "\n"
    "  --rm    delete the VM after the program ran, with all that was changed in it\n"
    "\n"
    "PROGRAM is searched for as in the VM: the current directory, the system's directories,\n"
    "PATH. Batch files run, too. Everything behind -- is passed on as it is.\n"
    "\n"
    "The exit code is the program's own; 125: FVM could not do it; 126: the program cannot\n"
    "be run in a VM; 127: there is no such program.\n",
    run};
