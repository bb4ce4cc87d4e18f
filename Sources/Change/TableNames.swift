public import Columns
public import Event

/// Which tables of the warehouse a source's table becomes.
///
/// A name from a record becomes a part of one folder name. It is escaped as Hive does, `%XX`, but for more
/// bytes: everything that is not a letter, digit, `_`, `-` or above ASCII, `%` itself, a `_` at its start
/// (readers skip folders that begin with `_` or `.`), and the `_` of `_changes` at its end. Where a letter with its
/// mark is written as two, bytes above ASCII are escaped too: what is not in Unicode's normal form C, for others and
/// for a `String`, is the same name as what is. So two names never give one folder, no table lies in another's change
/// log, and none leaves the warehouse.
public struct TableNames: Sendable {
    /// Longest part of a table's name, so that it is a folder name (255) with room for a suffix.
    public static let maximumPartByteCount = 200

    enum Piece: Sendable, Equatable {
        case text([UInt8])
        case database, table
    }
    private let database: [Piece]
    private let table: [Piece]

    /// Takes a sync's `table`. Throws `config` failures.
    public init(_ spec: SyncSpec) throws(Failure) {
        let parts = spec.table.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw Self.failure(spec, "is not of the form db.table") }
        database = try Self.pieces(of: parts[0], spec)
        table = try Self.pieces(of: parts[1], spec)
        guard database.contains(.table) || table.contains(.table) else {
            throw Self.failure(spec, "lacks {table}: all tables would be one")
        }
    }

    /// `db.table` of a table's state, or nil if what the source says cannot be a folder.
    public func state(database name: ByteView, table source: ByteView) -> String? { text(name, source, suffix: "") }

    /// `db.table_changes` of a table's change log, or nil.
    public func changes(database name: ByteView, table source: ByteView) -> String? {
        text(name, source, suffix: ChangeLog.suffix)
    }

    private func text(_ name: ByteView, _ source: ByteView, suffix: String) -> String? {
        guard let plain = text(name, source, suffix: suffix, isASCII: false) else { return nil }
        var span = plain.utf8Span
        if span.isKnownASCII || span.checkForNFC(quickCheck: false) { return plain }
        return text(name, source, suffix: suffix, isASCII: true)
    }

    private func text(_ name: ByteView, _ source: ByteView, suffix: String, isASCII: Bool) -> String? {
        var bytes: [UInt8] = []
        guard Self.append(database, name, source, isASCII, to: &bytes) else { return nil }
        bytes.append(UInt8(ascii: "."))
        guard Self.append(table, name, source, isASCII, to: &bytes) else { return nil }
        return String(decoding: bytes, as: UTF8.self) + suffix
    }

    private static func append(
        _ pieces: [Piece], _ database: ByteView, _ table: ByteView, _ isASCII: Bool, to bytes: inout [UInt8]
    ) -> Bool {
        let start = bytes.count
        for piece in pieces {
            switch piece {
            case .text(let text): bytes += text
            case .database: guard appendEscaped(database, isASCII, to: &bytes) else { return false }
            case .table: guard appendEscaped(table, isASCII, to: &bytes) else { return false }
            }
        }
        return bytes.count - start <= maximumPartByteCount
    }

    /// Appends a name escaped, as ASCII if wanted. False for `.`, `..` and names that are empty or too long.
    private static func appendEscaped(_ name: ByteView, _ isASCII: Bool, to bytes: inout [UInt8]) -> Bool {
        guard !name.isEmpty, name.count <= maximumPartByteCount, !name.equals("."), !name.equals("..")
        else { return false }
        let mark = endMark(of: name)
        for index in 0..<name.count {
            let byte = name[index]
            let isPlain =
                (byte | 0x20) &- 97 < 26 || byte &- 48 < 10 || (byte >= 0x80 && !isASCII)
                || byte == UInt8(ascii: "-") || (byte == UInt8(ascii: "_") && index > 0 && index != mark)
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

    /// Where `_changes` begins at the name's end, in any case of letters; -1: nowhere.
    private static func endMark(of name: ByteView) -> Int {
        let suffix = Array(ChangeLog.suffix.utf8)
        let start = name.count - suffix.count
        guard start >= 0 else { return -1 }
        // Why `| 0x20`: it leaves no doubt for letters, and `_` and DEL are told apart by the escaping itself.
        for index in suffix.indices where name[start + index] | 0x20 != suffix[index] | 0x20 { return -1 }
        return name[start] == suffix[0] ? start : -1
    }

    private static func hexadecimal(_ value: UInt8) -> UInt8 { value < 10 ? 48 &+ value : 55 &+ value }

    private static func pieces(of part: Substring, _ spec: SyncSpec) throws(Failure) -> [Piece] {
        var pieces: [Piece] = []
        var rest = part[...]
        var byteCount = 0
        while !rest.isEmpty {
            if let piece = placeholder(rest) {
                guard !pieces.contains(where: { $0 == .database || $0 == .table }) else {
                    throw failure(spec, "names database and table in one part: two tables could share a folder")
                }
                pieces.append(piece)
                rest = rest.dropFirst(piece == .database ? 10 : 7)
            } else {
                let text = Array(rest.prefix { $0 != "{" }.utf8)
                let isPlain = text.allSatisfy { byte in
                    (byte | 0x20) &- 97 < 26 || byte &- 48 < 10 || byte == UInt8(ascii: "_")
                        || byte == UInt8(ascii: "-")
                }
                guard !text.isEmpty, isPlain, !pieces.isEmpty || text.first != UInt8(ascii: "_") else {
                    throw failure(spec, "cannot be a folder")
                }
                pieces.append(.text(text))
                byteCount += text.count
                rest = rest.dropFirst(text.count)
            }
        }
        guard !pieces.isEmpty, byteCount <= maximumPartByteCount / 2 else {
            throw failure(spec, "has an empty or over-long part")
        }
        return pieces
    }

    private static func placeholder(_ text: Substring) -> Piece? {
        text.hasPrefix("{database}") ? .database : text.hasPrefix("{table}") ? .table : nil
    }

    private static func failure(_ spec: SyncSpec, _ message: String) -> Failure {
        Failure(
            "config.bad_sync", stage: .configuration, kind: .config,
            "the table \"\(spec.table)\" of sync \(spec.name) \(message)",
            hint: "letters, digits, '_' and '-', no '_' at the start, one of {database} and {table} on either side "
                + "of the dot, such as {database}.{table}")
    }
}
