/* Consoles: none, one of one's own, handles of it, children with and without, attaching, signals. All are without a window: without a
 * display, Wine's consoles with a window can neither be read nor written. */
#include "../harness/show.h"

#define MARK 32

static wchar_t self[UNITS];
static HANDLE out; /* where all of these processes print */
static volatile LONG signals[2];

static BOOL WINAPI on_signal(DWORD event)
{
    if (event < 2)
        InterlockedIncrement(&signals[event]);
    return TRUE;
}

/* How many share this process's console, and whether it and another one are among them. */
static void say_list(const char *what, DWORD other)
{
    DWORD ids[16], count;
    BOOL own = FALSE, others = FALSE;
    SetLastError(0);
    count = GetConsoleProcessList(ids, 16);
    for (DWORD i = 0; i < count && i < 16; i++) {
        own |= ids[i] == GetCurrentProcessId();
        others |= ids[i] == other;
    }
    say("%s: %lu processes, self %d, other %d, error %lu", what, count, own, others, count ? 0 : GetLastError());
}

static HANDLE open_console(const wchar_t *name)
{
    HANDLE h = CreateFileW(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING,
                           0, NULL);
    say("%s: %s, type %lu", utf8(name), worked(h != INVALID_HANDLE_VALUE),
        h == INVALID_HANDLE_VALUE ? 0 : GetFileType(h));
    return h;
}

static void say_write(const char *what, HANDLE h)
{
    DWORD written = 0;
    BOOL ok = WriteConsoleW(h, L"text", 4, &written, NULL);
    say("%s: write %s, %lu", what, worked(ok), written);
}

/* ---- none ---- */

static void none(void)
{
    say_section("none");
    FreeConsole();
    say("free again: %s", worked(FreeConsole()));
    say_list("list", 0);
    open_console(L"CONOUT$");
    open_console(L"CONIN$");
    open_console(L"CON");
    say("code page %u, window %d", GetConsoleCP(), GetConsoleWindow() != NULL);
    say_write("no handle", NULL);
    say("signal: %s", worked(GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0)));
    say("attach to no process: %s", worked(AttachConsole(0x7ffffff0)));
    say("attach to itself: %s", worked(AttachConsole(GetCurrentProcessId())));
}

/* ---- one's own ---- */

static void say_screen(HANDLE screen)
{
    CONSOLE_SCREEN_BUFFER_INFO info = {0};
    wchar_t text[MARK] = {0};
    DWORD read = 0, mode = 0;
    BOOL ok = GetConsoleScreenBufferInfo(screen, &info);
    say("  screen: %s, at %d,%d attributes %x", worked(ok), info.dwCursorPosition.X, info.dwCursorPosition.Y,
        info.wAttributes);
    ok = ReadConsoleOutputCharacterW(screen, text, 8, (COORD){0, 0}, &read);
    say("  text: %s, %lu \"%s\"", worked(ok), read, utf8(text));
    ok = GetConsoleMode(screen, &mode);
    say("  mode: %s, %lx", worked(ok), mode);
}

static void output(void)
{
    HANDLE screen = open_console(L"CONOUT$"), copy = NULL, second;
    DWORD done;
    wchar_t title[MARK];
    say_write("screen", screen);
    say_screen(screen);
    say("duplicate: %s", worked(DuplicateHandle(GetCurrentProcess(), screen, GetCurrentProcess(), &copy, 0, FALSE,
                                                DUPLICATE_SAME_ACCESS)));
    say_write("duplicate", copy);
    say("close: %s", worked(CloseHandle(screen)));
    say_write("closed", screen);
    say_write("duplicate", copy);
    say("WriteFile: %s, %lu", worked(WriteFile(copy, "file", 4, &done, NULL)), done);
    say_screen(copy);
    say("cursor: %s", worked(SetConsoleCursorPosition(copy, (COORD){0, 0})));
    say("fill: %s", worked(FillConsoleOutputCharacterW(copy, L'x', 3, (COORD){0, 0}, &done)));
    say_screen(copy);
    say("title: %s", worked(SetConsoleTitleW(L"fvm-title")));
    done = GetConsoleTitleW(title, MARK);
    say("title %lu \"%s\"", done, done ? utf8(title) : "");
    second = CreateConsoleScreenBuffer(GENERIC_READ | GENERIC_WRITE, 0, NULL, CONSOLE_TEXTMODE_BUFFER, NULL);
    say("second screen: %s", worked(second != INVALID_HANDLE_VALUE));
    say("activate: %s", worked(SetConsoleActiveScreenBuffer(second)));
    say_write("second screen", second);
    say_screen(second);
    CloseHandle(second);
    say_screen(copy);
    CloseHandle(copy);
}

static void type(HANDLE in, const wchar_t *text)
{
    INPUT_RECORD records[MARK] = {0};
    DWORD count = (DWORD)wcslen(text), done = 0;
    for (DWORD i = 0; i < count; i++) {
        KEY_EVENT_RECORD *key = &records[i].Event.KeyEvent;
        records[i].EventType = KEY_EVENT;
        key->bKeyDown = TRUE;
        key->wRepeatCount = 1;
        key->wVirtualKeyCode = text[i] == '\r' ? VK_RETURN : (WORD)(text[i] - 'a' + 'A');
        key->uChar.UnicodeChar = text[i];
    }
    BOOL ok = WriteConsoleInputW(in, records, count, &done);
    say("type: %s, %lu", worked(ok), done);
}

