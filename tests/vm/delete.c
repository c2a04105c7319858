/* Deleting by every way, of what the host has and of what was made here; and what may come after at the same name. */
#include "../harness/show.h"

static NTSTATUS set_disposition(HANDLE file, BOOLEAN delete)
{
    FILE_DISPOSITION_INFORMATION information = {delete};
    IO_STATUS_BLOCK io;
    return nt.NtSetInformationFile(file, &io, &information, sizeof(information), FileDispositionInformation);
}

static void win32(void)
{
    static const wchar_t *const files[] = {L"readme.txt",   L"README.TXT", L"read-only.txt",        L"sub",
                                           L"sub\\one.txt", L"missing",    L"missing\\x",           L"empty\\x",
                                           L"empty",        L"made.txt",   L"name with spaces.txt", L"日本語.txt"};
    static const wchar_t *const directories[] = {
        L"empty dir", L"sub", L"sub\\empty", L"big.bin", L"missing", L"sub\\deeper\\still deeper", L"made"};
    say("%s", worked(put(at(L"made.txt"), "x")));
    say("%s", worked(CreateDirectoryW(at(L"made"), NULL)));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        say("DeleteFile %s: %s", utf8(files[i]), worked(DeleteFileW(at(files[i]))));
        say_file(files[i]);
        say("again: %s", worked(DeleteFileW(at(files[i]))));
    }
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        say("RemoveDirectory %s: %s", utf8(directories[i]), worked(RemoveDirectoryW(at(directories[i]))));
        say_file(directories[i]);
        say("again: %s", worked(RemoveDirectoryW(at(directories[i]))));
    }
}

static void disposition(const wchar_t *name, ACCESS_MASK access)
{
    static const BOOLEAN steps[] = {TRUE, FALSE, TRUE};
    HANDLE file = open_at(name, access, 0);
    say("disposition of %s with access %lx, open %d", utf8(name), access, file != NULL);
    for (size_t i = 0; i < sizeof(steps); i++) {
        NTSTATUS status = set_disposition(file, steps[i]);
        say("  %d: %08lx", steps[i], status);
        if (status == STATUS_DIRECTORY_NOT_EMPTY)
            break; /* Wine finds it empty when it is asked again */
        if (file)
            say_handle(file);
        say_file(name);
    }
    close_handle(file);
    say_file(name);
}

static void on_close(const wchar_t *name, ACCESS_MASK access, ULONG options)
{
    struct opening o = {NULL, nt_at(name), access, SHARE_ALL, FILE_OPEN, options | FILE_DELETE_ON_CLOSE, 0};
    HANDLE file, second;
    NTSTATUS status = open_as(&o, &file, NULL);
    say("delete on close of %s with access %lx: %08lx", utf8(name), access, status);
    if (status < 0)
        return;
    say_handle(file);
    say_file(name);
    second = open_at(name, FILE_READ_ATTRIBUTES, 0);
    say("  a second handle %d", second != NULL);
    close_handle(file);
    say_file(name);
    close_handle(second);
    say_file(name);
}

static void recreated(void)
{
    say("file to directory: %s", worked(DeleteFileW(at(L"many\\20.txt"))));
    say("%s", worked(CreateDirectoryW(at(L"many\\20.txt"), NULL)));
    say("%s", worked(put(at(L"many\\20.txt\\inside"), "inside")));
    say_file(L"many\\20.txt");
    say_file(L"many\\20.txt\\inside");
    say("remove: %s", worked(RemoveDirectoryW(at(L"many\\20.txt"))));
    say("directory to file: %s", worked(RemoveDirectoryW(at(L"dirs\\20"))));
    say("%s", worked(put(at(L"dirs\\20"), "a file now")));
    say_file(L"dirs\\20");
    say("%s", worked(DeleteFileW(at(L"dirs\\20"))));
    say("directory made again: %s", worked(CreateDirectoryW(at(L"dirs\\20"), NULL)));
    say_file(L"dirs\\20\\inside.txt");
    say("with content: %s %s", worked(DeleteFileW(at(L"dirs\\21\\inside.txt"))),
        worked(RemoveDirectoryW(at(L"dirs\\21"))));
    say_file(L"dirs\\21\\inside.txt");
    say("made again: %s", worked(CreateDirectoryW(at(L"dirs\\21"), NULL)));
    say_file(L"dirs\\21\\inside.txt");
    say_tree(at(L"dirs\\21"));
    for (int i = 0; i < 3; i++) {
        say("round %d: %s", i, worked(put(at(L"many\\22.txt"), "round")));
        say("  %s", worked(DeleteFileW(at(L"many\\22.txt"))));
        say_file(L"many\\22.txt");
    }
    say("other case: %s", worked(DeleteFileW(at(L"MANY\\23.TXT"))));
    say_file(L"many\\23.txt");
    say("%s", worked(put(at(L"many\\23.TXT"), "upper")));
    say_file(L"many\\23.txt");
}

