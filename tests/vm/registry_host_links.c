/* Symbolic links that the host has: `PROGRAM DIRECTORY prepare` makes them, outside. Then they are followed, written, created and deleted
 * through, and are themselves listed, changed, deleted and replaced; each first in a tree that nothing has touched. */
#include "../harness/keys.h"

#define VALUE KEY_LINK_VALUE
#define TREE MACHINE L"Software\\Host links"
#define USERS L"Software\\Host links of the user"
enum { TREES = 12, NAME_UNITS = 128 };

static const wchar_t *in_tree(int tree, const wchar_t *name)
{
    static wchar_t ring[RING][256];
    static unsigned next;
    wchar_t *out = ring[next++ % RING];
    swprintf(out, 256, L"%ls\\%d%ls%ls", TREE, tree, *name ? L"\\" : L"", name);
    return out;
}

/* ---- on the host ---- */

static void prepare(void)
{
    prepare_key(TREE, L"top");
    prepare_key(user(USERS), L"of the user");
    prepare_key(user(USERS L"\\below"), L"below that of the user");
    for (int i = 0; i < TREES; i++) {
        prepare_key(in_tree(i, L""), L"tree");
        prepare_key(in_tree(i, L"real"), L"real");
        prepare_key(in_tree(i, L"real\\below"), L"below");
        prepare_key(in_tree(i, L"real\\below\\deeper"), L"deeper");
        prepare_key(in_tree(i, L"nested"), L"nested");
        prepare_link(in_tree(i, L"link"), in_tree(i, L"real"));
        prepare_link(in_tree(i, L"chain"), in_tree(i, L"link"));
        prepare_link(in_tree(i, L"nested\\down"), in_tree(i, L"real\\below"));
        prepare_link(in_tree(i, L"through"), in_tree(i, L"link\\below"));
        prepare_link(in_tree(i, L"user"), user(USERS));
        prepare_link(in_tree(i, L"dangling"), in_tree(i, L"not there"));
        prepare_link(in_tree(i, L"up"), in_tree(i, L""));
        prepare_link(in_tree(i, L"fvm"), user(L"Software\\FVM"));
    }
    say("prepared");
}

/* ---- looking ---- */

static void say_children(const wchar_t *path)
{
    static BYTE data[KEY_BYTES];
    HANDLE key;
    ULONG length;
    NTSTATUS status = open_key(&key, NULL, path, KEY_READ);
    say("children of %s: 0x%08lx", utf8(path), status);
    for (ULONG i = 0; status >= 0; i++) {
        FVM_KEY_FULL_INFORMATION *full = (void *)data;
        status = nt.NtEnumerateKey(key, i, KeyFullInformationClass, data, sizeof data, &length);
        if (status >= 0)
            say("    %lu: %lu subkeys (%lu), %lu values (%lu, %lu)", i, full->SubKeys, full->MaxNameLen, full->Values,
                full->MaxValueNameLen, full->MaxValueDataLen);
    }
    close_key(key);
}

static void say_link(const wchar_t *path)
{
    HANDLE key;
    NTSTATUS status = open_key_units(&key, NULL, path, wcslen(path), KEY_ALL_ACCESS, OBJ_OPENLINK);
    say("itself %s: 0x%08lx", utf8(path), status);
    if (status >= 0)
        say_key(key);
    close_key(key);
}

static void look(int tree)
{
    static const wchar_t *const names[] = {L"real",
                                           L"link",
                                           L"link\\below",
                                           L"chain",
                                           L"chain\\below",
                                           L"nested\\down",
                                           L"nested\\down\\deeper",
                                           L"through",
                                           L"through\\deeper",
                                           L"user",
                                           L"user\\below",
                                           L"dangling",
                                           L"dangling\\x",
                                           L"up\\up\\real",
                                           L"up\\link\\below",
                                           L"link\\new",
                                           L"fvm",
                                           L"fvm\\x"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        say("look %s", utf8(names[i]));
        say_path(in_tree(tree, names[i]));
    }
    say_path(in_tree(tree, L""));
    say_children(in_tree(tree, L""));
    say_children(in_tree(tree, L"nested"));
    say_link(in_tree(tree, L"link"));
    say_link(in_tree(tree, L"nested\\down"));
    say_link(in_tree(tree, L"dangling"));
    say_link(in_tree(tree, L"link\\below"));
}

/* ---- changing: each of a tree of its own ---- */

static void write_through(int tree, const wchar_t *name)
{
    HANDLE key;
    say("write %s: 0x%08lx", utf8(name), open_key(&key, NULL, in_tree(tree, name), KEY_ALL_ACCESS));
    say_set(key, L"written", L"through a link");
    say_key_name(key);
    say_delete_value(key, L"value");
    close_key(key);
}

static void create_through(int tree, const wchar_t *name, ULONG options)
{
    HANDLE key;
    ULONG disposition = 0;
    const wchar_t *path = in_tree(tree, name);
    NTSTATUS status = create_key_as(&key, NULL, path, wcslen(path), KEY_ALL_ACCESS, NULL, options, &disposition);
    say("create %s: 0x%08lx %lu", utf8(name), status, disposition);
    if (status >= 0) {
        say_set(key, L"created", L"through a link");
        say_key_name(key);
    }
    close_key(key);
}

static HANDLE itself(int tree, const wchar_t *name, ACCESS_MASK access)
{
    HANDLE key;
    const wchar_t *path = in_tree(tree, name);
    NTSTATUS status = open_key_units(&key, NULL, path, wcslen(path), access, OBJ_OPENLINK);
    say("itself %s: 0x%08lx", utf8(name), status);
    return key;
}

