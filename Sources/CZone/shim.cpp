#include "shim.h"
#include <cctz/civil_time.h>
#include <cctz/time_zone.h>
#include <chrono>
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

extern "C" int64_t millrace_zone_instant(const void *handle, int64_t year, int month, int day, int hour, int minute, int second) {
    const auto &zone = *static_cast<const cctz::time_zone *>(handle);
    return zone.lookup(cctz::civil_second(year, month, day, hour, minute, second)).pre.time_since_epoch().count();
}
