/* Watches: every kind of change, at the key and below it, the first one and the next, against every filter. Each in a tree that nothing has
 * touched: of the host's, which `PROGRAM DIRECTORY prepare` makes outside, and of the program's own. */
#include "../harness/keys.h"

static const wchar_t *trees; /* the key above them */

static const ULONG filters[] = {REG_NOTIFY_CHANGE_NAME, REG_NOTIFY_CHANGE_ATTRIBUTES, REG_NOTIFY_CHANGE_LAST_SET,
                                REG_NOTIFY_CHANGE_SECURITY};
static const char *const filter_names[] = {"name", "attributes", "last set", "security"};
enum { FILTERS = sizeof filters / sizeof *filters, ROUNDS = 2 };

static const wchar_t *in_tree(unsigned tree, const wchar_t *name)
{
    static wchar_t ring[RING][128];
    static unsigned next;
    wchar_t *out = ring[next++ % RING];
    swprintf(out, 128, L"%ls\\%03u%ls", trees, tree, name);
    return out;
}

/* ---- changes; each can be made twice ---- */

static void set(unsigned tree, const wchar_t *name, int round)
{
    HANDLE key = must_open(NULL, in_tree(tree, name), KEY_ALL_ACCESS);
    say_set(key, L"value", round ? L"second" : L"first");
    close_key(key);
}

static void set_key(unsigned tree, int round)
{
    set(tree, L"", round);
}

static void set_below(unsigned tree, int round)
{
    set(tree, L"\\below", round);
}

static void set_deeper(unsigned tree, int round)
{
    set(tree, L"\\below\\deeper", round);
}

static void delete_value(unsigned tree, int round)
{
    HANDLE key = must_open(NULL, in_tree(tree, L""), KEY_ALL_ACCESS);
    say_delete_value(key, round ? L"value" : L"other");
    close_key(key);
}

static void secure(unsigned tree, const wchar_t *name, int round)
{
    SECURITY_DESCRIPTOR all;
    BYTE list[256], everybody[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof everybody;
    CreateWellKnownSid(WinWorldSid, NULL, everybody, &size);
    InitializeSecurityDescriptor(&all, SECURITY_DESCRIPTOR_REVISION);
    InitializeAcl((ACL *)list, sizeof list, ACL_REVISION);
    AddAccessAllowedAce((ACL *)list, ACL_REVISION, round ? KEY_ALL_ACCESS : GENERIC_ALL, everybody);
    SetSecurityDescriptorDacl(&all, TRUE, (ACL *)list, FALSE);
    HANDLE key = must_open(NULL, in_tree(tree, name), KEY_ALL_ACCESS);
    say("secure: 0x%08lx", nt.NtSetSecurityObject(key, DACL_SECURITY_INFORMATION, &all));
    close_key(key);
}

static void secure_key(unsigned tree, int round)
{
    secure(tree, L"", round);
}

static void secure_below(unsigned tree, int round)
{
    secure(tree, L"\\below", round);
}

/* Wine tells nobody of a key that is created by its path. */
static void create_in(const wchar_t *path, int round)
{
    HANDLE key = must_open(NULL, path, KEY_ALL_ACCESS);
    close_key(create_key(key, round ? L"second" : L"first"));
    close_key(key);
}

static void create(unsigned tree, int round)
{
    create_in(in_tree(tree, L""), round);
}

static void create_below(unsigned tree, int round)
{
    create_in(in_tree(tree, L"\\below"), round);
}

static void delete_one(unsigned tree, int round)
{
    say_delete(NULL, in_tree(tree, round ? L"\\third" : L"\\other"));
}

static void delete_below(unsigned tree, int round)
{
    say_delete(NULL, in_tree(tree, round ? L"\\below\\third" : L"\\below\\deeper"));
}

static void rename_one(unsigned tree, int round)
{
    HANDLE key = must_open(NULL, in_tree(tree, round ? L"\\x" : L"\\other"), KEY_ALL_ACCESS);
    say_rename(key, round ? L"a" : L"x");
    close_key(key);
}

/* What a VM tells besides, as NT does (of a new name), or because a first change copies the key: at the top, in the subtree. */
static const struct {
    const char *name;
    void (*make)(unsigned tree, int round);
    ULONG also[2];
} changes[] = {
    {"value", set_key, {0}},
    {"value below", set_below, {0}},
    {"value deeper", set_deeper, {0}},
    {"value gone", delete_value, {0}},
    {"security", secure_key, {REG_NOTIFY_CHANGE_LAST_SET, REG_NOTIFY_CHANGE_LAST_SET}},
    {"security below", secure_below, {0, REG_NOTIFY_CHANGE_LAST_SET}},
    {"key", create, {0}},
    {"key below", create_below, {0}},
    {"key gone", delete_one, {0}},
    {"key below gone", delete_below, {0}},
    {"key renamed", rename_one, {REG_NOTIFY_CHANGE_NAME, REG_NOTIFY_CHANGE_LAST_SET}},
};
enum { CHANGES = sizeof changes / sizeof *changes };

/* ---- watching ---- */

static void watch(unsigned tree, int change, int filter, BOOLEAN subtree)
{
    for (int round = 0; round < ROUNDS; round++) {
        HANDLE key = must_open(NULL, in_tree(tree, L""), KEY_NOTIFY);
        HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);
        IO_STATUS_BLOCK io = {0};
        say("%s, watched for %s%s, change %d", changes[change].name, filter_names[filter],
            subtree ? " in the subtree" : "", round + 1);
        say("watch: 0x%08lx",
            nt.NtNotifyChangeKey(key, event, NULL, NULL, &io, filters[filter], subtree, NULL, 0, TRUE));
        changes[change].make(tree, round);
        DWORD wait = WaitForSingleObject(event, 0);
        if (!(changes[change].also[subtree] & filters[filter]))
            say("told: %d", wait == WAIT_OBJECT_0);
        close_key(key);
        CloseHandle(event);
    }
}

static void make_trees(void)
{
    static const wchar_t *const names[] = {L"",         L"\\below", L"\\below\\deeper", L"\\below\\third",
                                           L"\\mitten", L"\\other", L"\\third"};
    prepare_key(trees, L"top");
    for (unsigned tree = 0; tree < CHANGES * FILTERS * 2; tree++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            prepare_key(in_tree(tree, names[i]), names[i]);
            HANDLE key = prepared(in_tree(tree, names[i]), 0);
            set_value(key, L"other", REG_SZ, L"x", 4);
            close_key(key);
        }
}

static void watch_all(void)
{
    unsigned tree = 0;
    for (int change = 0; change < CHANGES; change++)
        for (int filter = 0; filter < FILTERS; filter++)
            for (int subtree = 0; subtree < 2; subtree++)
                watch(tree++, change, filter, (BOOLEAN)subtree);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    trees = MACHINE L"Software\\Watched";
    if (argc > 2) {
        make_trees();
        say("prepared");
        return 0;
    }
    say_section("the host's");
    watch_all();
    say_section("made here");
    trees = MACHINE L"Software\\Watched here";
    make_trees();
    watch_all();
    return 0;
}
