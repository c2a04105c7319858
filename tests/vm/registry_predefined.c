/* The predefined keys, by the library that programs use: each is opened, asked, changed and listed; and the performance data, which is a
 * key in name only. */
#include "../harness/keys.h"

#define NAME L"Predefined test"

/* Constants that the compiler's headers may not have. */
#define PERFORMANCE_DATA ((HKEY)(ULONG_PTR)(LONG)0x80000004)
#define PERFORMANCE_TEXT ((HKEY)(ULONG_PTR)(LONG)0x80000050)
#define PERFORMANCE_NLSTEXT ((HKEY)(ULONG_PTR)(LONG)0x80000060)
#define LOCAL_SETTINGS ((HKEY)(ULONG_PTR)(LONG)0x80000007)

static const struct {
    HKEY key;
    const char *name;
} roots[] = {{HKEY_CLASSES_ROOT, "HKCR"},
             {HKEY_CURRENT_USER, "HKCU"},
             {HKEY_LOCAL_MACHINE, "HKLM"},
             {HKEY_USERS, "HKU"},
             {HKEY_CURRENT_CONFIG, "HKCC"},
             {HKEY_DYN_DATA, "HKDD"},
             {LOCAL_SETTINGS, "settings"},
             {NULL, "none"},
             {(HKEY)(ULONG_PTR)(LONG)0x80000008, "unknown"},
             {(HKEY)(ULONG_PTR)0x12344, "no handle"}};
enum { ROOTS = sizeof roots / sizeof *roots };

/* Its first entries: other programs may have left some behind. */
static void say_list(HKEY key, DWORD most)
{
    wchar_t name[260], class[260];
    for (DWORD i = 0; i < most; i++) {
        DWORD length = 260, class_length = 260;
        LSTATUS error = RegEnumKeyExW(key, i, name, &length, NULL, class, &class_length, NULL);
        say("  key %lu: %ld %s (%s)", i, error, error ? "" : utf8(name), error ? "" : utf8(class));
        if (error)
            break;
    }
    for (DWORD i = 0; i < most; i++) {
        DWORD length = 260, size = 0, type = 0;
        LSTATUS error = RegEnumValueW(key, i, name, &length, NULL, &type, NULL, &size);
        say("  value %lu: %ld %s %lu %lu", i, error, error ? "" : utf8(name), type, size);
        if (error)
            break;
    }
}

static void say_info(HKEY key)
{
    DWORD subkeys = 0, longest = 0, class = 0, values = 0, value_name = 0, value_size = 0;
    LSTATUS error = RegQueryInfoKeyW(key, NULL, NULL, NULL, &subkeys, &longest, &class, &values, &value_name,
                                     &value_size, NULL, NULL);
    say("  info: %ld %lu %lu %lu %lu %lu %lu", error, subkeys, longest, class, values, value_name, value_size);
}

/* Of a key that other programs change too: by how much it has grown, and whether it lists our subkey. */
static void say_growth(HKEY key, DWORD *before)
{
    wchar_t name[260];
    DWORD subkeys = 0, values = 0, length = 260, found = 0;
    LSTATUS error = RegQueryInfoKeyW(key, NULL, NULL, NULL, &subkeys, NULL, NULL, &values, NULL, NULL, NULL, NULL);
    for (DWORD i = 0; !RegEnumKeyExW(key, i, name, &length, NULL, NULL, NULL, NULL); i++, length = 260)
        found += !wcscmp(name, NAME);
    say("  grown: %ld %ld keys, %ld values; listed %lu times", error, (long)(subkeys - before[0]),
        (long)(values - before[1]), found);
    before[0] = subkeys;
    before[1] = values;
}

static void say_text(HKEY key, const wchar_t *below, const wchar_t *name)
{
    wchar_t text[260] = L"";
    DWORD type = 0, size = sizeof text;
    LSTATUS error = RegGetValueW(key, below, name, RRF_RT_ANY, &type, text, &size);
    say("  value %s %s: %ld %lu %lu %s", below ? utf8(below) : "", name ? utf8(name) : "", error, error ? 0 : type,
        size, error || type != REG_SZ ? "" : utf8(text));
}

static LSTATUS set_text(HKEY key, const wchar_t *name, const wchar_t *text)
{
    return RegSetValueExW(key, name, 0, REG_SZ, (const BYTE *)text, (DWORD)(wcslen(text) + 1) * 2);
}

