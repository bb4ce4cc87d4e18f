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
