internal import Event
internal import TimeZone

/// Instants of a zone's wall clock, by one rule: in a gap (spring) the clock goes on as before the jump, so
/// `02:30` is the instant that shows `03:30`; in a fold (autumn) the first of the two instants counts.
///
/// One look-up of the zone per stretch of constant offset, and for the days at its ends.
struct LocalClock {
    private let zone: Zone
    private var stretch = Zone.Stretch(from: 0, to: 0, offset: 0)

    init(_ zone: Zone) { self.zone = zone }

    /// Seconds since the epoch at which the wall clock shows `local` (seconds as if it were UTC).
    mutating func instant(_ local: Int64) -> Int64 {
        let guess = local - stretch.offset
        // Why: no offset changes by more than a day, so nothing within a stretch's inner part is in doubt.
        if guess - 86_400 >= stretch.from, guess < stretch.to - 86_400 { return guess }
        let found = zone.instant(ofLocal: local)
        stretch = zone.stretch(at: found)
        return found
    }

    /// The same, where the text names the zone's abbreviation: it settles folds. Nil if the zone does not use it.
    func instant(_ local: Int64, abbreviation: ByteView) -> Int64? {
        zone.instant(ofLocal: local, abbreviation: abbreviation)
    }

    func offset(at seconds: Int64) -> Int64 { zone.stretch(at: seconds).offset }
}
