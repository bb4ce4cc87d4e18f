// XXH3 (xxhash 0.8): the two calls Millrace uses. Source: xxhash.h.
#pragma once
#include <stddef.h>
#include <stdint.h>
uint64_t millrace_xxh3_64(const void *bytes, size_t count, uint64_t seed);
typedef struct { uint64_t low, high; } millrace_hash128;
millrace_hash128 millrace_xxh3_128(const void *bytes, size_t count, uint64_t seed);