/* Everything that a program does with a predefined key, before and after it was closed: closing it must not matter. */
static void use_root(HKEY root, const char *name)
{
    HKEY opened = NULL, made = NULL, empty = NULL;
    DWORD disposition = 0, before[2] = {0};
    say("%s", name);
    RegQueryInfoKeyW(root, NULL, NULL, NULL, &before[0], NULL, NULL, &before[1], NULL, NULL, NULL, NULL);
    say("  open: %ld", RegOpenKeyExW(root, NAME, 0, KEY_ALL_ACCESS, &opened));
    say("  open itself: %ld", RegOpenKeyExW(root, NULL, 0, KEY_READ, &empty));
    if (empty && empty != root)
        RegCloseKey(empty);
    say("  set: %ld", set_text(root, NAME, L"x"));
    say("  create: %ld %lu", RegCreateKeyExW(root, NAME, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &made, &disposition),
        disposition);
    if (made) {
        say_key_name(made);
        say("  set below: %ld", set_text(made, L"value", L"text"));
        say_info(made);
    }
    RegCloseKey(made);
    say("  close: %ld", RegCloseKey(root));
    say_text(root, NAME, L"value");
    say_text(root, NULL, NAME);
    say_growth(root, before);
    say("  flush: %ld", RegFlushKey(root));
    say("  delete value: %ld", RegDeleteValueW(root, NAME));
    say("  delete: %ld", RegDeleteKeyW(root, NAME));
    say("  again: %ld", RegDeleteKeyW(root, NAME));
    say_growth(root, before);
}

/* ---- performance data ---- */

static void say_performance(HKEY key, const wchar_t *name, DWORD size)
{
    static BYTE data[1 << 20];
    DWORD type = 0xdead, given = size;
    memset(data, 0, sizeof data);
    LSTATUS error = RegQueryValueExW(key, name, NULL, &type, data, &given);
    const PERF_DATA_BLOCK *block = (const void *)data;
    bool whole = !error && !memcmp(block->Signature, L"PERF", 4 * sizeof(wchar_t));
    say("  %s %lu bytes: %ld type %lu %s", name ? utf8(name) : "none", size, error, type, given ? "some" : "none");
    if (whole)
        say("    version %lu.%lu header %lu objects %lu length %d name %s", block->Version, block->Revision,
            block->HeaderLength, block->NumObjectTypes, given == block->TotalByteLength,
            utf8((const wchar_t *)(data + block->SystemNameOffset)));
    else if (!error)
        say("    %lu bytes, %08lx", given, checksum(data, given));
}

static void performance(HKEY key)
{
    static const wchar_t *const names[] = {L"2", L"Global", L"Counter 009", L"Help", L"missing", L""};
    static const DWORD sizes[] = {0, 1, sizeof(PERF_DATA_BLOCK) - 1, sizeof(PERF_DATA_BLOCK), 4096, 1 << 20};
    HKEY opened = NULL;
    DWORD size = 4096, type;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            say_performance(key, names[n], sizes[s]);
    say("  no buffer: %ld", RegQueryValueExW(key, L"2", NULL, &type, NULL, &size));
    say("  no size: %ld", RegQueryValueExW(key, L"2", NULL, &type, NULL, NULL));
    char text[64];
    size = sizeof text;
    say("  by its other name: %ld", RegQueryValueExA(key, "2", NULL, &type, (BYTE *)text, &size));
    say_info(key);
    say_list(key, 3);
    say("  open: %ld", RegOpenKeyExW(key, L"x", 0, KEY_READ, &opened));
    say("  create: %ld", RegCreateKeyExW(key, L"x", 0, NULL, 0, KEY_ALL_ACCESS, NULL, &opened, NULL));
    say("  set: %ld", set_text(key, L"x", L"x"));
    say("  delete value: %ld", RegDeleteValueW(key, L"x"));
    say("  delete: %ld", RegDeleteKeyW(key, L"x"));
    say("  flush: %ld", RegFlushKey(key));
    say("  close: %ld", RegCloseKey(key));
    say_performance(key, L"2", 4096);
}

/* What gives them is a library that a service's key names. Here it is this program, for the VM only. */
#define SERVICES L"System\\CurrentControlSet\\Services\\"
#define PROVIDER SERVICES L"Predefined test"

#ifdef _WIN64 /* 32-bit names of exports would be decorated */
#define PERFORMANCE_EXPORT __declspec(dllexport)
#else
#define PERFORMANCE_EXPORT
#endif
PERFORMANCE_EXPORT DWORD WINAPI open_performance(wchar_t *device);
PERFORMANCE_EXPORT DWORD WINAPI collect_performance(wchar_t *query, void **data, DWORD *size, DWORD *objects);
PERFORMANCE_EXPORT DWORD WINAPI close_performance(void);

