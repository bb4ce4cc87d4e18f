#include "shim.h"
#include <cctz/civil_time.h>
#include <cctz/time_zone.h>
#include <chrono>
#include <cstring>
#include <limits>

using Seconds = std::chrono::duration<int64_t>;
using Instant = cctz::time_point<cctz::seconds>;

extern "C" const void *millrace_zone_load(const char *name) {
    auto *zone = new cctz::time_zone;
    if (!cctz::load_time_zone(name, zone)) { delete zone; return nullptr; }
    return zone;
}

extern "C" millrace_zone_stretch millrace_zone_at(const void *handle, int64_t seconds) {
    const auto &zone = *static_cast<const cctz::time_zone *>(handle);
    const Instant instant{cctz::seconds(seconds)};
    millrace_zone_stretch result{std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(),
                                 zone.lookup(instant).offset};
    cctz::time_zone::civil_transition transition;
    // Why: a transition's civil times give its instant through lookup(civil).trans.
    if (zone.next_transition(instant, &transition))
        result.to = zone.lookup(transition.to).trans.time_since_epoch().count();
    if (zone.prev_transition(instant + cctz::seconds(1), &transition))
        result.from = zone.lookup(transition.to).trans.time_since_epoch().count();
    return result;
}

static cctz::civil_second civil(int64_t local) { return cctz::civil_second(1970, 1, 1) + local; }

extern "C" int64_t millrace_zone_instant(const void *handle, int64_t local) {
    const auto &zone = *static_cast<const cctz::time_zone *>(handle);
    return zone.lookup(civil(local)).pre.time_since_epoch().count();
}

extern "C" int millrace_zone_instant_named(
    const void *handle, int64_t local, const uint8_t *name, size_t count, int64_t *found
) {
    const auto &zone = *static_cast<const cctz::time_zone *>(handle);
    const auto civil_lookup = zone.lookup(civil(local));
    for (const auto instant : {civil_lookup.pre, civil_lookup.post}) {
        const char *abbreviation = zone.lookup(instant).abbr;
        if (std::strlen(abbreviation) != count || std::memcmp(abbreviation, name, count) != 0) continue;
        *found = instant.time_since_epoch().count();
        return 1;
    }
    return 0;
}
