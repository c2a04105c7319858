/* fvm diff */
#include "cli/command.h"
#include "cli/output.h"

static const char *const marks[] = {
    [FVM_ADDED] = "A ", [FVM_MODIFIED] = "M ", [FVM_DELETED] = "D ", [FVM_RENAMED] = "R "};

static bool print(void *context, const struct fvm_change *change)
{
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

/* HKLM\... in place of HKEY_LOCAL_MACHINE\... */
static void put_key(const wchar_t *key)
{
    static const struct {
        const wchar_t *name;
        const char *shown;
    } roots[] = {{L"HKEY_LOCAL_MACHINE", "HKLM"}, {L"HKEY_CURRENT_USER", "HKCU"}, {L"HKEY_USERS", "HKU"}};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        size_t length = wcslen(roots[i].name);
        if (wcsncmp(key, roots[i].name, length) == 0 && (!key[length] || key[length] == L'\\')) {
            put_text(OUTPUT, roots[i].shown);
            key += length;
            break;
        }
    }
    put_wide(OUTPUT, key);
}

static bool print_key(void *context, const struct fvm_key_change *change)
{
    (void)context;
    put_text(OUTPUT, marks[change->kind]);
    put_key(change->key);
    if (change->value) {
        put_text(OUTPUT, " : ");
        put_wide(OUTPUT, *change->value ? change->value : L"(Default)");
    } else if (change->kind == FVM_MODIFIED)
        put_text(OUTPUT, " (permissions)");
    put_text(OUTPUT, "\n");
    return true;
}

static enum fvm_result diff(struct fvm_home *home, const wchar_t *name, struct fvm_error *error)
{
    enum fvm_result result = fvm_diff(home, name, print, NULL, error);
    return result == FVM_OK ? fvm_diff_keys(home, name, print_key, NULL, error) : result;
}

static int write_reg(const wchar_t *name, const wchar_t *file)
{
    struct fvm_error error;
    uint32_t left_out;
    struct fvm_home *home = open_home();
    if (!home)
        return EXIT_FVM;
    int code = fvm_diff_reg(home, name, file, &left_out, &error) == FVM_OK ? 0 : report_error(&error);
    fvm_home_close(home);
    if (code == 0 && left_out > 0) {
        put_text(ERRORS, "fvm: left out ");
        put_number(ERRORS, left_out);
        put_text(ERRORS, " changes of names or permissions that a registration file cannot hold\n");
    }
    return code;
}

static int run(const struct command *self, const struct arguments *arguments)
{
    const wchar_t *name = NULL, *file = NULL;
    bool reg = false;
    for (int i = 0; i < arguments->count; i++) {
        const wchar_t *value = arguments->value[i];
        if (wcscmp(value, L"--reg") == 0) {
            reg = true;
            file = i + 1 < arguments->count ? arguments->value[++i] : NULL;
        } else if (!name)
            name = value;
        else
            return report_usage(self, L"use the argument", value, L"only one VM can be named");
    }
    if (!reg)
        return run_on_vm(self, arguments, diff);
    if (!name || !file)
        return report_usage(self, L"use the option", L"--reg", L"it needs the VM and the file to write");
    return write_reg(name, file);
}

const struct command command_diff = {
    L"diff", "NAME [--reg FILE]", "list what a VM changed",
    "Compares the VM with the host as it is now. One line a file or directory, in the order\n"
    "of the paths, which are as programs in the VM see them:\n"
    "\n"
    "  A PATH          the host has none of that name\n"
    "  M PATH          the host has one, and it differs\n"
    "  D PATH          the host has one, and the VM deleted it (with all that is in it)\n"
    "  R OLD -> NEW    the VM renamed the host's file or directory\n"
    "\n"
    "Registry keys and values follow, as A, M or D with HKLM\\KEY or HKLM\\KEY : VALUE; a key\n"
    "whose permissions differ as M HKLM\\KEY (permissions).\n"
    "\n"
    "  --reg FILE      write the registry changes to FILE instead, as a .reg file for\n"
    "                  'reg import' and regedit\n",
    run};
