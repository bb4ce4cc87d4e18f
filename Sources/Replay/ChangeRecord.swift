internal import Event
internal import Schema

/// What a change does to a row.
public enum ChangeKind: UInt8, Sendable, CaseIterable {
    case delete, insert, update
    /// A row as a snapshot found it: it says nothing about what was there before.
    case snapshot
}

/// One change of one row as bytes, for sorting and spilling:
///
///     0 byteCount UInt32 | 4 identityByteCount UInt32 | 8 kind | 9 flags | 16 leg, file, position, row Int64
///     48 row of the transaction Int64 | 56 entry Int64 | 64 digest of the row before UInt64 | 72 reserved
///     80 identity | row
///
/// In the machine's byte order: records never outlive a run of the program.
struct ChangeRecord {
    static let headByteCount = 80
    static let hasBefore: UInt8 = 1
    static let hasRow: UInt8 = 2
    static let isLoose: UInt8 = 4
    /// The longest record: a row of a source fits into a message, a message into memory.
    static let maximumByteCount = 1 << 30

    let bytes: ByteView

    init(_ bytes: ByteView) { self.bytes = bytes }

    @inline(__always)
    private func word(_ at: Int) -> Int64 { Int64(bitPattern: bytes.word(at: at)) }

    private var identityByteCount: Int { Int(bytes.word(at: 0) >> 32) }
    var kind: ChangeKind { ChangeKind(rawValue: bytes[8]) ?? .update }
    private var flags: UInt8 { bytes[9] }
    var place: SourcePlace { SourcePlace(leg: word(16), file: word(24), position: word(32), row: word(40)) }
    var transactionRow: Int64 { word(48) }
    var entry: Int64 { word(56) }
    /// A row of the state whose key nobody knows: it stands for itself, beside others of the same identity.
    var isLoose: Bool { flags & Self.isLoose != 0 }
    /// Digest of the row before, where the source says it.
    var before: UInt64? { flags & Self.hasBefore != 0 ? bytes.word(at: 64) : nil }
    @inline(__always)
    var identity: ByteView { bytes.slice(Self.headByteCount, Self.headByteCount + identityByteCount) }
    /// The row after, or of a delete the row before; nil where there is none.
    var row: ByteView? {
        flags & Self.hasRow != 0 ? bytes.slice(Self.headByteCount + identityByteCount, bytes.count) : nil
    }

    /// Whether this is the other change once more.
    func repeats(_ other: ChangeRecord) -> Bool {
        // Why the entry: a message of several rows (Canal) may hold twins.
        guard kind == other.kind, kind != .snapshot, place == other.place, entry == other.entry,
            identity.equals(other.identity)
        else { return false }
        switch (row, other.row) {
        case (let left?, let right?): return left.equals(right)
        case (nil, nil): return true
        default: return false
        }
    }

    /// Source order of changes of one identity: place, deletes first, row of the transaction, entry; and, so that the
    /// order never depends on files, the bytes.
    func comesBefore(_ other: ChangeRecord) -> Bool {
        let (here, there) = (place, other.place)
        if here != there { return here < there }
        let (left, right) = (kind, other.kind)
        if (left == .delete) != (right == .delete) { return left == .delete }
        if transactionRow != other.transactionRow { return transactionRow < other.transactionRow }
        if entry != other.entry { return entry < other.entry }
        if left != right { return left.rawValue < right.rawValue }
        return bytes.slice(Self.headByteCount, bytes.count)
            .order(other.bytes.slice(Self.headByteCount, other.bytes.count)) < 0
    }
}

/// What a record says besides its identity and row.
struct ChangeHead {
    var kind: ChangeKind
    var place: SourcePlace
    var transactionRow: Int64 = 0
    var entry: Int64 = 0
    var before: UInt64?
    var isLoose = false

    /// Appends the head of a record whose identity and row follow; `close` fills in the lengths.
    func append(to store: ByteStore, hasRow: Bool) {
        store.append(word: UInt64(0))
        store.append(byte: kind.rawValue)
        store.append(
            byte: (before == nil ? 0 : ChangeRecord.hasBefore) | (hasRow ? ChangeRecord.hasRow : 0)
                | (isLoose ? ChangeRecord.isLoose : 0))
        store.appendZeros(6)
        for word in [place.leg, place.file, place.position, place.row] { store.append(word: word) }
        for word in [transactionRow, entry] { store.append(word: word) }
        store.append(word: before ?? 0)
        store.append(word: UInt64(0))
    }
}
