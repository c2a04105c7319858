/* fvm help */
#include "cli/command.h"
#include "cli/output.h"

#define USAGE_WIDTH 12u

static int help_on(const struct command *command)
{
    put_text(OUTPUT, "usage: fvm ");
    put_wide(OUTPUT, command->name);
    put_text(OUTPUT, command->usage[0] ? " " : "");
    put_text(OUTPUT, command->usage);
    put_text(OUTPUT, "\n\n");
    put_text(OUTPUT, "fvm ");
    put_wide(OUTPUT, command->name);
    put_text(OUTPUT, ": ");
    put_text(OUTPUT, command->summary);
    put_text(OUTPUT, command->help[0] ? ".\n\n" : ".\n");
    put_text(OUTPUT, command->help);
    return 0;
}

static int overview(void)
{
    put_text(OUTPUT, "usage: fvm COMMAND [ARGUMENTS...]\n"
                     "\n"
                     "FVM runs Windows programs in feather-weight virtual machines: a program sees the host's\n"
                     "files, and what it changes stays in its VM.\n"
                     "\n");
    for (size_t i = 0; commands[i]; i++) {
        put_text(OUTPUT, "  ");
        put_wide(OUTPUT, commands[i]->name);
        put_padding(OUTPUT, wcslen(commands[i]->name), USAGE_WIDTH);
        put_text(OUTPUT, commands[i]->summary);
        put_text(OUTPUT, "\n");
    }
    put_text(OUTPUT, "\n"
                     "'fvm help COMMAND' tells more. VMs are kept in %LOCALAPPDATA%\\FVM, or where the environment\n"
                     "variable FVM_HOME says.\n");
    return 0;
}

static int run(const struct command *self, const struct arguments *arguments)
{
    if (arguments->count == 0)
        return overview();
    if (arguments->count > 1)
        return report_usage(self, L"use the argument", arguments->value[1],
                            L"one command is all that can be explained");
    for (size_t i = 0; commands[i]; i++)
        if (wcscmp(arguments->value[0], commands[i]->name) == 0)
            return help_on(commands[i]);
    return report_usage(NULL, L"explain the command", arguments->value[0], L"there is no such command");
}

const struct command command_help = {L"help", "[COMMAND]", "explain the commands, or one of them", "", run};