DWORD WINAPI open_performance(wchar_t *device)
{
    (void)device;
    return ERROR_SUCCESS;
}

DWORD WINAPI collect_performance(wchar_t *query, void **data, DWORD *size, DWORD *objects)
{
    PERF_OBJECT_TYPE object = {.TotalByteLength = sizeof object, .DefinitionLength = sizeof object};
    say("  collected for %s", utf8(query));
    if (*size < sizeof object)
        return ERROR_MORE_DATA;
    memcpy(*data, &object, sizeof object);
    *data = (BYTE *)*data + sizeof object;
    *size = sizeof object;
    *objects = 1;
    return ERROR_SUCCESS;
}

DWORD WINAPI close_performance(void)
{
    return ERROR_SUCCESS;
}

static void performance_of_a_service(void)
{
    wchar_t own[UNITS];
    HKEY key = NULL;
    GetModuleFileNameW(NULL, own, UNITS);
    say("service: %ld",
        RegCreateKeyExW(HKEY_LOCAL_MACHINE, PROVIDER L"\\Performance", 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL));
    say("  %ld %ld %ld %ld", set_text(key, L"Library", own), set_text(key, L"Open", L"open_performance"),
        set_text(key, L"Close", L"close_performance"), set_text(key, L"Collect", L"collect_performance"));
    RegCloseKey(key);
    say_performance(PERFORMANCE_DATA, L"Global", 1 << 16);
    say_performance(PERFORMANCE_DATA, L"Global", 128);
    say("  delete: %ld", RegDeleteTreeW(HKEY_LOCAL_MACHINE, PROVIDER));
    say_performance(PERFORMANCE_DATA, L"Global", 1 << 16);
}

/* Wine's own provider opens windows, so that Wine's desktop starts, which lives longer than this program. */
static void remove_spooler(void)
{
    say("spooler: %ld", RegDeleteTreeW(HKEY_LOCAL_MACHINE, SERVICES L"Spooler\\Performance"));
}

/* ---- other ways to them ---- */

static void other_ways(void)
{
    HKEY key = NULL;
    say("current user: %ld", RegOpenCurrentUser(KEY_READ, &key));
    say_key_name(key);
    RegCloseKey(key);
    key = NULL;
    say("connect: %ld", RegConnectRegistryW(NULL, HKEY_LOCAL_MACHINE, &key));
    say("  set: %ld", set_text(key, NAME, L"x"));
    say_text(HKEY_LOCAL_MACHINE, NULL, NAME);
    say("  delete: %ld", RegDeleteValueW(key, NAME));
    RegCloseKey(key);
    key = NULL;
    HANDLE token = NULL;
    OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token);
    say("classes of the user: %ld", RegOpenUserClassesRoot(token, 0, KEY_READ, &key));
    CloseHandle(token);
    say_key_name(key);
    RegCloseKey(key);
    say("no cache: %ld", RegDisablePredefinedCache());
}

/* Another key in place of a predefined one, for this process. */
static void overridden(void)
{
    HKEY key = NULL;
    say("create: %ld", RegCreateKeyExW(HKEY_CURRENT_USER, NAME, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL));
    say("override: %ld", RegOverridePredefKey(HKEY_LOCAL_MACHINE, key));
    say("set: %ld", set_text(HKEY_LOCAL_MACHINE, L"overridden", L"x"));
    HKEY made = NULL;
    say("below: %ld", RegCreateKeyExW(HKEY_LOCAL_MACHINE, L"below", 0, NULL, 0, KEY_ALL_ACCESS, NULL, &made, NULL));
    say_key_name(made);
    RegCloseKey(made);
    say_list(HKEY_LOCAL_MACHINE, 3);
    say("back: %ld", RegOverridePredefKey(HKEY_LOCAL_MACHINE, NULL));
    say_text(HKEY_LOCAL_MACHINE, NULL, L"overridden");
    say_list(key, 3);
    RegCloseKey(key);
    say("delete: %ld", RegDeleteTreeW(HKEY_CURRENT_USER, NAME));
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    for (int round = 0; round < 2; round++) {
        say_section(round ? "roots, changed" : "roots");
        for (int i = 0; i < ROOTS; i++)
            use_root(roots[i].key, roots[i].name);
    }
    say_section("performance data");
    remove_spooler();
    performance(PERFORMANCE_DATA);
    say_section("performance text");
    performance(PERFORMANCE_TEXT);
    performance(PERFORMANCE_NLSTEXT);
    performance_of_a_service();
    say_section("other ways");
    other_ways();
    overridden();
    return 0;
}
