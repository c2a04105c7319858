/* The two views of the registry: what 32-bit and 64-bit programs find, make and delete, by the names and flags of either. */
#include "../harness/keys.h"

#define SOFTWARE MACHINE L"Software"

static const ACCESS_MASK views[] = {0, KEY_WOW64_32KEY, KEY_WOW64_64KEY};
static const char *const view_names[] = {"own", "32", "64"};
enum { VIEWS = 3 };

static void look(HANDLE root, const wchar_t *name)
{
    for (int v = 0; v < VIEWS; v++) {
        HANDLE key;
        NTSTATUS status = open_key(&key, root, name, KEY_READ | views[v]);
        say("%s view %s: 0x%08lx", utf8(name), view_names[v], status);
        if (status >= 0) {
            say_key_name(key);
            say_query(key, L"made by");
        }
        close_key(key);
    }
}

static void look_everywhere(void)
{
    static const wchar_t *const names[] = {SOFTWARE,
                                           SOFTWARE L"\\Wow6432Node",
                                           SOFTWARE L"\\Microsoft\\Windows\\CurrentVersion",
                                           SOFTWARE L"\\Wow6432Node\\Microsoft\\Windows\\CurrentVersion",
                                           SOFTWARE L"\\Classes",
                                           SOFTWARE L"\\Classes\\CLSID",
                                           SOFTWARE L"\\Classes\\Wow6432Node",
                                           SOFTWARE L"\\Classes\\Wow6432Node\\CLSID",
                                           SOFTWARE L"\\Wow6432Node\\Classes\\CLSID",
                                           SOFTWARE L"\\Classes\\.txt",
                                           SOFTWARE L"\\views own",
                                           SOFTWARE L"\\views 32",
                                           SOFTWARE L"\\views 64",
                                           SOFTWARE L"\\views 64\\below",
                                           SOFTWARE L"\\Wow6432Node\\views own",
                                           SOFTWARE L"\\Wow6432Node\\views 32",
                                           SOFTWARE L"\\Wow6432Node\\views 64",
                                           SOFTWARE L"\\Classes\\CLSID\\{views}",
                                           SOFTWARE L"\\Classes\\Wow6432Node\\CLSID\\{views}",
                                           MACHINE L"System\\CurrentControlSet\\Control"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        look(NULL, names[i]);
    look(NULL, user(L"Software"));
    look(NULL, user(L"Software\\Wow6432Node"));
    look(NULL, user(L"Software\\Classes"));
    HANDLE machine = must_open(NULL, L"\\Registry\\Machine", KEY_READ);
    look(machine, L"Software\\Microsoft");
    look(machine, L"Software\\views own");
    close_key(machine);
    for (int v = 0; v < VIEWS; v++) {
        HANDLE software;
        say("relative to Software, opened in view %s: 0x%08lx", view_names[v],
            open_key(&software, NULL, SOFTWARE, KEY_READ | views[v]));
        look(software, L"Microsoft\\Windows NT");
        look(software, L"Wow6432Node");
        look(software, L"Wow6432Node\\Microsoft");
        look(software, L"Classes\\CLSID");
        look(software, L"views own");
        look(software, L"views 32");
        look(software, L"views 64");
        close_key(software);
    }
}

static void make(HANDLE root, const wchar_t *name, int view)
{
    HANDLE key;
    ULONG disposition = 0;
    NTSTATUS status =
        create_key_as(&key, root, name, wcslen(name), KEY_ALL_ACCESS | views[view], NULL, 0, &disposition);
    say("create %s in view %s: 0x%08lx %lu", utf8(name), view_names[view], status, disposition);
    if (status >= 0) {
        say_key_name(key);
        say_set(key, L"made by", name);
        close_key(create_key(key, L"below"));
    }
    close_key(key);
}

static void make_everywhere(void)
{
    wchar_t name[UNITS];
    for (int v = 0; v < VIEWS; v++) {
        swprintf(name, UNITS, L"%ls\\views %hs", SOFTWARE, view_names[v]);
        make(NULL, name, v);
        make(NULL, name, v);
        make(NULL, SOFTWARE L"\\Microsoft\\views", v);
        make(NULL, SOFTWARE L"\\Wow6432Node\\Microsoft\\views by name", v);
        make(NULL, SOFTWARE L"\\Classes\\.views", v);
        make(NULL, SOFTWARE L"\\Classes\\CLSID\\{views}", v);
        swprintf(name, UNITS, L"%ls\\Classes\\CLSID\\{views %hs}", SOFTWARE, view_names[v]);
        make(NULL, name, v);
    }
}

/* A key is seen as its Wow6432Node from when that is made; what a node has not may be beside it. */
static void make_nodes(void)
{
    static const wchar_t *const tops[] = {L"Software\\Classes", L"Software\\FVM views"};
    static const wchar_t *const made[] = {
        L"", L"\\CLSID", L"\\CLSID\\{64}", L"\\Wow6432Node", L"\\Wow6432Node\\CLSID", L"\\Wow6432Node\\CLSID\\{node}"};
    static const wchar_t *const below[] = {L"",
                                           L"\\CLSID",
                                           L"\\CLSID\\{node}",
                                           L"\\CLSID\\{0}",
                                           L"\\CLSID\\{1}",
                                           L"\\CLSID\\{2}",
                                           L"\\Wow6432Node",
                                           L"\\Wow6432Node\\CLSID"};
    wchar_t name[UNITS];
    for (size_t t = 0; t < sizeof tops / sizeof *tops; t++) {
        wchar_t top[UNITS];
        wcscpy(top, user(tops[t]));
        for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
            swprintf(name, UNITS, L"%ls%ls", top, made[i]);
            make(NULL, name, 2);
        }
        for (int v = 0; v < VIEWS; v++) {
            swprintf(name, UNITS, L"%ls\\CLSID\\{%d}", top, v);
            make(NULL, name, v);
        }
        for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
            swprintf(name, UNITS, L"%ls%ls", top, below[i]);
            look(NULL, name);
        }
    }
    for (int v = 0; v < VIEWS; v++) {
        swprintf(name, UNITS, L"%ls\\Classes\\Wow6432Node\\views %d", SOFTWARE, v);
        make(NULL, name, v);
        look(NULL, name);
        swprintf(name, UNITS, L"%ls\\Classes\\views %d", SOFTWARE, v);
        look(NULL, name);
        make(NULL, name, v);
    }
}

