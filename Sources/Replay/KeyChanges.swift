/// The last change of a row, to tell one that comes again. One thread at a time.
final class LastChange {
    private let bytes = ByteStore()

    /// The change; only behind one that was taken.
    var record: ChangeRecord { ChangeRecord(bytes.all) }

    func removeAll() { bytes.removeAll() }

    /// Whether the last change is there once more; a change that is another one takes its place.
    func isRepeated(by record: ChangeRecord) -> Bool {
        if bytes.count > 0, record.repeats(self.record) { return true }
        bytes.removeAll()
        bytes.append(record.bytes)
        return false
    }
}

/// One key's changes in source order: each counts once, and the row that the key's values come from is kept.
/// One thread at a time.
struct KeyChanges {
    private(set) var key = KeyMachine()
    /// The row of the change that the values come from.
    let winner = ByteStore()
    let last = LastChange()
    private var number = 0

    /// Begins a key; see `KeyMachine`.
    mutating func begin(hasState: Bool, isDeleted: Bool, digest: UInt64?) {
        key.begin(hasState: hasState, isDeleted: isDeleted, digest: digest)
        last.removeAll()
        number = 0
    }

    /// Takes the next change. `comparesRows`: whether the row before is compared with the one that is there.
    mutating func take(_ record: ChangeRecord, comparesRows: Bool, counts: inout ReplayCounts) {
        if last.isRepeated(by: record) {
            counts.repeated += 1
            return
        }
        key.apply(
            record.kind, number: number, place: record.place, before: comparesRows ? record.before : nil,
            after: comparesRows && record.kind != .delete ? record.row?.digest : nil, hasRow: record.row != nil,
            counts: &counts)
        if key.values == .change(number), let row = record.row {
            winner.removeAll()
            winner.append(row)
        }
        number += 1
    }
}
