/* Symbolic links between keys, and watching keys. */
#include "../harness/keys.h"

#define CONTROL MACHINE L"Software\\Microsoft\\Cryptography"
#define VALUE L"SymbolicLinkValue"

static HANDLE make_link(HANDLE root, const wchar_t *name, const wchar_t *target)
{
    HANDLE key;
    NTSTATUS status = create_key_as(&key, root, name, wcslen(name), KEY_ALL_ACCESS, NULL,
                                    REG_OPTION_CREATE_LINK | REG_OPTION_VOLATILE, NULL);
    say("link %s: 0x%08lx", utf8(name), status);
    if (target)
        say("target: 0x%08lx", set_value(key, VALUE, REG_LINK, target, (ULONG)wcslen(target) * 2));
    return key;
}

static void follow(HANDLE root, const wchar_t *name)
{
    HANDLE key;
    NTSTATUS status = open_key(&key, root, name, KEY_READ);
    say("follow %s: 0x%08lx", utf8(name), status);
    if (status >= 0)
        say_key_name(key);
    close_key(key);
    status = open_key_units(&key, root, name, wcslen(name), KEY_ALL_ACCESS, OBJ_OPENLINK);
    say("itself: 0x%08lx", status);
    if (status >= 0) {
        say_key_name(key);
        say_query(key, VALUE);
    }
    close_key(key);
}

static void links(void)
{
    HANDLE root = create_key(NULL, user(L"Links")), key;
    HANDLE link = make_link(root, L"host", CONTROL);
    follow(root, L"host");
    follow(root, L"host\\Defaults");
    follow(root, L"host\\missing");
    say("other value: 0x%08lx", set_value(link, L"other", REG_SZ, L"x", 4));
    say("other type: 0x%08lx", set_value(link, VALUE, REG_SZ, L"x", 4));
    key = must_open(root, L"host\\Defaults", KEY_ALL_ACCESS);
    say_set(key, L"through the link", L"x");
    close_key(key);
    say_path(CONTROL L"\\Defaults");
    close_key(create_key(root, L"host\\made through the link"));
    say("there: 0x%08lx", open_key(&key, NULL, CONTROL L"\\made through the link", KEY_READ));
    close_key(key);
    close_key(make_link(root, L"nowhere", NULL));
    follow(root, L"nowhere");
    close_key(make_link(root, L"missing", MACHINE L"Software\\Not There"));
    follow(root, L"missing");
    close_key(make_link(root, L"relative", L"Software"));
    follow(root, L"relative");
    HANDLE second = make_link(root, L"second", user(L"Links\\host"));
    follow(root, L"second");
    follow(root, L"second\\Defaults");
    say("move: 0x%08lx", set_value(link, VALUE, REG_LINK, user(L"Software"), (ULONG)wcslen(user(L"Software")) * 2));
    follow(root, L"host");
    follow(root, L"second");
    say("again: 0x%08lx", create_key_as(&key, root, L"host", 4, KEY_ALL_ACCESS, NULL, REG_OPTION_CREATE_LINK, NULL));
    say_key(root);
    say("delete: 0x%08lx", nt.NtDeleteKey(link));
    follow(root, L"host");
    say_delete(root, L"second"); /* follows */
    say("delete: 0x%08lx", nt.NtDeleteKey(second));
    close_key(link);
    close_key(second);
    say_key(root);
    close_key(root);
}

static void point(HANDLE link, const wchar_t *target)
{
    UNICODE_STRING name = unicode(VALUE);
    say("point: 0x%08lx", point_link(link, target));
    say("point nowhere: 0x%08lx", nt.NtDeleteValueKey(link, &name));
}

/* Who may not change the value, or has a link that is gone, does not change where one leads. */
static void refused(void)
{
    HANDLE root = create_key(NULL, user(L"Links")), reader;
    HANDLE link = make_link(root, L"kept", CONTROL);
    say("reader: 0x%08lx", open_key_units(&reader, root, L"kept", 4, KEY_READ, OBJ_OPENLINK));
    point(reader, user(L"Software"));
    follow(root, L"kept");
    say("delete: 0x%08lx", nt.NtDeleteKey(link));
    HANDLE next = make_link(root, L"kept", CONTROL);
    point(link, user(L"Software"));
    follow(root, L"kept");
    say("delete: 0x%08lx", nt.NtDeleteKey(next));
    close_key(next);
    close_key(reader);
    close_key(link);
    close_key(root);
}

static void again_by_its_handle(void)
{
    HANDLE root = create_key(NULL, user(L"Links")), again;
    HANDLE link = make_link(root, L"again", CONTROL);
    say("again: 0x%08lx", open_key(&again, link, L"", KEY_ALL_ACCESS));
    say_key_name(again);
    say("delete: 0x%08lx", nt.NtDeleteKey(again));
    follow(root, L"again");
    say_path(CONTROL);
    close_key(again);
    close_key(link);
    close_key(root);
}

static void say_fired(HANDLE event, const char *what)
{
    say("%s: %s", what, WaitForSingleObject(event, 0) == WAIT_OBJECT_0 ? "told" : "not told");
}

static void watch(HANDLE key, HANDLE event, BOOL subtree, ULONG filter)
{
    static IO_STATUS_BLOCK io;
    say("watch: 0x%08lx", nt.NtNotifyChangeKey(key, event, NULL, NULL, &io, filter, (BOOLEAN)subtree, NULL, 0, TRUE));
}

static void watching(const wchar_t *path)
{
    HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);
    HANDLE key = must_open(NULL, path, KEY_ALL_ACCESS), blind = must_open(NULL, path, KEY_QUERY_VALUE);
    watch(blind, event, FALSE, REG_NOTIFY_CHANGE_LAST_SET);
    watch(key, event, FALSE, REG_NOTIFY_CHANGE_LAST_SET);
    say_fired(event, "nothing happened");
    say_set(key, L"value", L"x");
    say_fired(event, "set");
    say_set(key, L"value", L"y");
    say_fired(event, "set, not watched");
    watch(key, event, FALSE, REG_NOTIFY_CHANGE_NAME);
    HANDLE made = create_key(key, L"Made");
    say_fired(event, "create");
    watch(key, event, FALSE, REG_NOTIFY_CHANGE_LAST_SET);
    say_set(made, L"value", L"x");
    say_fired(event, "set below, not watched");
    watch(key, event, TRUE, REG_NOTIFY_CHANGE_LAST_SET);
    say_fired(event, "still");
    HANDLE deeper = must_open(NULL, path, KEY_READ);
    watch(deeper, event, TRUE, REG_NOTIFY_CHANGE_LAST_SET | REG_NOTIFY_CHANGE_NAME);
    say_set(made, L"value", L"y");
    say_fired(event, "set below");
    watch(deeper, event, FALSE, REG_NOTIFY_CHANGE_NAME);
    say("delete: 0x%08lx", nt.NtDeleteKey(made));
    say_fired(event, "delete");
    watch(key, event, TRUE, REG_NOTIFY_CHANGE_NAME);
    say_fired(event, "watched again");
    close_key(made);
    close_key(deeper);
    close_key(blind);
    close_key(key);
    say_fired(event, "closed");
    CloseHandle(event);
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    say_section("links");
    links();
    say_section("changes of links that are refused");
    refused();
    say_section("a link by the empty name");
    again_by_its_handle();
    say_section("watching a key of the host");
    watching(CONTROL);
    say_section("watching a new key");
    close_key(create_key(NULL, user(L"Watched")));
    watching(user(L"Watched"));
    say_section("watching what has FVM's own keys in it");
    watching(user(L"Software"));
    return 0;
}
