/* Comparing two open files. */
#include "vm/compare.h"

#include "vm/file.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK (1u << 18)
#define BASIC_INFORMATION ((FILE_INFORMATION_CLASS)4)
/* What a user sets; the others say how the file system stores it. */
#define ATTRIBUTES                                                                                                     \
    (FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_DIRECTORY |              \
     FILE_ATTRIBUTE_REPARSE_POINT)

static bool query(HANDLE file, FILE_BASIC_INFORMATION *basic)
{
    IO_STATUS_BLOCK io;
    memset(basic, 0, sizeof *basic);
    return NT_SUCCESS(nt.NtQueryInformationFile(file, &io, basic, sizeof *basic, BASIC_INFORMATION));
}

bool compare_is_directory(HANDLE file)
{
    FILE_BASIC_INFORMATION basic;
    return query(file, &basic) && (basic.FileAttributes & FILE_ATTRIBUTE_DIRECTORY) &&
           !(basic.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT);
}

bool compare_same_attributes(HANDLE a, HANDLE b)
{
    FILE_BASIC_INFORMATION one, two;
    return query(a, &one) && query(b, &two) && ((one.FileAttributes ^ two.FileAttributes) & ATTRIBUTES) == 0;
}

static enum compare_result same_content(HANDLE a, HANDLE b)
{
    enum compare_result result = COMPARE_FAILED;
    uint8_t *one = malloc(CHUNK), *two = malloc(CHUNK);
    for (uint64_t at = 0; one && two; at += CHUNK) {
        size_t got, got2;
        if (!NT_SUCCESS(file_read_at(a, at, one, CHUNK, &got)) || !NT_SUCCESS(file_read_at(b, at, two, CHUNK, &got2)))
            break;
        if (got != got2 || memcmp(one, two, got) != 0) {
            result = COMPARE_DIFFERENT;
            break;
        }
        if (got < CHUNK) {
            result = COMPARE_SAME;
            break;
        }
    }
    free(one);
    free(two);
    return result;
}

enum compare_result compare_files(HANDLE a, HANDLE b)
{
    FILE_BASIC_INFORMATION one, two;
    uint64_t size, size2;
    if (!query(a, &one) || !query(b, &two))
        return COMPARE_FAILED;
    if ((one.FileAttributes ^ two.FileAttributes) & ATTRIBUTES)
        return COMPARE_DIFFERENT;
    if (one.FileAttributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT))
        return COMPARE_SAME;
    if (!NT_SUCCESS(file_size(a, &size)) || !NT_SUCCESS(file_size(b, &size2)))
        return COMPARE_FAILED;
    if (size != size2 || one.LastWriteTime.QuadPart != two.LastWriteTime.QuadPart ||
        one.CreationTime.QuadPart != two.CreationTime.QuadPart)
        return COMPARE_DIFFERENT;
    return same_content(a, b);
}
