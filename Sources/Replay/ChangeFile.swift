internal import Change
internal import Columns
internal import Event
internal import Parquet
internal import Schema
internal import Sinks

/// A file of a table's change log.
struct ChangeFile: Hashable {
    /// From the warehouse's root; published names are never used again.
    var path: String
    var byteCount: UInt64
    var day: String
}

/// What a change file holds, without its rows.
struct ChangeScan {
    var firstPlace: SourcePlace?
    var lastPlace: SourcePlace?
    var rowCount = 0
    /// Places of truncates.
    var truncates: [SourcePlace] = []
    /// Where readings of the whole table begin and end.
    var readingStarts: [SourcePlace] = []
    var readingEnds: [SourcePlace] = []
    var lastCommitted: Int64?
    /// Documents of types with the least place of each, few in practice.
    var types: [[UInt8]: SourcePlace] = [:]
    /// The key as records say it.
    var key: [String]?
    var source: TableName?

    /// Documents of types that are kept of a file.
    static let maximumTypesCount = 1_000

    private static let fields: [ChangeLog.Field] = [
        .op, .leg, .placeFile, .placePosition, .placeRow, .committed, .sourceDatabase, .sourceTable,
    ]

    init() {}

    /// Reads a file's places. `withTypes`: what its records say of types, too.
    init(_ path: String, withTypes: Bool) throws(Failure) {
        let fields = Self.fields + (withTypes ? [.types, .key] : [])
        let reader = try ParquetReader(LocalParquet(path), columns: fields.map(\.name))
        while try reader.next() {
            let columns = reader.rows.columns
            rowCount += reader.rows.rowCount
            for row in 0..<reader.rows.rowCount {
                let place = SourcePlace(
                    leg: columns[1].integer(row), file: columns[2].integer(row), position: columns[3].integer(row),
                    row: columns[4].integer(row))
                firstPlace = min(firstPlace ?? place, place)
                lastPlace = max(lastPlace ?? place, place)
                note(columns[0].bytes(row), place)
                if !columns[5].isNull(row) {
                    lastCommitted = max(lastCommitted ?? .min, columns[5].integer(row))
                }
                if withTypes { note(columns[8], columns[9], row, place) }
            }
            if source == nil, reader.rows.rowCount > 0 {
                source = TableName(columns[6].bytes(0).text, columns[7].bytes(0).text)
            }
        }
    }

    private mutating func note(_ operation: ByteView, _ place: SourcePlace) {
        guard operation.count > 6 else { return }
        if operation.equals("truncate") { truncates.append(place) }
        if operation.equals("snapshot_start") { readingStarts.append(place) }
        if operation.equals("snapshot_end") { readingEnds.append(place) }
    }

    private mutating func note(_ types: Column, _ keys: Column, _ row: Int, _ place: SourcePlace) {
        if key == nil, !keys.isNull(row) { key = JSONNames.list(keys.bytes(row)) }
        guard !types.isNull(row) else { return }
        let document = types.bytes(row).array
        if let known = self.types[document] {
            if place < known { self.types[document] = place }
        } else if self.types.count < Self.maximumTypesCount {
            self.types[document] = place
        }
    }
}
