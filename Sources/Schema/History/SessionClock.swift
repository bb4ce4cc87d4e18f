internal import Columns
internal import Event
internal import JSON
internal import TimeZone

/// The clock of the sessions that alter tables: a TIMESTAMP is an instant, which becomes a DATETIME or a text, or comes
/// from one, as that clock shows it (Field_timestamp::get_date and ::store, sql/field.cc of MariaDB 10.11).
struct SessionClock: Sendable {
    private static let second: Int64 = 1_000_000

    let zone: Zone

    /// What the clock shows at an instant, both in microseconds since the epoch.
    func shown(at instant: Int64) -> Int64 {
        instant + zone.stretch(at: CivilDay.floorDivide(instant, by: Self.second)).offset * Self.second
    }

    /// When the clock shows a time, both in microseconds since the epoch: of two instants the earlier one.
    private func instant(of shown: Int64) -> Int64 {
        let seconds = CivilDay.floorDivide(shown, by: Self.second)
        return zone.instant(ofLocal: seconds) * Self.second + (shown - seconds * Self.second)
    }

    /// A TIMESTAMP's value as the clock shows it; zero dates stay.
    func shown(_ value: TypedValue, fraction: Int) -> TypedValue { moved(value, fraction, shown(at:)) }

    /// What the clock shows as a TIMESTAMP's value; zero dates stay.
    func instant(_ value: TypedValue, fraction: Int) -> TypedValue { moved(value, fraction, instant(of:)) }

    private func moved(_ value: TypedValue, _ fraction: Int, _ move: (Int64) -> Int64) -> TypedValue {
        switch value {
        case .word(let micros): return .word(move(micros))
        case .bytes(let text):
            let fields = unsafe text.withUnsafeBytes { DateFields(unsafe ByteView($0)) }
            guard let micros = fields?.micros, let moved = DateFields(micros: move(micros)) else { return value }
            let output = Scratch(capacity: 32)
            moved.write(fraction: fraction, to: output)
            return .bytes(output.view.array)
        case .null, .wide: return value
        }
    }
}
