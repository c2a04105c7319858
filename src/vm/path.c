/* A file's name in its three spellings: as the delta has it, for the native API, and as people write it. */
#include "vm/file.h"

static bool is_letter(char16 c)
{
    return (c >= u'A' && c <= u'Z') || (c >= u'a' && c <= u'z');
}

static char16 upper(char16 c)
{
    return c >= u'a' && c <= u'z' ? (char16)(c - u'a' + u'A') : c;
}

static bool starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal(str_head(s, prefix.len), prefix);
}

/* The components of s, each with one separator before it. */
static void add_components(struct strbuf *delta, struct str s)
{
    while (s.len > 0) {
        size_t end = 0;
        while (end < s.len && s.s[end] != u'\\' && s.s[end] != u'/')
            end++;
        if (end > 0)
            path_add(delta, str_head(s, end));
        s = str_from(s, end + 1);
    }
}

bool path_delta_of_dos(struct str dos, struct strbuf *delta)
{
    delta->len = 0;
    bool verbatim = starts(dos, STR(u"\\\\?\\")) || starts(dos, STR(u"\\\\.\\")) || starts(dos, STR(u"\\??\\"));
    if (verbatim)
        dos = str_from(dos, 4);
    if (dos.len >= 2 && is_letter(dos.s[0]) && dos.s[1] == u':') {
        buf_add_char(delta, upper(dos.s[0]));
        dos = str_from(dos, 2);
    } else if (verbatim) {
        struct str first = path_first(dos);
        bool unc =
            first.len == 3 && upper(first.s[0]) == u'U' && upper(first.s[1]) == u'N' && upper(first.s[2]) == u'C';
        if (!unc && !str_equal(first, STR(u"unix")))
            return false;
        buf_add(delta, unc ? STR(u"UNC") : first);
        dos = path_rest(dos);
    } else if (starts(dos, STR(u"\\\\"))) {
        buf_add(delta, STR(u"UNC"));
    } else {
        return false;
    }
    add_components(delta, dos);
    return !delta->overflow && path_valid(buf_str(delta));
}

void path_nt_of_delta(struct str delta, struct strbuf *nt_path)
{
    struct str first = path_first(delta);
    buf_set(nt_path, STR(u"\\??\\"));
    buf_add(nt_path, first);
    if (first.len == 1) {
        buf_add_char(nt_path, u':');
        if (path_rest(delta).len == 0)
            buf_add_char(nt_path, u'\\');
    }
    path_add(nt_path, path_rest(delta));
}

void path_dos_of_delta(struct str delta, struct strbuf *dos)
{
    struct str first = path_first(delta);
    dos->len = 0;
    if (first.len == 1) {
        buf_add(dos, first);
        buf_add(dos, STR(u":\\"));
    } else if (str_equal(first, STR(u"UNC"))) {
        buf_add(dos, STR(u"\\\\"));
    } else {
        buf_add(dos, STR(u"\\\\?\\"));
        buf_add(dos, first);
    }
    path_add(dos, path_rest(delta));
}
