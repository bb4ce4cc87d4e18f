#include "shim.h"
#include <xxhash.h>

uint64_t millrace_xxh3_64(const void *bytes, size_t count, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, count, seed);
}

millrace_hash128 millrace_xxh3_128(const void *bytes, size_t count, uint64_t seed) {
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, count, seed);
    millrace_hash128 result = {hash.low64, hash.high64};
    return result;
}

uint64_t millrace_xxh64(const void *bytes, size_t count) { return XXH64(bytes, count, 0); }

void *millrace_xxh3_make(void) {
    XXH3_state_t *state = XXH3_createState();
    if (state) XXH3_64bits_reset(state);
    return state;
}

void millrace_xxh3_update(void *state, const void *bytes, size_t count) {
    XXH3_64bits_update((XXH3_state_t *)state, bytes, count);
}

uint64_t millrace_xxh3_digest(const void *state) { return XXH3_64bits_digest((const XXH3_state_t *)state); }

void millrace_xxh3_free(void *state) { XXH3_freeState((XXH3_state_t *)state); }
