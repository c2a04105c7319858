/* Whether two files are the same for somebody who uses them. */
#ifndef FVM_VM_COMPARE_H
#define FVM_VM_COMPARE_H

#include "nt/native.h"

enum compare_result { COMPARE_SAME, COMPARE_DIFFERENT, COMPARE_FAILED };

/* Files: size, times of creation and writing, attributes, content. Directories: attributes; their times follow from what
 * is in them. Links are the same only if both are, and are not looked into. */
enum compare_result compare_files(HANDLE a, HANDLE b);
bool compare_same_attributes(HANDLE a, HANDLE b);
bool compare_is_directory(HANDLE file);

#endif