static void with_open_handles(void)
{
    HANDLE reader = open_at(L"many\\30.txt", GENERIC_READ, 0), writer = open_at(L"many\\31.txt", GENERIC_WRITE, 0);
    say("open for reading: %s", worked(DeleteFileW(at(L"many\\30.txt")))); /* the name may stay until it is closed */
    say_handle(reader);
    say_content(reader);
    close_handle(reader);
    say_file(L"many\\30.txt");
    say("open for writing: %s", worked(DeleteFileW(at(L"many\\31.txt"))));
    say_file(L"many\\31.txt");
    close_handle(writer);
    say_file(L"many\\31.txt");

    HANDLE directory = open_at(L"dirs\\30", FILE_LIST_DIRECTORY, FILE_DIRECTORY_FILE);
    say("directory with a handle: %s", worked(RemoveDirectoryW(at(L"dirs\\30"))));
    say_file(L"dirs\\30");
    close_handle(directory);
    say_file(L"dirs\\30");

    HANDLE unshared = CreateFileW(at(L"many\\32.txt"), GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    say("not shared for deleting: %s", worked(DeleteFileW(at(L"many\\32.txt"))));
    say_file(L"many\\32.txt");
    CloseHandle(unshared);
    say("closed: %s", worked(DeleteFileW(at(L"many\\32.txt"))));
}

static void whole_tree(const wchar_t *directory)
{
    WIN32_FIND_DATAW found;
    wchar_t own[UNITS];
    wcsncpy(own, directory, UNITS - 1);
    HANDLE find = FindFirstFileW(joined(own, L"\\*"), &found);
    if (find == INVALID_HANDLE_VALUE)
        return;
    do {
        wchar_t path[UNITS];
        if (!wcscmp(found.cFileName, L".") || !wcscmp(found.cFileName, L".."))
            continue;
        swprintf(path, UNITS, L"%ls\\%ls", own, found.cFileName);
        if (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
            whole_tree(path);
        else if (!DeleteFileW(path))
            say("  %s: error %lu", utf8(path), GetLastError());
    } while (FindNextFileW(find, &found));
    FindClose(find);
    say("RemoveDirectory %s: %s", utf8(own), worked(RemoveDirectoryW(own)));
}

static void by_service(const wchar_t *name)
{
    UNICODE_STRING text = unicode(nt_at(name));
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, NULL, NULL);
    say("NtDeleteFile %s: %08lx", utf8(name), nt.NtDeleteFile(&attributes));
    say_file(name);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    win32();
    say_section("disposition");
    disposition(L"many\\00.txt", DELETE);
    disposition(L"many\\01.txt", DELETE | GENERIC_READ);
    disposition(L"many\\02.txt", GENERIC_READ);
    disposition(L"many\\03.txt", GENERIC_WRITE);
    disposition(L"dirs\\00", DELETE);
    disposition(L"dirs\\01", DELETE);
    disposition(L"dirs\\02", FILE_LIST_DIRECTORY);
    say("%s", worked(put(at(L"made"), "x")));
    disposition(L"made", DELETE);
    say_section("on close");
    on_close(L"many\\10.txt", DELETE, 0);
    on_close(L"many\\11.txt", DELETE | GENERIC_READ, 0);
    on_close(L"many\\12.txt", DELETE | GENERIC_WRITE, FILE_NON_DIRECTORY_FILE);
    on_close(L"many\\13.txt", GENERIC_READ, 0);
    on_close(L"dirs\\10", DELETE, FILE_DIRECTORY_FILE);
    on_close(L"dirs\\11", DELETE, FILE_DIRECTORY_FILE);
    on_close(L"dirs\\12", DELETE, 0);
    on_close(L"missing", DELETE, 0);
    say("%s", worked(put(at(L"made"), "x")));
    on_close(L"made", DELETE, 0);
    say_section("by service");
    by_service(L"many\\15.txt");
    by_service(L"many\\15.txt");
    by_service(L"dirs\\14");
    by_service(L"dirs\\15");
    by_service(L"missing\\x");
    say_section("recreated");
    recreated();
    say_section("open handles");
    with_open_handles();
    say_section("whole trees");
    whole_tree(at(L"tree"));
    whole_tree(at(L"dirs"));
    say_file(L"tree\\a\\1.dat");
    say("made again: %s %s", worked(CreateDirectoryW(at(L"tree"), NULL)),
        worked(CreateDirectoryW(at(L"tree\\a"), NULL)));
    say_file(L"tree\\a\\1.dat");
    say_section("all");
    say_tree(top);
    return 0;
}
