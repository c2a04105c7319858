/* Overwriting: every disposition on files of the host, on copies and on new files, with content, attributes and times looked at after
 * each; while others have the file open; and over what may not be overwritten. */
#include "../harness/show.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned used; /* of the seed's many files */

static const wchar_t *next_file(void)
{
    static wchar_t ring[RING][32];
    static unsigned next;
    wchar_t *out = ring[next++ % RING];
    swprintf(out, 32, L"many\\%02u.txt", used++);
    return out;
}

static HANDLE overwrite(const wchar_t *name, ACCESS_MASK access, ULONG disposition, ULONG attributes, ULONG options)
{
    struct opening o = {NULL, nt_at(name), access, SHARE_ALL, disposition, options, attributes};
    ULONG_PTR information;
    HANDLE file;
    NTSTATUS status = open_as(&o, &file, &information);
    say("%s disposition %lu access %lx attributes %lx options %lx: %08lx information %llu", utf8(name), disposition,
        access, attributes, options, status, status < 0 ? 0 : (ULONGLONG)information);
    if (status < 0)
        return NULL;
    say_handle(file);
    return file;
}

static void write_to(HANDLE file, const char *text)
{
    IO_STATUS_BLOCK io = {0};
    if (file)
        say("  write %08lx", nt.NtWriteFile(file, NULL, NULL, NULL, &io, text, (ULONG)strlen(text), NULL, NULL));
}

/* Twice: what the host has, and what the VM then has. */
static void dispositions(void)
{
    static const ULONG attributes[] = {0, FILE_ATTRIBUTE_HIDDEN, FILE_ATTRIBUTE_READONLY};
    for (ULONG disposition = FILE_SUPERSEDE; disposition <= FILE_OVERWRITE_IF; disposition++)
        for (size_t i = 0; i < COUNT(attributes); i++) {
            const wchar_t *name = next_file();
            for (int again = 0; again < 2; again++) {
                HANDLE file = overwrite(name, GENERIC_READ | GENERIC_WRITE, disposition, attributes[i], 0);
                write_to(file, again ? "twice" : "once");
                close_handle(file);
                say_file(name);
            }
        }
}

static void over_attributes(void)
{
    static const ULONG has[] = {FILE_ATTRIBUTE_HIDDEN, FILE_ATTRIBUTE_SYSTEM, FILE_ATTRIBUTE_READONLY};
    for (size_t i = 0; i < COUNT(has); i++)
        for (ULONG disposition = FILE_SUPERSEDE; disposition <= FILE_OVERWRITE_IF; disposition++) {
            const wchar_t *name = i < 2 ? next_file() : L"read-only.txt";
            if (i < 2)
                say("  %s", worked(SetFileAttributesW(at(name), has[i])));
            close_handle(overwrite(name, GENERIC_WRITE, disposition, has[i], 0));
            close_handle(overwrite(name, GENERIC_WRITE, disposition, 0, 0));
            say_file(name);
        }
}

/* The name must not lead to the old content, and readers of before keep none of it hidden from writers. */
static void open_elsewhere(void)
{
    static const ULONG overwriting[] = {FILE_SUPERSEDE, FILE_OVERWRITE, FILE_OVERWRITE_IF};
    for (size_t i = 0; i < COUNT(overwriting); i++) {
        const wchar_t *name = next_file();
        HANDLE writer = open_at(name, GENERIC_READ | GENERIC_WRITE, 0);
        HANDLE file = overwrite(name, GENERIC_WRITE, overwriting[i], 0, 0);
        say_content(writer);
        write_to(file, "longer than it was before");
        say_content(writer);
        close_handle(file);
        close_handle(writer);
        say_file(name);
        name = next_file();
        HANDLE unshared =
            CreateFileW(at(name), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
        close_handle(overwrite(name, GENERIC_WRITE, overwriting[i], 0, 0));
        say_content(unshared);
        CloseHandle(unshared);
        name = next_file();
        HANDLE doomed = CreateFileW(at(name), GENERIC_READ | GENERIC_WRITE | DELETE, SHARE_ALL, NULL, OPEN_EXISTING,
                                    FILE_FLAG_DELETE_ON_CLOSE, NULL);
        close_handle(overwrite(name, GENERIC_WRITE, overwriting[i], 0, 0));
        CloseHandle(doomed);
        say_file(name);
    }
}

static void cannot(void)
{
    static const ULONG overwriting[] = {FILE_SUPERSEDE, FILE_OVERWRITE, FILE_OVERWRITE_IF};
    static const wchar_t *const names[] = {L"sub", L"missing", L"missing\\x", L"readme.txt\\x", L"empty dir", L"*"};
    static const ACCESS_MASK accesses[] = {FILE_READ_ATTRIBUTES, GENERIC_READ, FILE_APPEND_DATA, DELETE};
    for (size_t i = 0; i < COUNT(overwriting); i++) {
        for (size_t n = 0; n < COUNT(names); n++)
            close_handle(overwrite(names[n], GENERIC_WRITE, overwriting[i], 0, 0));
        close_handle(overwrite(L"sub", GENERIC_WRITE, overwriting[i], 0, FILE_DIRECTORY_FILE));
        close_handle(overwrite(L"readme.txt", GENERIC_WRITE, overwriting[i], 0, FILE_DIRECTORY_FILE));
        for (size_t n = 0; n < COUNT(accesses); n++) {
            const wchar_t *name = next_file();
            close_handle(overwrite(name, accesses[n], overwriting[i], FILE_ATTRIBUTE_ARCHIVE, 0));
            say_file(name);
        }
    }
}

/* Sizes that a copy would show, and order: overwritten, renamed, overwritten again, deleted, made again. */
static void sequences(void)
{
    say("big: %s", worked(put(at(L"big.bin"), "small")));
    say_file(L"big.bin");
    say("empty: %s", worked(put(at(L"empty"), "no more")));
    say_file(L"empty");
    const wchar_t *name = next_file(), *other = next_file();
    say("%s", worked(put(at(name), "first")));
    say("%s", worked(MoveFileExW(at(name), at(other), MOVEFILE_REPLACE_EXISTING)));
    say("%s", worked(put(at(name), "second")));
    say("%s", worked(put(at(other), "third")));
    say_file(name);
    say_file(other);
    say("%s", worked(DeleteFileW(at(name))));
    close_handle(overwrite(name, GENERIC_WRITE, FILE_OVERWRITE, 0, 0));
    close_handle(overwrite(name, GENERIC_WRITE, FILE_OVERWRITE_IF, 0, 0));
    say_file(name);
    say("%s", worked(MoveFileW(at(L"tree"), at(L"moved"))));
    say("%s", worked(put(at(L"moved\\a\\1.dat"), "below a renamed directory")));
    say_file(L"moved\\a\\1.dat");
    say("copy: %s", worked(CopyFileW(at(L"readme.txt"), at(L"sub\\two.txt"), FALSE)));
    say_file(L"sub\\two.txt");
    say_file(L"sub\\two-linked.txt");
    say("copy by the link: %s", worked(CopyFileW(at(L"sub\\one.txt"), at(L"link-to-file.txt"), FALSE)));
    say_file(L"readme.txt");
    say("in a directory by its link: %s", worked(put(at(L"link-to-sub\\one.txt"), "by the link")));
    say_file(L"sub\\one.txt");
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    say_section("dispositions");
    dispositions();
    say_section("over attributes");
    over_attributes();
    say_section("open elsewhere");
    open_elsewhere();
    say_section("refused, or without writing");
    cannot();
    say_section("sequences");
    sequences();
    say_section("all");
    say_tree(top);
    return 0;
}