/* The same by what programs use. */
static void by_the_library(void)
{
    for (int v = 0; v < VIEWS; v++) {
        HKEY key;
        wchar_t text[64];
        DWORD size;
        LSTATUS status = RegCreateKeyExW(HKEY_LOCAL_MACHINE, L"Software\\FVM views", 0, NULL, 0,
                                         KEY_ALL_ACCESS | views[v], NULL, &key, NULL);
        swprintf(text, 64, L"view %hs", view_names[v]);
        say("RegCreateKeyEx view %s: %ld", view_names[v], status);
        say("set: %ld", RegSetValueExW(key, view_names[v][0] == 'o' ? L"own" : L"other", 0, REG_SZ, (BYTE *)text,
                                       (DWORD)wcslen(text) * 2 + 2));
        say_key((HANDLE)key);
        RegCloseKey(key);
        for (int w = 0; w < VIEWS; w++) {
            static const DWORD flags[] = {0, RRF_SUBKEY_WOW6432KEY, RRF_SUBKEY_WOW6464KEY};
            size = sizeof text;
            text[0] = 0;
            status = RegGetValueW(HKEY_LOCAL_MACHINE, L"Software\\FVM views", L"other", RRF_RT_REG_SZ | flags[w], NULL,
                                  text, &size);
            say("RegGetValue view %s: %ld %s", view_names[w], status, utf8(text));
        }
    }
    for (int v = VIEWS; v--;)
        say("RegDeleteKeyEx view %s: %ld", view_names[v],
            RegDeleteKeyExW(HKEY_LOCAL_MACHINE, L"Software\\FVM views", views[v], 0));
}

static void list(void)
{
    for (int v = 0; v < VIEWS; v++) {
        HANDLE key;
        say("list view %s: 0x%08lx", view_names[v], open_key(&key, NULL, SOFTWARE, KEY_READ | views[v]));
        say_key(key);
        close_key(key);
        say("list Microsoft view %s: 0x%08lx", view_names[v],
            open_key(&key, NULL, SOFTWARE L"\\Microsoft", KEY_READ | views[v]));
        say_key(key);
        close_key(key);
    }
}

static void delete_everywhere(void)
{
    wchar_t name[UNITS];
    for (int made = 0; made < VIEWS; made++)
        for (int v = 0; v < VIEWS; v++) {
            HANDLE key, below;
            swprintf(name, UNITS, L"%ls\\views %hs", SOFTWARE, view_names[made]);
            NTSTATUS status = open_key(&key, NULL, name, KEY_ALL_ACCESS | views[v]);
            say("delete %s in view %s: 0x%08lx", utf8(name), view_names[v], status);
            if (status >= 0) {
                open_key(&below, key, L"below", DELETE | views[v]);
                say("below: 0x%08lx", nt.NtDeleteKey(below));
                say("deleted: 0x%08lx", nt.NtDeleteKey(key));
                close_key(below);
            }
            close_key(key);
        }
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    say_section("untouched");
    look_everywhere();
    say_section("made");
    make_everywhere();
    look_everywhere();
    list();
    by_the_library();
    say_section("nodes");
    make_nodes();
    say_section("deleted");
    delete_everywhere();
    look_everywhere();
    list();
    return 0;
}
