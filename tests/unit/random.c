/* Random operations on the map and on its model: after each, every name that there can be resolves to the same. What was
 * journalled on the way must, replayed, lead to the same places too. */
#include "support.h"

#include <stdio.h>

#include "model.h"

#define RUNS 60
#define OPERATIONS 400
#define JOURNAL_BYTES (1u << 17)
#define HIDDEN_PATH "C\\b\\c"

struct world {
    struct delta_map *map, *replayed;
    struct model model;
    struct dice dice;
    uint8_t *journal;
    size_t journal_size;
    char trace[256]; /* the last operation, for the message */
};

static char name_of(uint32_t i)
{
    return "abc"[i];
}

/* One to four components of "C\D" and "abc", in any case. */
static void random_path(struct dice *d, char *path)
{
    size_t depth = 1 + roll(d, 4), at = 0;
    path[at++] = "CDcd"[roll(d, 4)];
    while (--depth > 0) {
        path[at++] = '\\';
        path[at++] = (char)(name_of(roll(d, 3)) - (roll(d, 3) ? 0 : 32));
    }
    path[at] = 0;
}

static void fail_at(struct world *w, const char *path, const char *what, const char *is, const char *should)
{
    fail_msg("after %s: %s of %s is %s, the model says %s", w->trace, what, path, is, should);
}

static void compare_bool(struct world *w, const char *path, const char *what, bool is, bool should)
{
    if (is != should)
        fail_at(w, path, what, is ? "true" : "false", should ? "true" : "false");
}

static void lower_text(const struct map_place *place, struct str path, char *text)
{
    char16 memory[NAME_UNITS];
    struct strbuf lower;
    buf_init(&lower, memory, NAME_UNITS);
    map_lower(place, path, &lower);
    strcpy(text, a(buf_str(&lower)));
}

static void compare_place(struct world *w, const char *path)
{
    struct model_place should;
    struct map_place is;
    char lower[NAME_UNITS];
    model_resolve(&w->model, path, &should);
    assert_true(map_resolve(w->map, u(path), &is));
    if (is.kind != should.kind)
        fail_at(w, path, "kind", kind_name(is.kind), kind_name(should.kind));
    compare_bool(w, path, "hidden", is.hidden, should.hidden);
    compare_bool(w, path, "link", is.link, should.link);
    compare_bool(w, path, "has_lower", is.has_lower, should.has_lower);
    compare_bool(w, path, "in_storage", is.in_storage, should.in_storage);
    compare_bool(w, path, "known", is.known == should.known, true);
    compare_bool(w, path, "origin", is.origin.file_id == should.id, true);
    if (is.kind != MAP_NONE)
        compare_bool(w, path, "changed child", map_has_changed_child(w->map, is.node),
                     model_has_changed_child(&w->model, path));
    lower_text(&is, u(path), lower);
    if (is.link)
        snprintf(lower, sizeof(lower), "%s%s%s", a(is.link_target), is.link_rest < strlen(path) ? "\\" : "",
                 path + is.link_rest);
    else if (!is.has_lower)
        strcpy(should.lower, "");
    if (strcmp(lower, should.lower) != 0)
        fail_at(w, path, "lower", lower, should.lower);
}

/* Kinds that the journal does not know may differ; what they stand for may not. */
static void compare_replayed(struct world *w, const char *path)
{
    struct map_place live, replayed;
    char lower[NAME_UNITS], lower_replayed[NAME_UNITS];
    assert_true(map_resolve(w->map, u(path), &live));
    assert_true(map_resolve(w->replayed, u(path), &replayed));
    compare_bool(w, path, "replayed hidden", replayed.hidden, live.hidden);
    if (live.link || live.hidden)
        return;
    bool delta = live.kind == MAP_OWN || live.kind == MAP_DIR || live.kind == MAP_META;
    if (delta && replayed.kind != live.kind)
        fail_at(w, path, "replayed kind", kind_name(replayed.kind), kind_name(live.kind));
    compare_bool(w, path, "replayed lower", replayed.has_lower, live.has_lower);
    compare_bool(w, path, "replayed storage", replayed.in_storage, live.in_storage);
    lower_text(&live, u(path), lower);
    lower_text(&replayed, u(path), lower_replayed);
    if (strcmp(lower, lower_replayed) != 0)
        fail_at(w, path, "replayed lower", lower_replayed, lower);
}

