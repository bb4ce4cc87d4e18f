// Counts the allocations of a program: linking this target puts counting functions before the C library's.
// For measurements and tests only.
#pragma once
#include <stdint.h>

/// Allocations of the calling thread so far: malloc, calloc, realloc and the aligned ones; those of C, C++ and Swift.
uint64_t millrace_allocation_count(void);
