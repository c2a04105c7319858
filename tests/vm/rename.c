/* Renaming files and directories of the host and of the VM, into and out of directories of both, over what exists, in chains;
 * and changing them through the new names and the old. */
#include "../harness/show.h"

static NTSTATUS rename_to(HANDLE file, HANDLE root, const wchar_t *name, BOOLEAN replace)
{
    BYTE buffer[UNITS];
    FVM_FILE_RENAME_INFORMATION *information = (FVM_FILE_RENAME_INFORMATION *)buffer;
    IO_STATUS_BLOCK io;
    memset(buffer, 0, sizeof(buffer));
    information->ReplaceIfExists = replace;
    information->RootDirectory = root;
    information->FileNameLength = (ULONG)(wcslen(name) * sizeof(wchar_t));
    memcpy(information->FileName, name, information->FileNameLength);
    return nt.NtSetInformationFile(file, &io, information, sizeof(*information) + information->FileNameLength,
                                   FileRenameInformation);
}

static void say_own_name(HANDLE file)
{
    BYTE buffer[UNITS];
    FILE_NAME_INFORMATION *own = (FILE_NAME_INFORMATION *)buffer;
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtQueryInformationFile(file, &io, own, sizeof(buffer), FileNameInformation);
    say("    name %08lx %s", status, status ? "" : utf8_units(own->FileName, own->FileNameLength / sizeof(WCHAR)));
}

static void move(const wchar_t *from, const wchar_t *to, DWORD flags)
{
    say("MoveFileEx %s -> %s flags %lx: %s", utf8(from), utf8(to), flags, worked(MoveFileExW(at(from), at(to), flags)));
    say_file(from);
    say_file(to);
}

static void native(const wchar_t *from, ACCESS_MASK access, const wchar_t *root, const wchar_t *to, BOOLEAN replace)
{
    HANDLE file = open_at(from, access, 0);
    HANDLE directory = root ? open_at(root, FILE_LIST_DIRECTORY, FILE_DIRECTORY_FILE) : NULL;
    const wchar_t *name = root ? to : nt_at(to); /* a bare name without a root is refused by Wine */
    say("rename %s (%d) access %lx -> %s below %s replace %d: %08lx", utf8(from), file != NULL, access, utf8(to),
        utf8(root ? root : L"-"), replace, rename_to(file, directory, name, replace));
    if (file) {
        say_own_name(file);
        say_handle(file);
    }
    close_handle(file);
    close_handle(directory);
    say_file(from);
}

static void files(void)
{
    move(L"readme.txt", L"renamed.txt", 0);
    move(L"renamed.txt", L"sub\\moved.txt", 0);
    say("%s", worked(append(at(L"sub\\moved.txt"), "appended")));
    move(L"sub\\moved.txt", L"readme.txt", 0); /* and back */
    move(L"sub\\one.txt", L"sub\\two.txt", 0);
    move(L"sub\\one.txt", L"sub\\two.txt", MOVEFILE_REPLACE_EXISTING);
    move(L"empty", L"sub", MOVEFILE_REPLACE_EXISTING);
    move(L"empty", L"missing\\x", 0);
    move(L"missing", L"x", 0);
    move(L"MixedCase.TXT", L"mixedcase.txt", 0);
    move(L"mixedcase.txt", L"MIXEDcase.txt", MOVEFILE_REPLACE_EXISTING);
    move(L"name with spaces.txt", L"name with spaces.txt", 0);
    move(L"big.bin", L"sub\\deeper\\big.bin", 0);
    move(L"read-only.txt", L"was read-only.txt", 0);
    move(L"many\\00.txt", L"was read-only.txt", MOVEFILE_REPLACE_EXISTING);
    move(L"Übergröße.txt", L"日本語.txt", MOVEFILE_REPLACE_EXISTING);
    say("%s", worked(put(at(L"made.txt"), "made")));
    move(L"made.txt", L"many\\01.txt", 0);
    move(L"made.txt", L"many\\01.txt", MOVEFILE_REPLACE_EXISTING);
    move(L"many\\01.txt", L"made.txt", 0);
    say("the old name again: %s", worked(put(at(L"many\\01.txt"), "made at the old name")));
    say_file(L"many\\01.txt");
    say("ReplaceFile: %s",
        worked(ReplaceFileW(at(L"many\\02.txt"), at(L"many\\03.txt"), at(L"many\\backup.txt"), 0, NULL, NULL)));
    say_file(L"many\\02.txt");
    say_file(L"many\\03.txt");
    say_file(L"many\\backup.txt");
    say("MoveFile copies: %s", worked(CopyFileW(at(L"many\\04.txt"), at(L"many\\copy.txt"), TRUE)));
    say_file(L"many\\copy.txt");
}

