/* From the first word of a command line to the file to start, as cmd and CreateProcess would find it inside the VM. */
#include "vm/program.h"

#include "nt/enter.h"
#include "vm/error.h"
#include "vm/file.h"

#include <stdlib.h>
#include <string.h>

#define RUN u"run"
#define HEAD_BYTES 4096u
#define LINKS_MAX 32u
#define VARIABLE_UNITS 32768u
#define BATCH_WORDS u" /s /c \""

struct search {
    struct program *program;
    const struct vm *vm;
    const struct share *share;
    struct strbuf delta, canonical, path; /* scratch */
    NTSTATUS reason;                      /* why the best candidate could not be opened */
    bool as_is;                           /* a name without an ending is tried as it is, too */
};

static NTSTATUS open_image(HANDLE *file, struct str nt_path)
{
    /* what the system itself asks for and grants when it starts a program */
    return file_open(file, NULL, nt_path, FILE_READ_DATA, FILE_SHARE_READ | FILE_SHARE_DELETE, FILE_NON_DIRECTORY_FILE);
}

static NTSTATUS open_stored(struct search *s, struct str delta)
{
    char16 files[VM_PATH_MAX];
    ULONG attributes;
    NTSTATUS status = file_open_below(&s->program->file, s->share->files, delta, FILE_READ_DATA);
    if (!NT_SUCCESS(status))
        return status;
    status = file_attributes(s->program->file, &attributes);
    if (NT_SUCCESS(status) && (attributes & FILE_ATTRIBUTE_DIRECTORY))
        status = STATUS_FILE_IS_A_DIRECTORY;
    else if (NT_SUCCESS(status) && (attributes & FILE_ATTRIBUTE_REPARSE_POINT))
        status = STATUS_REPARSE_POINT_ENCOUNTERED;
    if (!NT_SUCCESS(status)) {
        nt.NtClose(s->program->file);
        s->program->file = NULL;
        return status;
    }
    buf_set(&s->program->image, str_from(vm_part(s->vm, u"files", files), 4));
    path_add(&s->program->image, delta);
    return STATUS_SUCCESS;
}

/* Opens the file that the VM has under this name. */
static NTSTATUS locate(struct search *s, struct str delta)
{
    struct map_place place;
    struct strbuf *image = &s->program->image;
    if (!map_resolve(s->share->map, delta, &place))
        return STATUS_LOCK_NOT_GRANTED;
    if (place.hidden)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (place.link)
        return STATUS_REPARSE;
    if (place.in_storage && place.kind != MAP_META) {
        NTSTATUS status = open_stored(s, delta);
        if (NT_SUCCESS(status) || !status_is_missing(status) || !place.has_lower)
            return status;
    }
    if (!place.has_lower)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    map_lower(&place, delta, &s->path);
    if (s->path.overflow || !path_valid(buf_str(&s->path)))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    path_nt_of_delta(buf_str(&s->path), image);
    NTSTATUS status = open_image(&s->program->file, buf_str(image));
    path_dos_of_delta(buf_str(&s->path), image);
    return status;
}

/* Goes on at the target of a link that the map knows; STATUS_REPARSE when the path has none. */
static NTSTATUS locate_through_links(struct search *s, struct strbuf *delta)
{
    NTSTATUS status = locate(s, buf_str(delta));
    for (unsigned i = 0; status == STATUS_REPARSE && i < LINKS_MAX; i++) {
        struct map_place place;
        if (!map_resolve(s->share->map, buf_str(delta), &place) || !place.link)
            continue;
        buf_set(&s->path, place.link_target);
        path_add(&s->path, str_from(buf_str(delta), place.link_rest));
        if (s->path.overflow || !path_valid(buf_str(&s->path)))
            return STATUS_OBJECT_NAME_NOT_FOUND;
        buf_set(delta, buf_str(&s->path));
        status = locate(s, buf_str(delta));
    }
    return status;
}

static NTSTATUS try_candidate(struct search *s, struct str dos)
{
    if (!path_delta_of_dos(dos, &s->delta))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    NTSTATUS status = locate_through_links(s, &s->delta);
    /* Another spelling of a name that the VM changed: only the canonical one is in the map. */
    if ((NT_SUCCESS(status) || !map_untouched(s->share->map)) && path_canonical(dos, &s->canonical) &&
        !str_equal_fold(map_upcase(s->share->map), buf_str(&s->delta), buf_str(&s->canonical))) {
        if (s->program->file)
            nt.NtClose(s->program->file);
        s->program->file = NULL;
        status = locate_through_links(s, &s->canonical);
    }
    if (!NT_SUCCESS(status) && (s->reason == STATUS_SUCCESS || !status_is_missing(status)))
        s->reason = status;
    return status;
}