static void retarget(int tree)
{
    HANDLE link = itself(tree, L"link", KEY_ALL_ACCESS), reader = itself(tree, L"link", KEY_READ);
    HANDLE through = NULL;
    open_key(&through, NULL, in_tree(tree, L"link"), KEY_READ);
    say("other value: 0x%08lx", set_value(link, L"other", REG_SZ, L"x", 4));
    say("without access: 0x%08lx", point_link(reader, in_tree(tree, L"nested")));
    say("same: 0x%08lx", point_link(link, in_tree(tree, L"real")));
    say("elsewhere: 0x%08lx", point_link(link, in_tree(tree, L"nested")));
    say_query(reader, VALUE);
    say_query(through, L"value");
    say_key(reader);
    close_key(through);
    close_key(reader);
    close_key(link);
    link = itself(tree, L"real\\below", KEY_ALL_ACCESS); /* which is none */
    say_set(link, L"no link", L"x");
    say("delete: 0x%08lx", nt.NtDeleteKey(link));
    close_key(link);
}

static void delete_link(int tree)
{
    HANDLE link = itself(tree, L"link", DELETE), reader = itself(tree, L"link", KEY_READ);
    say("delete: 0x%08lx", nt.NtDeleteKey(link));
    say_query(reader, VALUE);
    say("again: 0x%08lx", nt.NtDeleteKey(link));
    close_key(reader);
    close_key(link);
    link = itself(tree, L"dangling", DELETE);
    say("delete: 0x%08lx", nt.NtDeleteKey(link));
    close_key(link);
}

static void replace_link(int tree)
{
    delete_link(tree);
    create_through(tree, L"link", 0); /* a key in its place */
    create_through(tree, L"link\\below", 0);
    HANDLE link = prepared(in_tree(tree, L"dangling"), REG_OPTION_CREATE_LINK); /* and a new link */
    say("point: 0x%08lx", point_link(link, in_tree(tree, L"real\\below")));
    close_key(link);
}

static void delete_target(int tree)
{
    say_delete(NULL, in_tree(tree, L"real\\below\\deeper"));
    say_delete(NULL, in_tree(tree, L"link\\below"));
    say_delete(NULL, in_tree(tree, L"link"));
}

static void rename_around(int tree)
{
    HANDLE key = must_open(NULL, in_tree(tree, L"real"), KEY_ALL_ACCESS);
    say_rename(key, L"a renamed one");
    close_key(key);
    key = must_open(NULL, in_tree(tree, L"nested"), KEY_ALL_ACCESS);
    say_rename(key, L"way to the other");
    close_key(key);
    say_path(in_tree(tree, L"way to the other\\down"));
    say_link(in_tree(tree, L"way to the other\\down"));
    key = itself(tree, L"link", KEY_ALL_ACCESS);
    say_rename(key, L"a far name of the link");
    close_key(key);
    say_link(in_tree(tree, L"a far name of the link"));
}

static void relative(int tree)
{
    HANDLE top = must_open(NULL, in_tree(tree, L""), KEY_ALL_ACCESS), link, key;
    open_key(&link, top, L"link", KEY_ALL_ACCESS);
    say_key_name(link);
    say("below: 0x%08lx", open_key(&key, link, L"below\\deeper", KEY_ALL_ACCESS));
    say_set(key, L"relative", L"x");
    say_key_name(key);
    close_key(key);
    close_key(create_key(link, L"made"));
    close_key(link);
    link = itself(tree, L"link", KEY_ALL_ACCESS);
    say("below the link itself: 0x%08lx", open_key(&key, link, L"below", KEY_READ));
    close_key(key);
    say("create there: 0x%08lx", create_key_as(&key, link, L"made", 4, KEY_ALL_ACCESS, NULL, 0, NULL));
    close_key(key);
    close_key(link);
    close_key(top);
}

static void watch(int tree)
{
    HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL), key = must_open(NULL, in_tree(tree, L"link"), KEY_READ);
    IO_STATUS_BLOCK io;
    say("watch: 0x%08lx",
        nt.NtNotifyChangeKey(key, event, NULL, NULL, &io, REG_NOTIFY_CHANGE_LAST_SET, FALSE, NULL, 0, TRUE));
    write_through(tree, L"real");
    say("told: %lu", WaitForSingleObject(event, 0));
    close_key(key);
    CloseHandle(event);
}

static void tree_of(int tree)
{
    switch (tree) {
    case 0:
        break;
    case 1:
        write_through(tree, L"link");
        break;
    case 2:
        write_through(tree, L"chain\\below");
        break;
    case 3:
        create_through(tree, L"link\\new", 0);
        create_through(tree, L"user\\new", 0);
        break;
    case 4:
        delete_target(tree);
        break;
    case 5:
        retarget(tree);
        break;
    case 6:
        delete_link(tree);
        break;
    case 7:
        replace_link(tree);
        break;
    case 8:
        rename_around(tree);
        break;
    case 9:
        relative(tree);
        break;
    case 10:
        create_through(tree, L"link", REG_OPTION_CREATE_LINK);
        create_through(tree, L"up\\up\\nested\\down\\new", 0);
        create_through(tree, L"dangling\\new", 0);
        create_through(tree, L"dangling", 0);
        break;
    default:
        watch(tree);
        break;
    }
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    if (argc > 2) {
        prepare();
        return 0;
    }
    for (int tree = 0; tree < TREES; tree++) {
        say_section(utf8(in_tree(tree, L"")));
        tree_of(tree);
        look(tree);
    }
    say_path(user(USERS));
    return 0;
}
