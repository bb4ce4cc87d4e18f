public import Event
internal import Platform

/// How far one partition has come in one table's source order: tells which stretch of it each change covers, so
/// that a change that comes again, by whatever way, is known by its place.
///
/// | state | `last` | `anchor` | a place behind `last` | one before it |
/// |---|---|---|---|---|
/// | broken | nil | nil | - | - |
/// | following | the newest change | nil | covers from `last` on | covers itself: a new run begins |
/// | anchored | the newest of a group | its first row's hash | leaves the group | covers itself |
///
/// A change covers from the one before it in this run up to itself: what lies between belongs to others. Rows
/// that the tool does not number count in the order in which they come, from the first of their position. Where a
/// run begins inside a position nobody knows which row is the first: then they count from the row met first, in
/// a stream of its own that is named by that row; where it comes again they count from it again.
///
/// Invariants
/// - Two changes of a source have the same (stream, point) only if they are the same change.
/// - What a claim covers, but its own point, holds no change that this run has not seen.
public struct PlaceRun: Sendable, Equatable {
    /// `[from, point]` of a stream.
    public struct Claim: Sendable, Equatable {
        public var stream: StreamID
        public var from: Position
        public var point: Position
        /// `[from, point]` as a range.
        public var range: CoveredRange { CoveredRange(from, PlaceRun.next(point)) }
        /// `[point, point]`.
        public var ownRange: CoveredRange { CoveredRange(point, PlaceRun.next(point)) }
    }

    /// The number that stands for a transaction's last row; ordinals stay below it.
    private static let lastMinor = UInt32.max - 1
    private static let maximumOrdinal = UInt32.max - 4

    public let stream: StreamID
    public private(set) var last: Position?
    public private(set) var anchor: UInt64?
    /// The stream of the group that is anchored.
    private var group: StreamID?

    /// A run that begins, or goes on where the log says.
    public init(stream: StreamID, last: Position? = nil, anchor: UInt64? = nil) {
        self.stream = stream
        self.last = last
        guard let last, let anchor else { return }
        self.anchor = anchor
        group = Self.groupStream(of: stream, last.major, anchor)
    }

    /// Something came that has no place: what comes next proves nothing about what was before.
    public mutating func interrupt() {
        last = nil
        anchor = nil
        group = nil
    }

    /// Takes the next change. `isOnly`: no other row at its position says the same, for it has a key or is said to be
    /// the first. `content`: a hash of what it says, asked for only where the tool does not number rows. Returns
    /// what it covers, and the number of its row for the change log.
    public mutating func take(
        _ place: RecordPlace, isDelete: Bool, isOnly: Bool, content: () -> UInt64
    ) -> (claim: Claim, row: Int64) {
        switch place.row {
        case .number(let number):
            // Why twice: a key change is a delete and an insert of the same row.
            let point = Position(place.word, row: 2 &* number &+ (isDelete ? 0 : 1))
            return (follow(to: point), Int64(number))
        case .last: return (follow(to: Position(place.word, row: Self.lastMinor)), ChangeLog.lastRow)
        case .unnumbered: return count(place.word, isOnly, content)
        }
    }

    private mutating func follow(to point: Position) -> Claim {
        var from = point
        if let last, last < point {
            if group == nil {
                from = Self.next(last)
            } else if last.major < point.major {
                // Why: rows of the group may be missing at its start, so its position is not covered as a whole.
                from = Position(last.major &+ 1)
            }
        }
        last = point
        anchor = nil
        group = nil
        return Claim(stream: stream, from: from, point: point)
    }

    private mutating func count(
        _ word: UInt64, _ isOnly: Bool, _ content: () -> UInt64
    ) -> (claim: Claim, row: Int64) {
        if let last, last.major == word, last.minor < Self.maximumOrdinal {
            var point = Position(word, row: last.minor &+ 1)
            guard let group else { return (follow(to: point), Int64(point.minor)) }
            // Why only rows that are the only ones: twins would count as one.
            if isOnly, content() == anchor { point = Position(word) }
            self.last = point
            return (Claim(stream: group, from: point, point: point), Int64(point.minor))
        }
        let point = Position(word)
        if let last, last.major < word { return (follow(to: point), 0) }
        let content = content()
        let group = Self.groupStream(of: stream, word, content)
        last = point
        anchor = content
        self.group = group
        return (Claim(stream: group, from: point, point: point), 0)
    }

    static func next(_ position: Position) -> Position {
        position.minor < .max
            ? Position(position.major, row: position.minor + 1) : Position(position.major &+ 1)
    }

    private static func groupStream(of stream: StreamID, _ word: UInt64, _ anchor: UInt64) -> StreamID {
        var bytes: [UInt8] = []
        stream.appendText(to: &bytes)
        for value in [word, anchor] {
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
        }
        return StreamID(hashing: bytes)
    }
}

extension StreamID {
    /// The identity that bytes give: XXH3-128, never `none`.
    init(hashing bytes: [UInt8]) {
        let hash = Hash.xxh3Wide(bytes)
        self.init(high: hash.high, low: hash.low | 1)
    }
}

/// Names the streams of a sync's tables: coverage by source place (docs/decisions/007-source-places.md).
public enum SourceStream {
    /// Kinds of a table's changes that count their rows apart.
    public enum Kind: UInt8, Sendable, CaseIterable {
        case rows, schema, snapshot

        public init(_ operation: ChangeLog.Operation) {
            switch operation {
            case .schema: self = .schema
            case .snapshot, .snapshotStart, .snapshotEnd: self = .snapshot
            case .insert, .update, .delete, .truncate: self = .rows
            }
        }
    }

    /// The stream of a table's changes of a kind. `partition`: where changes of a key stay in one partition.
    public static func identity(
        sync: String, leg: Int64, log: ByteView, database: ByteView, table: ByteView, kind: Kind,
        partition: (topic: String, number: Int32)?
    ) -> StreamID {
        var bytes = Array("millrace source\0".utf8)
        func add(_ part: some Sequence<UInt8>) {
            let part = Array(part)
            for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: part.count >> shift)) }
            bytes += part
        }
        add(sync.utf8)
        add(String(leg).utf8)
        add([kind.rawValue])
        add(log.array)
        add(database.array)
        add(table.array)
        if let partition {
            add(partition.topic.utf8)
            add(String(partition.number).utf8)
        }
        return StreamID(hashing: bytes)
    }
}