static bool has_ending(struct str name)
{
    struct str leaf = path_leaf(name);
    return str_find(leaf, u'.') < leaf.len;
}

/* Tries dos, and dos with each ending in PATHEXT. */
static bool try_endings(struct search *s, struct str dos)
{
    char16 endings[VM_PATH_MAX];
    struct strbuf *name = &s->program->name;
    DWORD len = GetEnvironmentVariableW(L"PATHEXT", endings, VM_PATH_MAX);
    struct str rest = len > 0 && len < VM_PATH_MAX ? (struct str){endings, len} : STR(u".COM;.EXE;.BAT;.CMD");
    buf_set(name, dos);
    bool whole = has_ending(dos);
    if (whole && buf_terminate(name) && NT_SUCCESS(try_candidate(s, buf_str(name))))
        return true;
    for (; rest.len > 0; rest = str_from(rest, str_find(rest, u';') + 1)) {
        buf_set(name, dos);
        buf_add(name, str_head(rest, str_find(rest, u';')));
        if (buf_terminate(name) && NT_SUCCESS(try_candidate(s, buf_str(name))))
            return true;
    }
    buf_set(name, dos);
    return !whole && s->as_is && buf_terminate(name) && NT_SUCCESS(try_candidate(s, buf_str(name)));
}

static bool try_in_directory(struct search *s, struct str directory, struct str word)
{
    struct strbuf joined, full;
    bool found = false;
    if (directory.len >= 2 && directory.s[0] == u'"' && directory.s[directory.len - 1] == u'"')
        directory = str_head(str_from(directory, 1), directory.len - 2);
    if (path_alloc(&joined) && path_alloc(&full)) {
        buf_add(&joined, directory);
        path_add(&joined, word);
        DWORD len = buf_terminate(&joined) ? GetFullPathNameW(joined.s, (DWORD)full.cap, full.s, NULL) : 0;
        found = len > 0 && len < full.cap && try_endings(s, (struct str){full.s, len});
        path_free(&full);
    }
    path_free(&joined);
    return found;
}

static bool try_path(struct search *s, struct str word)
{
    char16 directory[MAX_PATH];
    UINT len = GetSystemDirectoryW(directory, MAX_PATH);
    if (try_in_directory(s, STR(u"."), word) || try_in_directory(s, (struct str){directory, len}, word))
        return true;
    len = GetWindowsDirectoryW(directory, MAX_PATH);
    if (try_in_directory(s, (struct str){directory, len}, word))
        return true;
    char16 *path = malloc(VARIABLE_UNITS * sizeof *path);
    DWORD units = path ? GetEnvironmentVariableW(L"PATH", path, VARIABLE_UNITS) : 0;
    bool found = false;
    struct str rest = {path, units < VARIABLE_UNITS ? units : 0};
    for (; rest.len > 0 && !found; rest = str_from(rest, str_find(rest, u';') + 1)) {
        struct str one = str_head(rest, str_find(rest, u';'));
        found = one.len > 0 && try_in_directory(s, one, word);
    }
    free(path);
    return found;
}

/* The first word, and where the rest begins. */
static struct str first_word(struct str line, struct str *rest)
{
    size_t end = 0;
    while (line.len > 0 && (line.s[0] == u' ' || line.s[0] == u'\t'))
        line = str_from(line, 1);
    if (line.len > 0 && line.s[0] == u'"') {
        line = str_from(line, 1);
        end = str_find(line, u'"');
        *rest = str_from(line, end + 1);
        return str_head(line, end);
    }
    while (end < line.len && line.s[end] != u' ' && line.s[end] != u'\t')
        end++;
    *rest = str_from(line, end);
    return str_head(line, end);
}

static bool is_plain_name(struct str word)
{
    return str_find(word, u'\\') == word.len && str_find(word, u'/') == word.len && str_find(word, u':') == word.len;
}

static const char16 *refusal(const uint8_t *head, size_t size, uint16_t machine)
{
    if (size >= 4 && memcmp(head, "\177ELF", 4) == 0)
        return u"it is a Linux program, which cannot be kept in a VM";
    if (size >= 2 && memcmp(head, "#!", 2) == 0)
        return u"it is a script for Linux, which cannot be kept in a VM";
    if (machine != 0)
        return u"it is made for another kind of processor";
    if (size >= 2 && memcmp(head, "MZ", 2) == 0)
        return u"it is a program for DOS or 16-bit Windows, or damaged";
    return u"it is not a Windows program";
}

