/* Second names of the host's files: links that are there, links that a program makes, and renames and links whose
 * targets are given in unusual ways. */
#include "try.h"

static NTSTATUS name_class(const wchar_t *from, HANDLE root, const wchar_t *to, int class)
{
    BYTE buffer[UNITS];
    FVM_FILE_RENAME_INFORMATION *information = (FVM_FILE_RENAME_INFORMATION *)buffer;
    IO_STATUS_BLOCK io;
    HANDLE file = open_at(from, DELETE | FILE_READ_ATTRIBUTES, 0);
    memset(buffer, 0, sizeof(buffer));
    information->ReplaceIfExists = TRUE;
    information->RootDirectory = root;
    information->FileNameLength = (ULONG)(wcslen(to) * sizeof(wchar_t));
    memcpy(information->FileName, to, information->FileNameLength);
    NTSTATUS status = nt.NtSetInformationFile(file, &io, buffer, sizeof(*information) + information->FileNameLength,
                                              (FILE_INFORMATION_CLASS) class);
    close_handle(file);
    return status;
}

/* What is written through a link must be seen at its target, or be refused. */
static void through_links(void)
{
    static const wchar_t *const pairs[][2] = {{L"link-to-file.txt", L"readme.txt"},
                                              {L"link-to-sub\\one.txt", L"sub\\one.txt"},
                                              {L"link-to-sub\\deeper\\three.txt", L"sub\\deeper\\three.txt"},
                                              {L"sub\\two-linked.txt", L"sub\\two-linked.txt"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        BOOL let = put(at(pairs[i][0]), "through");
        report(let && !holds(nt_at(pairs[i][1]), "through"), "write through %s", utf8(pairs[i][0]));
    }
    BOOL let = put(at(L"link-to-sub\\new.txt"), "new");
    report(let && !holds(nt_at(L"sub\\new.txt"), "new"), "make through a link");
    report(FALSE, "delete through a link: %s", worked(DeleteFileW(at(L"link-to-sub\\deeper\\three.txt"))));
    report(FALSE, "rename through a link: %s", worked(MoveFileW(at(L"link-to-sub\\two.txt"), at(L"link-to-sub\\x"))));
    report(FALSE, "attributes through a link: %s",
           worked(SetFileAttributesW(at(L"link-to-file.txt"), FILE_ATTRIBUTE_READONLY)));
    report(FALSE, "delete a link to a file: %s", worked(DeleteFileW(at(L"link-to-file.txt"))));
    report(FALSE, "delete a link to a directory: %s", worked(RemoveDirectoryW(at(L"link-to-sub"))));
    report(FALSE, "rename a link: %s", worked(MoveFileW(at(L"link-to-sub"), at(L"renamed-link"))));
    if (put(at(L"renamed-link\\through-renamed.txt"), "x"))
        report(!opens(nt_at(L"renamed-link\\through-renamed.txt"), FILE_READ_DATA, 0), "write through a renamed link");
}

static void hard_links(void)
{
    for (unsigned i = 0; i < 4; i++) {
        wchar_t name[64], link[64];
        swprintf(name, 64, L"many\\%02u.txt", i);
        swprintf(link, 64, L"hard %02u.txt", i);
        BOOL linked = CreateHardLinkW(at(link), at(name), NULL);
        BOOL written = linked && (i % 2 ? append(at(link), "by link") : put(at(link), "by link"));
        report(written && !holds(nt_at(link), "by link"), "write through a new hard link, linked %d written %d", linked,
               written);
        DeleteFileW(at(link));
    }
    HANDLE root = open_at(L"sub", FILE_LIST_DIRECTORY, FILE_DIRECTORY_FILE);
    report(FALSE, "link below a directory's handle: %08lx",
           name_class(L"many\\04.txt", root, L"x.txt", FileLinkInformation));
    report(FALSE, "link over a file of the host: %08lx",
           name_class(L"many\\05.txt", root, L"one.txt", FileLinkInformation));
    report(FALSE, "Ex link: %08lx", name_class(L"many\\06.txt", root, L"y.txt", FileLinkInformationExClass));
    close_handle(root);
}

static void made_links(void)
{
    BOOLEAN(WINAPI * symbolic)
    (const wchar_t *, const wchar_t *, DWORD) =
        (void *)GetProcAddress(GetModuleHandleW(L"kernel32"), "CreateSymbolicLinkW");
    report(symbolic(at(L"made-link.txt"), at(L"many\\07.txt"), 0) && put(at(L"made-link.txt"), "through") &&
               !holds(nt_at(L"many\\07.txt"), "through") && !holds(nt_at(L"made-link.txt"), "through"),
           "write through a symbolic link made here");
    report(symbolic(at(L"made-dir"), at(L"dirs\\01"), 1) && put(at(L"made-dir\\evil.txt"), "x") &&
               !holds(nt_at(L"dirs\\01\\evil.txt"), "x"),
           "write through a directory link made here");

    static const struct {
        ULONG tag;
        USHORT length, reserved, substitute_at, substitute_length, print_at, print_length;
        WCHAR text[64];
    } junction = {0xa0000003, 8 + 2 * 22, 0, 0, 2 * 20, 2 * 21, 0, L"\\??\\C:\\escape\\links\\"};
    CreateDirectoryW(at(L"junction"), NULL);
    HANDLE directory = CreateFileW(at(L"junction"), GENERIC_WRITE, SHARE_ALL, NULL, OPEN_EXISTING,
                                   FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    DWORD size;
    static const DWORD codes[] = {0x900a4, 0x9040c};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        report(DeviceIoControl(directory, codes[i], (void *)&junction, sizeof(junction), NULL, 0, &size, NULL) &&
                   put(at(L"junction\\readme.txt"), "junction") && !holds(nt_at(L"readme.txt"), "junction"),
               "junction by code %lx", codes[i]);
    CloseHandle(directory);
}

static void unusual_targets(void)
{
    HANDLE root = open_at(L"sub", FILE_LIST_DIRECTORY, FILE_DIRECTORY_FILE);
    HANDLE windows = CreateFileW(L"C:\\windows", FILE_LIST_DIRECTORY, SHARE_ALL, NULL, OPEN_EXISTING,
                                 FILE_FLAG_BACKUP_SEMANTICS, NULL);
    static const int classes[] = {FileRenameInformation, FileLinkInformation, FileRenameInformationExClass,
                                  FileLinkInformationExClass, FileRenameInformationBypassClass};
    wchar_t own[UNITS], target[UNITS];
    unsigned number = 20;
    swprintf(own, UNITS, L"%ls", unix_name(top));
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        wchar_t name[64];
        const struct {
            HANDLE root;
            const wchar_t *to;
        } targets[] = {{root, L"one.txt"},
                       {root, L"..\\readme.txt"},
                       {root, L"\\readme.txt"},
                       {windows, L"evil.txt"},
                       {windows, L"system32\\evil.dll"},
                       {NULL, L"\\??\\C:\\windows\\win.ini"},
                       {NULL, L"\\??\\C:\\evil.txt"},
                       {NULL, target}};
        swprintf(target, UNITS, L"%ls/evil.txt", own[0] ? own : L"\\??\\C:");
        for (size_t t = 0; t < sizeof(targets) / sizeof(targets[0]); t++) {
            swprintf(name, 64, L"many\\%02u.txt", number++);
            report(FALSE, "class %d to %s: %08lx", classes[i], utf8(targets[t].to),
                   name_class(name, targets[t].root, targets[t].to, classes[i]));
        }
    }
    close_handle(root);
    CloseHandle(windows);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    hard_links();
    made_links();
    unusual_targets();
    through_links();
    return 0;
}
