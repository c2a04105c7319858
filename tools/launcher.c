/* ./fvm on Linux: runs fvm.exe in Wine, as if it were a native program.
 *
 * It becomes Wine (exec), so signals, standard streams, the terminal and the exit code need no help. All it adds is
 * finding things, and turning the Linux path of a program to run into the Windows path of the same file. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_FVM 125 /* an error of FVM's own, not of the program that it runs */

static char *concat(const char *a, const char *b)
{
    char *result;
    if (asprintf(&result, "%s%s", a, b) < 0) {
        fputs("fvm: out of memory\n", stderr);
        exit(EXIT_FVM);
    }
    return result;
}

static char *own_directory(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0) {
        fprintf(stderr, "fvm: cannot read /proc/self/exe: %s; is /proc mounted?\n", strerror(errno));
        exit(EXIT_FVM);
    }
    path[len] = '\0';
    *strrchr(path, '/') = '\0';
    return concat(path, "/");
}

/* The places where fvm.exe lies: a release, a source tree after `make`, and after `make install`. */
static char *find_fvm_exe(void)
{
    static const char *const places[] = {"fvm.exe", "../x64/fvm.exe", "../lib/fvm/fvm.exe"};
    char *directory = own_directory();
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *path = concat(directory, places[i]);
        if (access(path, R_OK) == 0) {
            free(directory);
            return path;
        }
        free(path);
    }
    fprintf(stderr, "fvm: fvm.exe is not where it belongs (looked from %s); run make, or make install, again\n",
            directory);
    exit(EXIT_FVM);
}

static bool starts_with_drive(const char *path)
{
    return ((path[0] | 0x20) >= 'a' && (path[0] | 0x20) <= 'z') && path[1] == ':';
}

static bool is_linux_path(const char *program)
{
    struct stat info;
    if (strchr(program, '\\') != NULL)
        return false;
    if (strchr(program, '/') != NULL)
        return true;
    /* a name without an ending is searched for with those of programs first, by fvm.exe */
    return strchr(program, '.') != NULL && stat(program, &info) == 0 && S_ISREG(info.st_mode);
}

static char *absolute_path(const char *path)
{
    if (path[0] == '/')
        return concat(path, "");
    char *cwd = getcwd(NULL, 0);
    if (cwd == NULL) {
        fprintf(stderr, "fvm: cannot tell the current directory: %s; give %s with its full path\n", strerror(errno),
                path);
        exit(EXIT_FVM);
    }
    char *directory = concat(cwd, "/");
    char *result = concat(directory, path);
    free(directory);
    free(cwd);
    return result;
}

/* Z: is Wine's drive for the root of the Linux file system. "." and ".." are left to Windows, which resolves them the
 * same way unless a symbolic link is in between. */
static char *windows_path(const char *program)
{
    char *path;
    if (starts_with_drive(program)) { /* C:/x; without FVM, Wine turns the slashes, too */
        path = concat(program, "");
    } else {
        char *absolute = absolute_path(program);
        path = concat("Z:", absolute);
        free(absolute);
    }
    for (char *c = path; *c != '\0'; c++)
        if (*c == '/')
            *c = '\\';
    return path;
}

/* fvm run [OPTIONS] [NAME] -- PROGRAM ...: only PROGRAM is looked at. */
static void convert_program(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "run") != 0)
        return;
    for (int i = 2; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--") != 0)
            continue;
        if (is_linux_path(argv[i + 1]))
            argv[i + 1] = windows_path(argv[i + 1]);
        return;
    }
}

static void exec_wine(char **args)
{
    /* Debian's `wine` on the PATH is a shell script that complains about missing 32-bit parts before it starts this. */
    static char debian_wine[] = "/usr/lib/wine/wine64";
    const char *chosen = getenv("WINELOADER");

    if (chosen != NULL && *chosen != '\0') {
        args[0] = (char *)chosen;
        execvp(chosen, args);
        fprintf(stderr, "fvm: cannot run %s, which WINELOADER names: %s\n", chosen, strerror(errno));
        exit(EXIT_FVM);
    }
    args[0] = debian_wine;
    if (access(debian_wine, X_OK) == 0) {
        setenv("WINELOADER", debian_wine, 1);
        execv(debian_wine, args);
    }
    unsetenv("WINELOADER");
    args[0] = "wine64";
    execvp(args[0], args);
    args[0] = "wine";
    execvp(args[0], args);
    fputs("fvm: Wine is not installed; as root, run: apt-get install --no-install-recommends wine wine64\n", stderr);
    exit(EXIT_FVM);
}

/* What Wine refuses with a code that could be the program's own. */
static void check_prefix(void)
{
    const char *prefix = getenv("WINEPREFIX");
    if (prefix == NULL || *prefix == '\0')
        return;
    if (prefix[0] != '/') {
        fprintf(stderr, "fvm: cannot use the prefix %s: WINEPREFIX must be a full path\n", prefix);
        exit(EXIT_FVM);
    }
    if (access(prefix, F_OK) == 0 || mkdir(prefix, 0777) == 0)
        return;
    fprintf(stderr, "fvm: cannot make the prefix %s: %s; set WINEPREFIX to a directory that can be made\n", prefix,
            strerror(errno));
    exit(EXIT_FVM);
}

int main(int argc, char **argv)
{
    /* argv[0] and fvm.exe come before the arguments, a null pointer after them. */
    char **args = calloc((size_t)argc + 2, sizeof *args);
    if (args == NULL) {
        fputs("fvm: out of memory\n", stderr);
        return EXIT_FVM;
    }
    check_prefix();
    convert_program(argc, argv);
    args[1] = find_fvm_exe();
    for (int i = 1; i < argc; i++)
        args[i + 1] = argv[i];
    setenv("WINEDEBUG", "-all", 0);
    exec_wine(args);
}
