/* Several names of one file: each group of the seed has three hard links (a, b, c) and a link to the first (s). One name is changed,
 * deleted, renamed, replaced or linked again, and all are looked at; and links that are made here, to files of the host and others. */
#include "../harness/show.h"

enum { NAMES = 4 };

static unsigned group;

static const wchar_t *name_of(wchar_t which)
{
    static wchar_t ring[RING][32];
    static unsigned next;
    wchar_t *out = ring[next++ % RING];
    swprintf(out, 32, L"%ls\\%02u-%lc.txt", which == L'c' ? L"other names" : L"names", group, which);
    return out;
}

static void next_group(const char *what)
{
    group++;
    say("--- %u: %s", group, what);
}

/* By name, by handle and in the list of the directory. How a link that leads nowhere fails is Wine's own. */
static void say_one(const wchar_t *name)
{
    if (GetFileAttributesW(at(name)) == INVALID_FILE_ATTRIBUTES) {
        say("  %s: %s", utf8(name), open_at(name, FILE_READ_ATTRIBUTES, 0) ? "can be opened" : "missing");
        return;
    }
    WIN32_FILE_ATTRIBUTE_DATA data = {0};
    WIN32_FIND_DATAW found = {0};
    BOOL there = GetFileAttributesExW(at(name), GetFileExInfoStandard, &data);
    say("  by name %s: %s %lx %lu", utf8(name), worked(there), data.dwFileAttributes, data.nFileSizeLow);
    say_file(name);
    HANDLE find = FindFirstFileW(at(name), &found);
    say("    listed: %s %lx %lu", worked(find != INVALID_HANDLE_VALUE), found.dwFileAttributes, found.nFileSizeLow);
    if (find != INVALID_HANDLE_VALUE)
        FindClose(find);
}

static void say_group(void)
{
    for (const wchar_t *which = L"bcsa"; *which; which++)
        say_one(name_of(*which));
}