static void by_handles(void)
{
    native(L"many\\11.txt", DELETE, L"sub", L"from many.txt", FALSE);
    say_file(L"sub\\from many.txt");
    native(L"many\\12.txt", DELETE, L"sub", L"from many.txt", FALSE);
    native(L"many\\12.txt", DELETE, L"sub", L"from many.txt", TRUE);
    say_file(L"sub\\from many.txt");
    native(L"many\\13.txt", GENERIC_READ, NULL, L"many\\read.txt", FALSE); /* Wine lets it */
    say_file(L"many\\read.txt");
    native(L"many\\14.txt", DELETE, NULL, L"many\\14.txt", FALSE);
    native(L"many\\14.txt", DELETE, NULL, L"many\\14.txt", TRUE);
    native(L"many\\14.txt", DELETE, NULL, L"sub\\..\\x", FALSE);
    native(L"many\\14.txt", DELETE, NULL, L"many\\a*b", FALSE);
    native(L"many\\14.txt", DELETE, L"sub", L"", FALSE);
    native(L"many\\14.txt", DELETE, L"sub", L"missing\\x", FALSE);
    HANDLE nameless = open_at(L"many\\14.txt", DELETE, 0);
    say("no name at all: %08lx", rename_to(nameless, NULL, L"", FALSE));
    close_handle(nameless);
    native(L"many\\14.txt", DELETE | GENERIC_WRITE, NULL, L"many\\written.txt", FALSE);
    say_file(L"many\\written.txt");

    /* A handle that stays open over two renames, and is written through. */
    struct opening o = {NULL, nt_at(L"many\\15.txt"), DELETE | GENERIC_READ | GENERIC_WRITE, SHARE_ALL, FILE_OPEN, 0,
                        0};
    HANDLE file;
    IO_STATUS_BLOCK io;
    LARGE_INTEGER start = {.QuadPart = 0};
    say("%08lx", open_as(&o, &file, NULL));
    say("%08lx", rename_to(file, NULL, nt_at(L"many\\first.txt"), FALSE));
    say_own_name(file);
    say("%08lx", nt.NtWriteFile(file, NULL, NULL, NULL, &io, "written", 7, &start, NULL));
    say("%08lx", rename_to(file, NULL, nt_at(L"sub\\second.txt"), FALSE));
    say_own_name(file);
    say_content(file);
    close_handle(file);
    say_file(L"many\\15.txt");
    say_file(L"many\\first.txt");
    say_file(L"sub\\second.txt");

    HANDLE reader = open_at(L"many\\16.txt", GENERIC_READ, 0);
    say("under a reader: %s", worked(MoveFileW(at(L"many\\16.txt"), at(L"many\\under.txt"))));
    say_content(reader);
    close_handle(reader);
    say_file(L"many\\under.txt");
    HANDLE unshared = CreateFileW(at(L"many\\17.txt"), GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    say("not shared for deleting: %s", worked(MoveFileW(at(L"many\\17.txt"), at(L"many\\unshared.txt"))));
    say("over that: %s", worked(MoveFileExW(at(L"many\\18.txt"), at(L"many\\17.txt"), MOVEFILE_REPLACE_EXISTING)));
    CloseHandle(unshared);
    say_file(L"many\\17.txt");
    say_file(L"many\\18.txt");
}

static void directories(void)
{
    move(L"tree", L"moved tree", 0);
    say_tree(at(L"moved tree"));
    say_file(L"tree\\a\\1.dat");
    say("write below: %s", worked(append(at(L"moved tree\\a\\1.dat"), " more")));
    say("make below: %s", worked(put(at(L"moved tree\\a\\new.dat"), "new")));
    say("delete below: %s", worked(DeleteFileW(at(L"moved tree\\a\\2.dat"))));
    say("rename below: %s", worked(MoveFileW(at(L"moved tree\\b\\1.dat"), at(L"moved tree\\a\\from b.dat"))));
    say("the old name again: %s", worked(CreateDirectoryW(at(L"tree"), NULL)));
    say_file(L"tree\\a\\1.dat");
    say("%s", worked(put(at(L"tree\\a"), "a file where a directory was")));
    say_tree(at(L"tree"));
    say_tree(at(L"moved tree"));
    move(L"moved tree", L"sub\\tree", 0);
    say_tree(at(L"sub\\tree"));
    move(L"sub\\tree\\a", L"a from tree", 0);
    move(L"a from tree", L"sub\\tree\\c", 0);
    move(L"sub", L"sub\\deeper\\x", 0); /* into itself */
    move(L"sub", L"SUB", 0);
    move(L"dirs\\00", L"dirs\\02", 0);
    move(L"dirs\\00", L"dirs\\02", MOVEFILE_REPLACE_EXISTING);
    move(L"dirs\\01", L"dirs\\03", MOVEFILE_REPLACE_EXISTING);
    move(L"dirs\\01", L"many\\20.txt", 0);
    move(L"dirs\\01", L"many\\20.txt", MOVEFILE_REPLACE_EXISTING);
    native(L"dirs\\05", DELETE, L"dirs", L"renamed by handle", FALSE);
    say_tree(at(L"dirs\\renamed by handle"));
    native(L"dirs\\07", FILE_LIST_DIRECTORY, L"sub", L"seven", FALSE);
    say_tree(at(L"sub\\seven"));
    say("%s", worked(CreateDirectoryW(at(L"made"), NULL)));
    move(L"dirs\\09", L"made\\nine", 0);
    move(L"made", L"dirs\\made", 0);
    say_tree(at(L"dirs\\made"));
    move(L"dirs\\made\\nine", L"dirs\\09", 0); /* and back */
    say_tree(at(L"dirs\\09"));
    HANDLE open = open_at(L"dirs\\11\\inside.txt", GENERIC_READ, 0);
    move(L"dirs\\11", L"dirs\\eleven", 0); /* a file in it is open */
    close_handle(open);
}

static void chains(void)
{
    move(L"dirs\\21", L"dirs\\b", 0);
    move(L"dirs\\b", L"dirs\\c", 0);
    say("%s", worked(CreateDirectoryW(at(L"dirs\\21"), NULL)));
    say("%s", worked(put(at(L"dirs\\21\\inside.txt"), "of the new one")));
    say_file(L"dirs\\21\\inside.txt");
    say_file(L"dirs\\c\\inside.txt");
    say("%s", worked(append(at(L"dirs\\c\\inside.txt"), "of the old one")));
    move(L"dirs\\21", L"dirs\\b", 0);
    move(L"dirs\\c", L"dirs\\21", 0); /* round */
    say_file(L"dirs\\21\\inside.txt");
    say_file(L"dirs\\b\\inside.txt");
    /* two names exchanged */
    move(L"dirs\\23", L"dirs\\x", 0);
    move(L"dirs\\25", L"dirs\\23", 0);
    move(L"dirs\\x", L"dirs\\25", 0);
    say("%s", worked(append(at(L"dirs\\23\\inside.txt"), "was 25")));
    say_file(L"dirs\\23\\inside.txt");
    say_file(L"dirs\\25\\inside.txt");
    /* files: a -> b -> c, then a made again and moved onto b */
    move(L"many\\40.txt", L"many\\b.txt", 0);
    move(L"many\\b.txt", L"many\\c.txt", 0);
    say("%s", worked(put(at(L"many\\40.txt"), "new 40")));
    move(L"many\\40.txt", L"many\\b.txt", 0);
    say("%s", worked(append(at(L"many\\c.txt"), "end")));
    say_file(L"many\\b.txt");
    say_file(L"many\\c.txt");
    for (int i = 0; i < 4; i++) {
        wchar_t to[32];
        swprintf(to, 32, L"many\\%ls", i % 2 ? L"turn2.txt" : L"turn.txt");
        move(i % 2 ? L"many\\turn.txt" : i ? L"many\\turn2.txt" : L"many\\41.txt", to, 0);
    }
    move(L"many\\turn2.txt", L"many\\41.txt", 0);
    say("DeleteFile: %s", worked(DeleteFileW(at(L"many\\41.txt"))));
    say_file(L"many\\41.txt");
    /* a directory is moved, then the one above it */
    move(L"sub\\deeper\\still deeper", L"sub\\deeper\\moved", 0);
    move(L"sub\\deeper", L"sub\\shallow", 0);
    move(L"sub\\shallow\\moved", L"four", 0);
    say_tree(at(L"four"));
    say("%s", worked(DeleteFileW(at(L"four\\four.txt"))));
    say("%s", worked(RemoveDirectoryW(at(L"four"))));
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    say_section("files");
    files();
    say_section("by handles");
    by_handles();
    say_section("directories");
    directories();
    say_section("chains");
    chains();
    say_section("all");
    say_tree(top);
    return 0;
}
