/* Paths as the delta knows them: taking them apart, and the one check for what comes from a file. */
#include "base/str.h"

#define PATH_MAX_UNITS 32000u
#define COMPONENT_MAX_UNITS 255u
#define KEY_NAME_MAX_UNITS 256u /* NT allows 255, Wine one more */

bool path_under_fold(upcase_table up, struct str path, struct str top)
{
    if (!top.len)
        return true;
    return str_prefix_fold(up, path, top) && (path.len == top.len || path.s[top.len] == '\\');
}

static bool component_valid(struct str name)
{
    if (!name.len || name.len > COMPONENT_MAX_UNITS)
        return false;
    if (name.s[0] == '.' && (name.len == 1 || (name.len == 2 && name.s[1] == '.')))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!name.s[i] || name.s[i] == '/' || name.s[i] == ':')
            return false;
    return true;
}

static bool key_name_valid(struct str name)
{
    return name.len && name.len <= KEY_NAME_MAX_UNITS;
}

static bool all_valid(struct str path, bool (*valid)(struct str name))
{
    if (!path.len || path.len > PATH_MAX_UNITS || path.s[path.len - 1] == '\\')
        return false;
    for (struct str rest = path; rest.len; rest = path_rest(rest))
        if (!valid(path_first(rest)))
            return false;
    return true;
}

bool path_valid(struct str path)
{
    return all_valid(path, component_valid);
}

bool key_path_valid(struct str path)
{
    return all_valid(path, key_name_valid);
}
