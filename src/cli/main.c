/* fvm.exe: finds the command and runs it. */
#include "cli/arguments.h"
#include "cli/output.h"

#include <stdlib.h>
#include <windows.h>

const struct command *const commands[] = {
    &command_run,  &command_create, &command_ls,   &command_ps,      &command_stop, &command_delete,
    &command_diff, &command_log,    &command_help, &command_version, NULL,
};

int report_error(const struct fvm_error *error)
{
    put_text(ERRORS, "fvm: ");
    put_wide(ERRORS, error->text);
    put_text(ERRORS, "\n");
    if (error->result == FVM_CANNOT_RUN)
        return EXIT_CANNOT_RUN;
    return error->result == FVM_NO_SUCH_PROGRAM ? EXIT_NO_PROGRAM : EXIT_FVM;
}

int report_usage(const struct command *command, const wchar_t *operation, const wchar_t *object, const wchar_t *reason)
{
    put_text(ERRORS, "fvm: cannot ");
    put_wide(ERRORS, operation);
    put_text(ERRORS, " '");
    put_wide(ERRORS, object);
    put_text(ERRORS, "': ");
    put_wide(ERRORS, reason);
    put_text(ERRORS, "; see 'fvm help");
    put_text(ERRORS, command ? " " : "");
    put_wide(ERRORS, command ? command->name : L"");
    put_text(ERRORS, "'\n");
    return EXIT_FVM;
}

struct fvm_home *open_home(void)
{
    struct fvm_home *home;
    struct fvm_error error;
    if (fvm_home_open(NULL, &home, &error) != FVM_OK)
        report_error(&error);
    return home;
}

const wchar_t *only_name(const struct command *self, const struct arguments *arguments)
{
    if (arguments->count == 1 && arguments->value[0][0] != L'-')
        return arguments->value[0];
    if (arguments->count == 0)
        report_usage(self, L"use the command", self->name, L"the name of a VM is missing");
    else if (arguments->value[0][0] == L'-')
        report_usage(self, L"use the option", arguments->value[0], L"there is no such option here");
    else
        report_usage(self, L"use the argument", arguments->value[1], L"one name is all this command takes");
    return NULL;
}

int run_on_vm(const struct command *self, const struct arguments *arguments,
              enum fvm_result (*action)(struct fvm_home *home, const wchar_t *name, struct fvm_error *error))
{
    struct fvm_error error;
    const wchar_t *name = only_name(self, arguments);
    struct fvm_home *home = name ? open_home() : NULL;
    if (!home)
        return EXIT_FVM;
    int code = action(home, name, &error) == FVM_OK ? 0 : report_error(&error);
    fvm_home_close(home);
    return code;
}

static bool is_help(const wchar_t *argument)
{
    return wcscmp(argument, L"--help") == 0 || wcscmp(argument, L"-h") == 0;
}

static int dispatch(struct arguments *arguments)
{
    const struct arguments none = {0};
    if (arguments->count == 0) {
        put_text(ERRORS, "fvm: no command is given; see 'fvm help'\n");
        return EXIT_FVM;
    }
    const wchar_t *name = arguments->value[0];
    if (is_help(name))
        return command_help.run(&command_help, &none);
    if (wcscmp(name, L"--version") == 0)
        name = L"version";
    for (size_t i = 0; commands[i]; i++) {
        if (wcscmp(name, commands[i]->name) != 0)
            continue;
        if (arguments->count == 2 && is_help(arguments->value[1])) {
            arguments->count = 1;
            return command_help.run(&command_help, arguments);
        }
        struct arguments rest = {arguments->count - 1, arguments->value + 1, NULL, arguments->start + 1};
        return commands[i]->run(commands[i], &rest);
    }
    return report_usage(NULL, L"use the command", name, L"there is no such command");
}

int main(void)
{
    struct arguments arguments;
    int code = EXIT_FVM;
    if (arguments_parse(GetCommandLineW(), &arguments))
        code = dispatch(&arguments);
    else
        put_text(ERRORS, "fvm: cannot read the command line: there is not enough memory; end other programs\n");
    if (!output_flush() && code == 0)
        code = EXIT_FVM;
    ExitProcess((UINT)code);
}