static uint64_t id_of(const wchar_t *name)
{
    BY_HANDLE_FILE_INFORMATION information = {0};
    HANDLE file = CreateFileW(at(name), 0, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return 0;
    GetFileInformationByHandle(file, &information);
    CloseHandle(file);
    return information.nFileIndexLow | (uint64_t)information.nFileIndexHigh << 32;
}

/* Which of the names have the id that the first had. */
static void say_ids(uint64_t before, const wchar_t *more)
{
    say("  ids: a %d b %d c %d s %d, other %d", id_of(name_of(L'a')) == before, id_of(name_of(L'b')) == before,
        id_of(name_of(L'c')) == before, id_of(name_of(L's')) == before, more && id_of(more) == before);
}

static HANDLE open_name(wchar_t which, DWORD access)
{
    return CreateFileW(at(name_of(which)), access, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
}

static NTSTATUS native(const wchar_t *from, ACCESS_MASK access, const wchar_t *to, BOOLEAN replace, int class)
{
    BYTE buffer[UNITS] = {0};
    FVM_FILE_RENAME_INFORMATION *information = (FVM_FILE_RENAME_INFORMATION *)buffer;
    const wchar_t *name = nt_at(to);
    IO_STATUS_BLOCK io;
    HANDLE file = open_at(from, access, 0);
    information->ReplaceIfExists = replace;
    information->FileNameLength = (ULONG)(wcslen(name) * sizeof(wchar_t));
    memcpy(information->FileName, name, information->FileNameLength);
    NTSTATUS status =
        nt.NtSetInformationFile(file, &io, information, sizeof(*information) + information->FileNameLength, class);
    say("%s %s (%d) -> %s replace %d: %08lx", class == FileLinkInformation ? "link" : "rename", utf8(from),
        file != NULL, utf8(to), replace, status);
    if (file)
        say_handle(file);
    close_handle(file);
    return status;
}

static void change_each(void)
{
    for (const wchar_t *which = L"abcs"; *which; which++) {
        next_group("one name changed, all read");
        uint64_t id = id_of(name_of(L'a'));
        say("append %s: %s", utf8(name_of(*which)), worked(append(at(name_of(*which)), "more")));
        say_group();
        say_ids(id, NULL);
        say("append b: %s", worked(append(at(name_of(L'b')), "of b")));
        say_group();
    }
    next_group("all read, then changed");
    say_group();
    say("%s", worked(append(at(name_of(L'c')), "more")));
    say_group();
}

static void both_open(void)
{
    next_group("open by two names at once");
    HANDLE a = open_name(L'a', GENERIC_READ | GENERIC_WRITE), b = open_name(L'b', GENERIC_READ | GENERIC_WRITE);
    HANDLE s = open_name(L's', GENERIC_READ);
    DWORD size;
    say("write by a: %s", worked(WriteFile(a, "by a", 4, &size, NULL)));
    say_content(b);
    say_content(s);
    say("write by b: %s", worked(WriteFile(b, "B", 1, &size, NULL)));
    say_content(a);
    say_handle(a);
    say_handle(s);
    say("lock by a: %s", worked(LockFile(a, 0, 0, 1, 0)));
    say("lock by b: %s", worked(LockFile(b, 0, 0, 1, 0)));
    CloseHandle(a);
    CloseHandle(b);
    CloseHandle(s);
    say_group();
    next_group("sharing between names");
    a = CreateFileW(at(name_of(L'a')), GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    for (const wchar_t *which = L"bcs"; *which; which++) {
        b = open_name(*which, GENERIC_READ);
        say("  %lc: %s", *which, worked(b != INVALID_HANDLE_VALUE));
        if (b != INVALID_HANDLE_VALUE)
            CloseHandle(b);
    }
    CloseHandle(a);
}

static void deleted(void)
{
    next_group("deleted unchanged, made again");
    say("%s", worked(DeleteFileW(at(name_of(L'a')))));
    say_group();
    say("%s", worked(put(at(name_of(L'a')), "another file")));
    say_group();
    say("%s", worked(append(at(name_of(L'b')), "b lives")));
    say_group();
    next_group("changed and deleted");
    say("%s", worked(append(at(name_of(L'a')), "more")));
    say("%s", worked(DeleteFileW(at(name_of(L'a')))));
    say_group();
    say("%s", worked(DeleteFileW(at(name_of(L'c')))));
    say_group();
    next_group("deleted by the link");
    say("%s", worked(DeleteFileW(at(name_of(L's')))));
    say_group();
    next_group("the first deleted, all others read by attributes only");
    say("%s", worked(DeleteFileW(at(name_of(L'a')))));
    for (const wchar_t *which = L"bcs"; *which; which++)
        say("  %lc %lx", *which, GetFileAttributesW(at(name_of(*which))));
    next_group("on close");
    HANDLE b = CreateFileW(at(name_of(L'b')), GENERIC_READ | DELETE, SHARE_ALL, NULL, OPEN_EXISTING,
                           FILE_FLAG_DELETE_ON_CLOSE, NULL);
    say("%s", worked(append(at(name_of(L'a')), "while open")));
    say_content(b);
    CloseHandle(b);
    say_group();
}

static void renamed(void)
{
    next_group("changed, renamed, changed by another name");
    say("%s", worked(append(at(name_of(L'a')), "more")));
    say("%s", worked(MoveFileW(at(name_of(L'a')), at(name_of(L'd')))));
    say("%s", worked(append(at(name_of(L'b')), "of b")));
    say_group();
    say_one(name_of(L'd'));
    next_group("renamed, changed by another name");
    uint64_t id = id_of(name_of(L'b'));
    say("%s", worked(MoveFileW(at(name_of(L'a')), at(L"renamed.txt"))));
    say("%s", worked(append(at(name_of(L'c')), "of c")));
    say_group();
    say_one(L"renamed.txt");
    say_ids(id, L"renamed.txt");
    next_group("over another name of the same file");
    native(name_of(L'a'), DELETE, name_of(L'b'), FALSE, FileRenameInformation);
    native(name_of(L'a'), DELETE, name_of(L'b'), TRUE, FileRenameInformation);
    say_group();
    next_group("replaced by another file");
    say("%s", worked(MoveFileExW(at(L"many\\01.txt"), at(name_of(L'b')), MOVEFILE_REPLACE_EXISTING)));
    say_group();
    say("%s", worked(append(at(name_of(L'b')), "now another")));
    say_group();
    next_group("ReplaceFile");
    say("%s", worked(ReplaceFileW(at(name_of(L'a')), at(L"many\\02.txt"), at(L"backup.txt"), 0, NULL, NULL)));
    say_group();
    say_one(L"backup.txt");
    next_group("a directory with names is renamed");
    say("%s", worked(append(at(name_of(L'a')), "more")));
    say("%s", worked(MoveFileW(at(L"other names"), at(L"moved names"))));
    wchar_t moved[64];
    swprintf(moved, 64, L"moved names\\%02u-c.txt", group);
    say_one(moved);
    say("%s", worked(MoveFileW(at(L"moved names"), at(L"other names"))));
    say_group();
}

static void overwritten(void)
{
    next_group("CREATE_ALWAYS");
    say("%s", worked(put(at(name_of(L'b')), "overwritten")));
    say_group();
    next_group("FILE_SUPERSEDE");
    struct opening o = {NULL, nt_at(name_of(L'a')), GENERIC_WRITE, SHARE_ALL, FILE_SUPERSEDE, 0, 0};
    HANDLE file;
    say("%08lx", open_as(&o, &file, NULL));
    close_handle(file);
    say_group();
    next_group("end of file");
    file = open_name(L'c', GENERIC_WRITE);
    SetFilePointer(file, 3, NULL, FILE_BEGIN);
    say("%s", worked(SetEndOfFile(file)));
    CloseHandle(file);
    say_group();
    next_group("attributes");
    say("%s", worked(SetFileAttributesW(at(name_of(L'b')), FILE_ATTRIBUTE_READONLY)));
    say_group();
    say("append: %s", worked(append(at(name_of(L'c')), "more")));
    say("delete: %s", worked(DeleteFileW(at(name_of(L'a')))));
    say_group();
}

static void made_here(void)
{
    next_group("one more name");
    uint64_t id = id_of(name_of(L'a'));
    say("%s", worked(CreateHardLinkW(at(name_of(L'd')), at(name_of(L'b')), NULL)));
    say_one(name_of(L'd'));
    say("%s", worked(append(at(name_of(L'd')), "of d")));
    say_group();
    say_ids(id, name_of(L'd'));
    for (const wchar_t *which = L"abc"; *which; which++)
        say("delete %lc: %s", *which, worked(DeleteFileW(at(name_of(*which)))));
    say_group();
    say_one(name_of(L'd'));
    next_group("collisions");
    native(name_of(L'a'), FILE_WRITE_ATTRIBUTES, name_of(L'b'), FALSE, FileLinkInformation);
    native(name_of(L'a'), FILE_WRITE_ATTRIBUTES, L"sub\\two.txt", FALSE, FileLinkInformation);
    native(name_of(L'a'), FILE_WRITE_ATTRIBUTES, L"sub", FALSE, FileLinkInformation);
    native(name_of(L'a'), FILE_WRITE_ATTRIBUTES, L"missing\\x", FALSE, FileLinkInformation);
    say_group();
    say_one(L"sub\\two.txt");
    native(name_of(L'a'), FILE_WRITE_ATTRIBUTES, L"sub\\two.txt", TRUE, FileLinkInformation);
    native(name_of(L'a'), FILE_WRITE_ATTRIBUTES, L"sub", TRUE, FileLinkInformation);
    native(name_of(L'a'), FILE_WRITE_ATTRIBUTES, name_of(L'b'), TRUE, FileLinkInformation);
    say_group();
    say_one(L"sub\\two.txt");
    say_one(L"sub\\two-linked.txt");
    say_section("to a file of one name, a new file, a directory");
    native(L"readme.txt", FILE_WRITE_ATTRIBUTES, L"linked.txt", FALSE, FileLinkInformation);
    say("%s", worked(append(at(L"linked.txt"), "by the link")));
    say_one(L"readme.txt");
    say_one(L"link-to-file.txt");
    native(L"readme.txt", FILE_WRITE_ATTRIBUTES, L"many\\03.txt", TRUE, FileLinkInformation);
    say_one(L"many\\03.txt");
    say("%s", worked(put(at(L"made.txt"), "made")));
    native(L"made.txt", FILE_WRITE_ATTRIBUTES, L"sub\\made.txt", FALSE, FileLinkInformation);
    say("%s", worked(append(at(L"sub\\made.txt"), "more")));
    say_one(L"made.txt");
    native(L"sub", FILE_LIST_DIRECTORY, L"linked sub", FALSE, FileLinkInformation);
    say("%s", worked(DeleteFileW(at(L"readme.txt"))));
    say_one(L"linked.txt");
    say_one(L"link-to-file.txt");
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    change_each();
    both_open();
    deleted();
    renamed();
    overwritten();
    made_here();
    for (group = 0; group < 32; group++)
        say_file(name_of(L'c')); /* a list shows an old size of a name that was not met since */
    say_section("all");
    say_tree(top);
    return 0;
}
