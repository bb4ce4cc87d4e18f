import Columns
import Event
import Parquet
import Platform
import Schema
import Sinks
@testable import Replay

/// A value of a test row.
enum Value: Hashable, Comparable {
    case null, word(Int64), text(String)

    func append(to column: Column) {
        switch self {
        case .null: column.appendNull()
        case .word(let word): column.type == .decimal ? column.append(decimal: Int128(word)) : column.append(word)
        case .text(let text):
            let bytes = Array(text.utf8)
            unsafe bytes.withUnsafeBytes { column.append(unsafe ByteView($0)) }
        }
    }

    init(_ column: Column, _ row: Int) {
        if column.isNull(row) {
            self = .null
        } else if column.holdsBytes {
            self = .text(column.bytes(row).text)
        } else {
            self = .word(column.type == .decimal ? Int64(column.decimal(row)) : column.integer(row))
        }
    }
}

typealias Row = [Value]

func precedes(_ left: Row, _ right: Row) -> Bool { left.lexicographicallyPrecedes(right) }

/// A folder that goes with the test.
final class ScratchFolder {
    let path: String

    init() throws {
        path = "/tmp/millrace-replay-" + Token.make()
        try DurableFile.makeFolders(path)
    }

    func folder(_ name: String) throws -> String {
        try DurableFile.makeFolders(path + "/" + name)
        return path + "/" + name
    }

    deinit { Self.remove(path) }

    static func remove(_ path: String) {
        if let names = try? Syscalls.list(path) {
            for name in names { remove(path + "/" + name) }
            try? Syscalls.removeDirectory(path)
        } else {
            try? Syscalls.unlink(path)
        }
    }
}

/// The rows of a state's files.
func rows(of files: [StateFile], in folder: String) throws -> [Row] {
    var rows: [Row] = []
    for file in files {
        let reader = try ParquetReader(LocalParquet(folder + "/" + file.name))
        while try reader.next() {
            for row in 0..<reader.rows.rowCount { rows.append(reader.rows.columns.map { Value($0, row) }) }
        }
    }
    return rows
}

extension ChangeSorter {
    /// Takes a change of a test row.
    func append(
        _ kind: ChangeKind, _ row: Row, at place: SourcePlace, before: Row? = nil, layout: TableLayout
    ) throws {
        let batch = RowBatch(shapes: layout.shapes)
        for (value, column) in zip(row, batch.columns) { value.append(to: column) }
        var head = ChangeHead(kind: kind, place: place)
        if let before {
            for (value, column) in zip(before, batch.columns) { value.append(to: column) }
            let bytes = ByteStore()
            RowCoding(layout).appendRow(batch, 1, to: bytes)
            head.before = withExtendedLifetime(bytes) { bytes.all.digest }
        }
        try append(head, rows: batch, 0)
    }
}