static void input(void)
{
    HANDLE in = open_console(L"CONIN$"), copy;
    wchar_t text[MARK] = {0};
    DWORD count = 0, mode = 0;
    BOOL ok = GetConsoleMode(in, &mode);
    say("mode: %s, %lx", worked(ok), mode);
    type(in, L"ab\r");
    ok = GetNumberOfConsoleInputEvents(in, &count);
    say("events: %s, %lu, wait %lu", worked(ok), count, WaitForSingleObject(in, 0));
    ok = ReadConsoleW(in, text, MARK, &count, NULL);
    say("read: %s, %lu", worked(ok), count);
    say_bytes("  ", (BYTE *)text, count * sizeof *text);
    DuplicateHandle(GetCurrentProcess(), in, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS);
    CloseHandle(in);
    type(copy, L"cd\r");
    ok = ReadFile(copy, text, sizeof text, &count, NULL);
    say("ReadFile: %s, %lu", worked(ok), count);
    say_bytes("  ", (BYTE *)text, count);
    type(copy, L"e");
    say("flush: %s, wait %lu", worked(FlushConsoleInputBuffer(copy)), WaitForSingleObject(copy, 0));
    CloseHandle(copy);
}

static void own(void)
{
    say_section("one's own");
    say("alloc with one: %s", worked(AllocConsole()));
    say_list("list", 0);
    say("code pages %u %u", GetConsoleCP(), GetConsoleOutputCP());
    output();
    input();
    SetConsoleCtrlHandler(on_signal, TRUE);
    say("signal: %s", worked(GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0)));
    for (int i = 0; i < 100 && !signals[CTRL_C_EVENT]; i++)
        Sleep(20);
    say("signals %ld %ld", signals[CTRL_C_EVENT], signals[CTRL_BREAK_EVENT]);
}

/* ---- children ---- */

/* The child with a mark to write; it goes on when `go` is set, if there is one, and sets `up` first. */
static BOOL start(const wchar_t *what, DWORD flags, PROCESS_INFORMATION *child)
{
    wchar_t line[UNITS];
    STARTUPINFOW startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES, .hStdOutput = out, .hStdError = out};
    swprintf(line, UNITS, L"\"%ls\" \"%ls\" %ls %lu", self, top, what, GetCurrentProcessId());
    SetHandleInformation(out, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    BOOL made = CreateProcessW(NULL, line, NULL, NULL, TRUE, flags, NULL, NULL, &startup, child);
    say("start %s, flags %lx: %s", utf8(what), flags, worked(made));
    SetHandleInformation(out, HANDLE_FLAG_INHERIT, 0); /* a console's process would keep it */
    return made;
}

static void children(void)
{
    static const DWORD flags[] = {0, CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, DETACHED_PROCESS};
    PROCESS_INFORMATION child;
    say_section("children");
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (start(L"child", flags[i], &child))
            say_end(&child, 60000);
        say_list("then", 0);
    }
    if (start(L"attaching", DETACHED_PROCESS, &child))
        say_end(&child, 60000);
}

static int child(DWORD parent)
{
    say("  window %d", GetConsoleWindow() != NULL);
    say_list("  child", parent);
    HANDLE screen = open_console(L"CONOUT$");
    say_write("  child", screen);
    return 3;
}

/* A child without a console takes its parent's. */
static int attaching(DWORD parent)
{
    say("  attach to the parent: %s", worked(AttachConsole(ATTACH_PARENT_PROCESS)));
    say_list("  child", parent);
    say("  attach again: %s", worked(AttachConsole(ATTACH_PARENT_PROCESS)));
    say("  free: %s", worked(FreeConsole()));
    say("  attach by its id: %s", worked(AttachConsole(parent)));
    say_list("  child", parent);
    say_write("  child", open_console(L"CONOUT$"));
    return 4;
}

/* ---- that of a child ---- */

static int waiting(void)
{
    HANDLE up = OpenEventW(EVENT_MODIFY_STATE, FALSE, L"fvm-console-up"),
           go = OpenEventW(SYNCHRONIZE, FALSE, L"fvm-console-go");
    SetEvent(up);
    WaitForSingleObject(go, 60000);
    return 5;
}

/* Without a signal: on Wine 10 a process that gives one to a console that it attached to ends by it, with one code or another. */
static void attach(DWORD flags)
{
    PROCESS_INFORMATION child;
    HANDLE up = CreateEventW(NULL, FALSE, FALSE, L"fvm-console-up"),
           go = CreateEventW(NULL, FALSE, FALSE, L"fvm-console-go");
    if (start(L"waiting", flags, &child)) {
        say("up: %lu", WaitForSingleObject(up, 60000));
        say("attach with one: %s", worked(AttachConsole(child.dwProcessId)));
        say("free: %s", worked(FreeConsole()));
        say("attach: %s", worked(AttachConsole(child.dwProcessId)));
        say_list("list", child.dwProcessId);
        SetEvent(go);
        say_end(&child, 60000);
        say_list("then", 0);
    }
    CloseHandle(up);
    CloseHandle(go);
}

static void attached(void)
{
    say_section("that of a child");
    attach(CREATE_NO_WINDOW); /* and now has it alone */
    attach(DETACHED_PROCESS);
}

static int all(void)
{
    own();
    children();
    attached();
    return 6;
}

int wmain(int argc, wchar_t **argv)
{
    begin(argc, argv);
    out = GetStdHandle(STD_OUTPUT_HANDLE);
    SetHandleInformation(out, HANDLE_FLAG_INHERIT, 0);
    GetModuleFileNameW(NULL, self, UNITS);
    if (argc > 3) {
        DWORD parent = wcstoul(argv[3], NULL, 10);
        return !wcscmp(argv[2], L"all")         ? all()
               : !wcscmp(argv[2], L"child")     ? child(parent)
               : !wcscmp(argv[2], L"attaching") ? attaching(parent)
                                                : waiting();
    }
    none();
    PROCESS_INFORMATION process;
    if (start(L"all", CREATE_NO_WINDOW, &process))
        say_end(&process, 60000);
    return 0;
}
