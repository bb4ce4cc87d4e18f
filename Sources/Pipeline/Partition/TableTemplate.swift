internal import Columns
internal import Event

/// The table name of a route: fixed, or with `{database}` and `{table}` replaced by what a change names.
///
/// A name from a record becomes a part of one folder name. It is escaped as Hive does, `%XX`, but for more
/// bytes: everything that is not a letter, digit, `_`, `-` or above ASCII, `%` itself, and a `_` at its
/// start (readers skip folders that begin with `_` or `.`). So two names never give one folder, and none
/// leaves the warehouse.
struct TableTemplate: Sendable {
    /// Longest part of a table's name, so that it is a folder name (255) with room for a suffix.
    static let maximumPartByteCount = 200

    enum Piece: Sendable, Equatable {
        case text([UInt8])
        case database, table
    }
    let pieces: [Piece]
    /// The name, if it does not depend on the record.
    let fixed: String?
    var isFixed: Bool { fixed != nil }
    var needsDatabase: Bool { pieces.contains(.database) }
    var needsTable: Bool { pieces.contains(.table) }

    init(_ spec: RouteSpec) throws(Failure) {
        let parts = spec.table.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw RoutePlan.failure(spec, nil, "is not of the form db.table", hint: "for example shop.access_log")
        }
        var pieces: [Piece] = []
        for (index, part) in parts.enumerated() {
            if index == 1 { pieces.append(.text([UInt8(ascii: ".")])) }
            pieces += try Self.pieces(of: part, spec)
        }
        self.pieces = pieces
        fixed = pieces.contains(.database) || pieces.contains(.table) ? nil : spec.table
        guard fixed != nil || spec.format == .maxwell else {
            throw RoutePlan.failure(
                spec, nil, "has a name with {database} or {table}, which only change records know",
                hint: "write the table's name, or use format maxwell")
        }
    }

    private static func pieces(of part: Substring, _ spec: RouteSpec) throws(Failure) -> [Piece] {
        var pieces: [Piece] = []
        var rest = part[...]
        var hasPlaceholder = false
        while !rest.isEmpty {
            let isDatabase = rest.hasPrefix("{database}")
            if isDatabase || rest.hasPrefix("{table}") {
                let piece = isDatabase ? Piece.database : .table
                guard !hasPlaceholder else {
                    throw RoutePlan.failure(
                        spec, nil, "names database and table in one part: two tables could share a folder",
                        hint: "one placeholder on either side of the dot, such as {database}.{table}_changes")
                }
                hasPlaceholder = true
                pieces.append(piece)
                rest = rest.dropFirst(piece == .database ? 10 : 7)
            } else {
                let text = Array(rest.prefix { $0 != "{" }.utf8)
                let isPlain = text.allSatisfy { byte in
                    (byte | 0x20) &- 97 < 26 || byte &- 48 < 10 || byte == UInt8(ascii: "_")
                        || byte == UInt8(ascii: "-")
                }
                guard !text.isEmpty, isPlain, !pieces.isEmpty || text.first != UInt8(ascii: "_") else {
                    throw RoutePlan.failure(
                        spec, nil, "has a name that cannot be a folder",
                        hint: "letters, digits, '_' and '-', no '_' at the start, {database} and {table}")
                }
                pieces.append(.text(text))
                rest = rest.dropFirst(text.count)
            }
        }
        var byteCount = 0
        for case .text(let text) in pieces { byteCount += text.count }
        let limit = hasPlaceholder ? maximumPartByteCount / 2 : maximumPartByteCount
        guard !pieces.isEmpty, byteCount <= limit else {
            throw RoutePlan.failure(spec, nil, "has a name with an empty or over-long part")
        }
        return pieces
    }

    /// The name for a record, or nil if what it names cannot be a folder. Once per table, not per row.
    func name(database: ByteView, table: ByteView) -> String? {
        var bytes: [UInt8] = []
        var partStart = 0
        for piece in pieces {
            switch piece {
            case .text(let text):
                if text == [UInt8(ascii: ".")] {
                    guard bytes.count - partStart <= Self.maximumPartByteCount else { return nil }
                    bytes += text
                    partStart = bytes.count
                } else {
                    bytes += text
                }
            case .database:
                guard Self.appendEscaped(database, to: &bytes) else { return nil }
            case .table:
                guard Self.appendEscaped(table, to: &bytes) else { return nil }
            }
        }
        guard bytes.count - partStart <= Self.maximumPartByteCount else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends a name escaped; false for `.`, `..` and names that are empty or too long to be worth escaping.
    private static func appendEscaped(_ name: ByteView, to bytes: inout [UInt8]) -> Bool {
        guard !name.isEmpty, name.count <= maximumPartByteCount, !name.equals("."), !name.equals("..")
        else { return false }
        for index in 0..<name.count {
            let byte = name[index]
            let isPlain =
                (byte | 0x20) &- 97 < 26 || byte &- 48 < 10 || byte >= 0x80 || byte == UInt8(ascii: "-")
                || (byte == UInt8(ascii: "_") && index > 0)
            if isPlain {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(hexadecimal(byte >> 4))
                bytes.append(hexadecimal(byte & 15))
            }
        }
        return true
    }

    private static func hexadecimal(_ value: UInt8) -> UInt8 { value < 10 ? 48 &+ value : 55 &+ value }
}
