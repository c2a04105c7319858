#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "delta/map_inside.h"

struct delta_map *fuzz_map(void)
{
    static struct delta_map *map;
    static void *header;
    if (!map) {
        static struct upcase upcase;
        char16 latin[UPCASE_PAGE];
        for (unsigned i = 0; i < UPCASE_PAGE; i++)
            latin[i] = (char16)(i >= 'a' && i <= 'z' ? i - 32 : i);
        CHECK(upcase_add(&upcase, 0, latin));
        map = calloc(1, MAP_MIN_SIZE);
        CHECK(map && map_format(map, MAP_MIN_SIZE, &upcase));
        header = malloc(sizeof(struct delta_map));
        memcpy(header, map, sizeof(struct delta_map));
    }
    memcpy((void *)map, header, sizeof(struct delta_map));
    map_begin_rebuild(map);
    map_end_rebuild(map);
    return map;
}