static enum fvm_result check_image(struct program *program, const struct vm *vm, struct fvm_error *error)
{
    static const char16 way_out[] = u"give a Windows program (.exe) or a batch file";
    uint8_t head[HEAD_BYTES];
    size_t size;
    NTSTATUS status = file_read_at(program->file, 0, head, sizeof head, &size);
    if (!NT_SUCCESS(status))
        return error_system(error, FVM_CANNOT_RUN, RUN, buf_str(&program->name), status, u"");
    program->machine = image_machine(head, size);
    if (!process_can_enter(program->machine))
        return error_reason(error, FVM_CANNOT_RUN, RUN, buf_str(&program->name), refusal(head, size, program->machine),
                            way_out);
    /* Wine cuts longer ones off and would start whatever has the shorter name */
    if (vm->home->drive_names && program->image.len >= MAX_PATH)
        return error_reason(error, FVM_CANNOT_RUN, RUN, buf_str(&program->name),
                            u"its path is longer than Wine can start", u"move it to a shorter path");
    return FVM_OK;
}

static bool is_batch(struct str name)
{
    struct str ending = str_from(name, name.len > 4 ? name.len - 4 : name.len);
    return ending.len == 4 && (CompareStringOrdinal(ending.s, 4, L".bat", 4, TRUE) == CSTR_EQUAL ||
                               CompareStringOrdinal(ending.s, 4, L".cmd", 4, TRUE) == CSTR_EQUAL);
}

/* cmd /s /c ""C:\x\build.bat" rest" */
static bool through_shell(struct search *s, struct str rest)
{
    char16 directory[MAX_PATH];
    struct strbuf *line = &s->program->command_line;
    UINT len = GetSystemDirectoryW(directory, MAX_PATH);
    buf_set(line, STR(u"\""));
    buf_add(line, (struct str){directory, len});
    buf_add(line, STR(u"\\cmd.exe\"" BATCH_WORDS u"\""));
    buf_add(line, buf_str(&s->program->name));
    buf_add(line, STR(u"\""));
    buf_add(line, rest);
    buf_add(line, STR(u"\""));
    nt.NtClose(s->program->file);
    s->program->file = NULL;
    return buf_terminate(line) && try_in_directory(s, (struct str){directory, len}, STR(u"cmd.exe"));
}

static enum fvm_result not_found(struct search *s, struct str word, struct fvm_error *error)
{
    if (s->reason == STATUS_FILE_IS_A_DIRECTORY)
        return error_reason(error, FVM_CANNOT_RUN, RUN, word, u"it is a directory", u"give a program");
    if (s->reason != STATUS_SUCCESS && !status_is_missing(s->reason))
        return error_system(error, FVM_CANNOT_RUN, RUN, word, s->reason, u"");
    return error_reason(error, FVM_NO_SUCH_PROGRAM, RUN, word, u"there is no such program in the VM",
                        is_plain_name(word) ? u"give its full path, or add its directory to PATH" : u"check the path");
}

static enum fvm_result find(struct search *s, struct str line, struct fvm_error *error)
{
    struct str rest, word = first_word(line, &rest);
    if (word.len == 0)
        return error_reason(error, FVM_NO_SUCH_PROGRAM, RUN, (struct str){0}, u"no program is given",
                            u"write it behind --");
    bool plain = is_plain_name(word);
    s->as_is = !plain;
    bool found = plain ? try_path(s, word) : try_in_directory(s, (struct str){0}, word);
    if (!found && plain) { /* the last chance, so that a file `cmd` hides no program */
        s->as_is = true;
        found = try_path(s, word);
    }
    if (!found)
        return not_found(s, word, error);
    if (is_batch(buf_str(&s->program->name))) {
        if (!through_shell(s, rest))
            return not_found(s, STR(u"cmd.exe"), error);
    } else {
        buf_add(&s->program->command_line, line);
        if (!buf_terminate(&s->program->command_line))
            return error_reason(error, FVM_CANNOT_RUN, RUN, word, u"its command line is too long", u"shorten it");
    }
    if (!buf_terminate(&s->program->image))
        return error_system(error, FVM_CANNOT_RUN, RUN, word, STATUS_NAME_TOO_LONG, u"");
    return check_image(s->program, s->vm, error);
}

enum fvm_result program_find(struct program *program, const struct vm *vm, const struct share *share,
                             const wchar_t *command_line, struct fvm_error *error)
{
    struct search s = {.program = program, .vm = vm, .share = share};
    enum fvm_result result;
    memset(program, 0, sizeof *program);
    if (path_alloc(&program->image) && path_alloc(&program->name) && path_alloc(&program->command_line) &&
        path_alloc(&s.delta) && path_alloc(&s.canonical) && path_alloc(&s.path))
        result = find(&s, str_of(command_line), error);
    else
        result = error_memory(error, RUN, (struct str){0});
    path_free(&s.delta);
    path_free(&s.canonical);
    path_free(&s.path);
    return result;
}

void program_free(struct program *program)
{
    if (program->file)
        nt.NtClose(program->file);
    path_free(&program->image);
    path_free(&program->name);
    path_free(&program->command_line);
}