static void for_each_path(struct world *w, void (*visit)(struct world *w, const char *path))
{
    char path[8] = "C";
    for (int top = 0; top < 2; top++) {
        path[0] = "cD"[top];
        for (int i = 0; i < 1 + 3 + 9 + 27; i++) {
            int depth = i < 1 ? 0 : i < 4 ? 1 : i < 13 ? 2 : 3;
            for (int k = 0, n = i; k < depth; k++, n /= 3) {
                path[1 + 2 * k] = '\\';
                path[2 + 2 * k] = name_of((uint32_t)(n % 3));
            }
            path[1 + 2 * depth] = 0;
            visit(w, path);
        }
    }
}

static void compare_reverse(struct world *w, const char *host)
{
    char16 memory[NAME_UNITS];
    struct strbuf is;
    size_t best = 0;
    bool right = false;
    buf_init(&is, memory, NAME_UNITS);
    for (size_t i = 0; i < w->model.count; i++) {
        const struct model_entry *e = &w->model.entries[i];
        if (*e->lower && e->kind != MAP_LINK && model_under(host, e->lower) && strlen(e->lower) > best)
            best = strlen(e->lower);
    }
    compare_bool(w, host, "reverse", map_reverse(w->map, u(host), &is), best > 0);
    if (!best)
        return;
    for (size_t i = 0; i < w->model.count; i++) { /* several names may have one lower */
        const struct model_entry *e = &w->model.entries[i];
        char text[2 * MODEL_PATH];
        snprintf(text, sizeof(text), "%s%s", e->path, host + best);
        right |= e->kind != MAP_LINK && strlen(e->lower) == best && model_under(host, e->lower) &&
                 str_equal_fold(test_upcase(), buf_str(&is), u(text));
    }
    if (!right)
        fail_at(w, host, "reverse", a(buf_str(&is)), "otherwise");
}

static bool check_walked(void *context, struct str path, enum map_kind kind, struct str lower,
                         const struct map_origin *origin)
{
    struct world *w = context;
    const struct model_entry *e = model_find(&w->model, a(path));
    if (!e || e->kind != kind || strcmp(e->lower, a(lower)) != 0 || e->id != origin->file_id)
        fail_at(w, a(path), "walk", kind_name(kind), e ? kind_name(e->kind) : "nothing");
    const char *walked = strrchr(a(path), '\\'), *spelled = e ? strrchr(e->path, '\\') : NULL;
    if (walked && spelled && strcmp(walked, spelled) != 0)
        fail_at(w, a(path), "spelling", walked, spelled);
    w->journal_size++; /* borrowed as the counter, see check_walk */
    return true;
}

static void check_walk(struct world *w)
{
    size_t before = w->journal_size, delta = 0;
    for (size_t i = 0; i < w->model.count; i++)
        delta += w->model.entries[i].kind >= MAP_OWN && w->model.entries[i].kind <= MAP_META;
    map_walk(w->map, check_walked, w);
    compare_bool(w, "everything", "walk", w->journal_size - before == delta, true);
    compare_bool(w, "everything", "untouched", map_untouched(w->map), delta == 0);
    w->journal_size = before;
}

static void check_replay(struct world *w)
{
    size_t good;
    bool full;
    map_begin_rebuild(w->replayed);
    assert_true(map_set(w->replayed, u(HIDDEN_PATH), MAP_HIDDEN, u(""), NULL));
    assert_int_equal(journal_replay(w->replayed, w->journal, w->journal_size, &good, &full, NULL, NULL), JOURNAL_END);
    map_end_rebuild(w->replayed);
    assert_int_equal(good, w->journal_size);
    assert_false(full);
    for_each_path(w, compare_replayed);
}

