/* fvm version */
#include "cli/command.h"
#include "cli/output.h"

static int run(const struct command *self, const struct arguments *arguments)
{
    if (arguments->count > 0)
        return report_usage(self, L"use the argument", arguments->value[0], L"this command takes none");
    put_text(OUTPUT, "fvm " FVM_VERSION "\n");
    return 0;
}

const struct command command_version = {L"version", "", "print the version", "", run};
