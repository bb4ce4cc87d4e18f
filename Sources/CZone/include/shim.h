// The tz database through cctz: one look-up per transition, not per row.
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
/// Loads a zone by its tz name ("Europe/Berlin", "UTC"). Null if there is none. Lives as long as the process.
const void *millrace_zone_load(const char *name);
/// One stretch of constant offset: [from, to) in seconds since the epoch, and seconds east of UTC.
typedef struct { int64_t from, to; int32_t offset; } millrace_zone_stretch;
/// The stretch that holds an instant (seconds since the epoch).
millrace_zone_stretch millrace_zone_at(const void *zone, int64_t seconds);
/// The instant of a civil time, given in seconds as if it were UTC. In a gap: as before the jump (later clock).
/// In a fold: the first.
int64_t millrace_zone_instant(const void *zone, int64_t local);
/// The same where the text names the zone's abbreviation (not terminated). 0: it is not used there.
int millrace_zone_instant_named(const void *zone, int64_t local, const uint8_t *name, size_t count, int64_t *found);
#ifdef __cplusplus
}
#endif
