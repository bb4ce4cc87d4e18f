internal import CZone
public import Event

/// A zone of the system's tz database. Immutable; its memory lives as long as the process.
// Safety: `handle` is a const cctz zone that is never freed; its look-ups are thread-safe (cctz/time_zone.h:
// "time_zone is thread-safe").
@safe public struct Zone: @unchecked Sendable {
    /// The longest name looked up; the tz database's longest is 32.
    public static let maximumNameByteCount = 64
    /// Behind this instant (2400-01-01) stretches are not cached: cctz knows transitions up to there only,
    /// offsets for ever.
    private static let lastKnownTransition: Int64 = 13_569_465_600

    public let name: String
    private let handle: UnsafeRawPointer

    /// A stretch of constant offset: instants `[from, to)` in seconds since the epoch.
    public struct Stretch: Sendable, Equatable {
        public var from: Int64
        public var to: Int64
        /// Seconds east of UTC.
        public var offset: Int64

        public init(from: Int64, to: Int64, offset: Int64) {
            self.from = from
            self.to = to
            self.offset = offset
        }
    }

    /// Loads a zone. Fails with `config.bad_time_zone`.
    public init(_ name: String) throws(Failure) {
        // Why: cctz would open a path or a "file:" name; only names of the tz database pass.
        guard Self.isPlain(name), let handle = unsafe millrace_zone_load(name) else {
            throw Failure(
                "config.bad_time_zone", stage: .configuration, kind: .config,
                "there is no time zone '\(name)'",
                hint: "use a name of the tz database such as UTC, Europe/Berlin or, for +08:00, Etc/GMT-8; "
                    + "is tzdata installed?")
        }
        self.name = name
        unsafe self.handle = handle
    }

    /// Loads a zone that `owner`, such as `sync shop`, names in the configuration. Fails with `config.bad_time_zone`.
    public init(_ name: String, of owner: String) throws(Failure) {
        do throws(Failure) { try self.init(name) } catch {
            throw Failure(
                error.code, stage: error.stage, kind: error.kind,
                "\(owner) names a time zone that there is not: '\(name.prefix(80))'", hint: error.hint)
        }
    }

    /// The stretch that holds an instant.
    public func stretch(at seconds: Int64) -> Stretch {
        let found = unsafe millrace_zone_at(handle, seconds)
        var stretch = Stretch(from: found.from, to: found.to, offset: Int64(found.offset))
        if seconds >= Self.lastKnownTransition || seconds < stretch.from || seconds >= stretch.to {
            stretch.from = seconds
            stretch.to = seconds + 1
        } else {
            stretch.to = min(stretch.to, Self.lastKnownTransition)
        }
        return stretch
    }

    /// The instant at which the wall clock shows `local` (seconds as if it were UTC, years 0 to 10000). In a gap
    /// the clock goes on as before the jump; in a fold the first instant counts.
    public func instant(ofLocal local: Int64) -> Int64 {
        unsafe millrace_zone_instant(handle, local)
    }

    /// The same for a wall clock that names the zone's abbreviation (`CET`), which settles a fold. Nil if the
    /// zone's abbreviation is another one there.
    public func instant(ofLocal local: Int64, abbreviation: ByteView) -> Int64? {
        var found: Int64 = 0
        let isThere = unsafe millrace_zone_instant_named(
            handle, local, abbreviation.start, abbreviation.count, &found)
        return isThere != 0 ? found : nil
    }

    private static func isPlain(_ name: String) -> Bool {
        guard let first = name.utf8.first, first != UInt8(ascii: "/"), name.utf8.count <= maximumNameByteCount
        else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "_"),
                UInt8(ascii: "+"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}

/// Finds the day of an instant in a zone: one look-up of the zone per transition, comparisons within a
/// day, one division where the day changes.
public struct DayFinder: Sendable {
    private let zone: Zone
    private var stretch = Zone.Stretch(from: 0, to: 0, offset: 0)
    private var from: Int64 = 0
    private var to: Int64 = 0
    private var day: Int64 = 0

    public init(_ zone: Zone) { self.zone = zone }

    /// Days since 1970-01-01 of the zone's date at an instant (seconds since the epoch, years 0 to 10000).
    public mutating func day(at seconds: Int64) -> Int64 {
        if seconds >= from && seconds < to { return day }
        if seconds < stretch.from || seconds >= stretch.to { stretch = zone.stretch(at: seconds) }
        day = CivilDay.floorDivide(seconds + stretch.offset, by: 86_400)
        from = max(stretch.from, day * 86_400 - stretch.offset)
        to = min(stretch.to, (day + 1) * 86_400 - stretch.offset)
        return day
    }
}
