// XXH3 and XXH64 (xxhash 0.8): the calls Millrace uses. Source: xxhash.h.
#pragma once
#include <stddef.h>
#include <stdint.h>
uint64_t millrace_xxh3_64(const void *bytes, size_t count, uint64_t seed);
typedef struct { uint64_t low, high; } millrace_hash128;
millrace_hash128 millrace_xxh3_128(const void *bytes, size_t count, uint64_t seed);

// XXH64 with seed 0, as Parquet's Bloom filters have it.
uint64_t millrace_xxh64(const void *bytes, size_t count);

// Streaming XXH3-64 with seed 0: make (NULL without memory), update, digest, free. One thread at a time.
void *millrace_xxh3_make(void);
void millrace_xxh3_update(void *state, const void *bytes, size_t count);
uint64_t millrace_xxh3_digest(const void *state);
void millrace_xxh3_free(void *state);