static void write_journal(struct world *w, struct journal_record record)
{
    size_t size = journal_encode(w->journal + w->journal_size, JOURNAL_BYTES - w->journal_size, &record);
    assert_true(size > 0);
    w->journal_size += size;
}

/* Callers follow links before they act. */
static bool behind_link(struct world *w, const char *path)
{
    struct model_place place;
    model_resolve(&w->model, path, &place);
    return place.link && place.known < strlen(path);
}

static void do_set(struct world *w, const char *path)
{
    static const enum map_kind kinds[] = {MAP_OWN, MAP_OWN, MAP_DIR, MAP_DIR, MAP_META, MAP_PLAIN, MAP_LINK};
    enum map_kind kind = kinds[roll(&w->dice, 7)];
    char lower[16] = "";
    if (kind == MAP_LINK || (kind != MAP_PLAIN && kind != MAP_OWN && !roll(&w->dice, 3)))
        random_path(&w->dice, lower);
    struct map_origin origin = {.file_id = kind == MAP_LINK || kind == MAP_PLAIN ? 0 : 1 + roll(&w->dice, 1000)};
    snprintf(w->trace, sizeof(w->trace), "set %s %s %s", path, kind_name(kind), lower);
    assert_true(map_set(w->map, u(path), kind, u(lower), &origin));
    model_set(&w->model, path, kind, lower, origin.file_id);
    if (kind != MAP_LINK && kind != MAP_PLAIN)
        write_journal(w, (struct journal_record){
                             .type = JOURNAL_SET, .kind = kind, .path = u(path), .other = u(lower), .origin = origin});
}

static void do_rename(struct world *w, const char *from)
{
    char to[16];
    bool cover = roll(&w->dice, 2);
    enum map_kind kind = roll(&w->dice, 4) ? MAP_DIR : MAP_META;
    random_path(&w->dice, to);
    if (behind_link(w, to))
        return;
    snprintf(w->trace, sizeof(w->trace), "rename %s %s%s", from, to, cover ? " cover" : "");
    bool done = model_rename(&w->model, from, to, cover, kind);
    assert_int_equal(map_rename(w->map, u(from), u(to), cover, kind), done);
    if (done)
        write_journal(w, (struct journal_record){
                             .type = JOURNAL_RENAME, .kind = kind, .cover = cover, .path = u(from), .other = u(to)});
}

static void do_something(struct world *w)
{
    char path[16];
    random_path(&w->dice, path);
    if (behind_link(w, path))
        return;
    switch (roll(&w->dice, 7)) {
    case 0:
        snprintf(w->trace, sizeof(w->trace), "remove %s", path);
        map_remove(w->map, u(path));
        model_remove(&w->model, path);
        write_journal(w, (struct journal_record){.type = JOURNAL_REMOVE, .path = u(path)});
        break;
    case 1:
    case 2:
    case 3:
        do_rename(w, path);
        break;
    default:
        do_set(w, path);
    }
}

static void test_random(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof(*w));
    w->journal = malloc(JOURNAL_BYTES);
    w->map = map_new(MAP_MIN_SIZE);
    w->replayed = map_new(MAP_MIN_SIZE);
    for (uint64_t run = 0; run < RUNS; run++) {
        w->dice.state = run;
        w->model.count = 0;
        w->journal_size = journal_header(w->journal);
        map_begin_rebuild(w->map);
        map_end_rebuild(w->map);
        assert_true(map_set(w->map, u(HIDDEN_PATH), MAP_HIDDEN, u(""), NULL));
        model_set(&w->model, HIDDEN_PATH, MAP_HIDDEN, "", 0);
        for (int i = 0; i < OPERATIONS; i++) {
            do_something(w);
            for_each_path(w, compare_place);
            for_each_path(w, compare_reverse);
            check_walk(w);
            if (i % 8 == 0)
                check_replay(w);
        }
    }
    free(w->journal);
    free(w->map);
    free(w->replayed);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
