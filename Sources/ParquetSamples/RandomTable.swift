public import Columns
public import Event
public import Parquet
internal import Platform

/// A table of random shape and content, the same for every run of a seed: for tests of writer and reader, and
/// for other readers.
public struct RandomTable {
    let batches: [RowBatch]
    /// Names and shapes of the columns.
    public let shapes: [(name: String, shape: ColumnShape)]
    /// How the file is written.
    public let options: ParquetOptions
    /// Rows of all batches.
    public private(set) var rowCount = 0

    enum Style: CaseIterable { case constant, few, unique, rising, extreme, runs }

    /// The table of a seed. Its column names are such as every reader must bear; or plain ones for Hive, which does
    /// not bear blanks, and a time in the last column, so that a route can write such a table.
    /// `isSmall`: of few rows and columns, so that many tables can be compared.
    public init(seed: UInt64, hasPlainNames: Bool = false, isSmall: Bool = false) {
        var generator = SeededGenerator(seed: seed)
        var options = ParquetOptions()
        options.codec = ParquetCodec.allCases.randomElement(using: &generator) ?? .zstd
        options.pageRowCount = [1, 7, 64, 1_000, 20_000].randomElement(using: &generator) ?? 1
        options.pageByteCount = [1, 100, 10_000, 1 << 20].randomElement(using: &generator) ?? 1
        options.dictionaryByteCount = [0, 10, 1_000, 1 << 20].randomElement(using: &generator) ?? 0
        options.boundByteCount = [8, 16, 64].randomElement(using: &generator) ?? 64
        options.usesInt96 = Int.random(in: 0..<8, using: &generator) == 0
        options.usesDelta = Bool.random(using: &generator)
        options.usesPages2 = Int.random(in: 0..<3, using: &generator) == 0
        options.rowGroupRowCount = [1, 500, 1 << 20].randomElement(using: &generator) ?? 1
        options.metadata = [("seed", "\(seed)")]
        var shapes: [(name: String, shape: ColumnShape)] = []
        for index in 0..<Int.random(in: 1...(isSmall ? 5 : 12), using: &generator) {
            let shape = Self.shape(depth: 0, &generator)
            shapes.append((hasPlainNames ? "c\(index)" : "c\(index) \(shape.type.rawValue) é", shape))
        }
        if hasPlainNames { shapes.append(("t", ColumnShape(.timestamp))) }
        if Int.random(in: 0..<3, using: &generator) == 0 { options.bloomColumns = Set(shapes.map(\.name)) }
        let totals = isSmall ? [0, 1, 2, 5, 9, 20, 60] : [0, 1, 2, 9, 100, 1_000, 3_000]
        let total = totals.randomElement(using: &generator) ?? 1
        let batchCount = total == 0 ? 1 : Int.random(in: 1...3, using: &generator)
        var batches: [RowBatch] = []
        for index in 0..<batchCount {
            let rows = RowBatch(shapes: shapes)
            let group = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
            let count = total * (index + 1) / batchCount - total * index / batchCount
            for column in rows.columns {
                Self.fill(column, count, isInt96: options.usesInt96, &generator)
            }
            for _ in 0..<count { rows.commitRow(event: 0, group: group) }
            batches.append(rows)
            rowCount += count
        }
        self.batches = batches
        self.shapes = shapes
        self.options = options
    }

    private static func fill(_ column: Column, _ count: Int, isInt96: Bool, _ generator: inout SeededGenerator) {
        var values = RandomValues(column, isInt96: isInt96, isKey: false, &generator)
        for _ in 0..<count { values.append(&generator) }
    }

    static func append(
        _ value: Int64, to column: Column, isInt96: Bool, _ generator: inout SeededGenerator
    ) {
        switch column.type {
        case .boolean: column.append(value & 1)
        case .int32: column.append(Int64(Int32(truncatingIfNeeded: value ^ value >> 32)))
        case .int64: column.append(value)
        // Years -5000 to 9000 or so, which every reader can compute with.
        case .date: column.append(value % 2_500_000)
        case .timestamp:
            // INT96 readers count nanoseconds in 64 bits.
            column.append(isInt96 ? value % 7_000_000_000_000_000 : value % 200_000_000_000_000_000)
        case .double:
            let special: [Double] = [0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude]
            column.append(
                (value % 10).magnitude == 3 ? special.randomElement(using: &generator) ?? 0 : Double(value) / 7)
        case .decimal:
            let limit = DecimalText.power(column.shape.precision)
            let wide = (Int128(value) << 64 | Int128(UInt64(bitPattern: value) &* 0x9E37_79B9_7F4A_7C15)) % limit
            column.append(decimal: value.magnitude < 1_000_000 ? Int128(value) % limit : wide)
        case .string, .bytes, .json: append(text: value, to: column, &generator)
        case .list, .map, .structure: break
        }
    }

    private static func append(text value: Int64, to column: Column, _ generator: inout SeededGenerator) {
        var bytes = Array("\(value)".utf8)
        switch value % 7 {
        case 0: bytes = []
        case 1: bytes += Array(String(repeating: "é😀", count: Int(value.magnitude % 40)).utf8)
        case 2: bytes = Array(String(repeating: "prefix that is long ", count: 5).utf8) + bytes
        case 3: bytes = Array(String(repeating: "\u{7F}", count: Int(value.magnitude % 70)).utf8)
        default: break
        }
        if column.type == .bytes {
            let count = Int(value.magnitude % 5)
            for _ in 0..<count { bytes.append(value % 3 == 0 ? 0xFF : UInt8.random(in: 0...255, using: &generator)) }
            if value % 5 == 0 { bytes = [UInt8](repeating: 0xFF, count: Int(value.magnitude % 80)) }
        }
        if column.type == .json { bytes = [0x22] + bytes + [0x22] }
        unsafe bytes.withUnsafeBytes { column.append(unsafe ByteView($0)) }
    }

    /// The file; every other batch goes in by odd and even rows.
    public func file() throws(Failure) -> [UInt8] {
        let parquet = ParquetFile(columns: shapes, options: options)
        let group = RowGroupEncoder(
            columns: shapes, options: options,
            workspace: try ParquetWorkspace(codec: options.codec, level: options.level))
        var bytes: [UInt8] = []
        for (rows, order) in orders {
            let middle = order.count / 2
            for part in [order[..<middle], order[middle...]] {
                try group.append(rows, selected: Array(part))
                if group.isFull {
                    try unsafe parquet.append(group) { unsafe bytes.append(contentsOf: $0) }
                    group.removeAll()
                }
            }
        }
        try unsafe parquet.append(group) { unsafe bytes.append(contentsOf: $0) }
        try unsafe parquet.finish { unsafe bytes.append(contentsOf: $0) }
        return bytes
    }

    /// What is wrong with the rows that our reader finds in a file of this table; nil: nothing.
    public func difference(reading bytes: [UInt8]) throws(Failure) -> String? {
        let reader = try ParquetReader(ParquetBytes(bytes))
        guard reader.rowCount == rowCount, reader.columns.elementsEqual(shapes, by: { $0 == $1 }) else {
            return "\(reader.rowCount) rows of \(reader.columns), not \(rowCount) of \(shapes)"
        }
        let order = orders.flatMap { rows, order in order.map { (rows, Int($0)) } }
        var at = 0
        while try reader.next() {
            for row in 0..<reader.rows.rowCount {
                guard at < order.count else { return "more than \(order.count) rows" }
                let (rows, place) = order[at]
                for (found, wanted) in zip(reader.rows.columns, rows.columns) {
                    let (left, right) = (Self.text(found, row), Self.text(wanted, place))
                    guard left == right else { return "\(wanted.name)[\(at)] is \(left), not \(right)" }
                }
                at += 1
            }
        }
        return at == order.count ? nil : "\(at) rows, not \(order.count)"
    }

    /// The rows of each batch in the order in which they are written.
    private var orders: [(RowBatch, [Int32])] {
        batches.enumerated().map { index, rows in
            let all = Array(0..<Int32(rows.rowCount))
            return (rows, index % 2 == 0 ? all : all.filter { $0 % 2 == 0 } + all.filter { $0 % 2 == 1 })
        }
    }

    /// The values as JSON: per column a list of texts, null for null. Bytes in hexadecimal, doubles as their
    /// bits, decimals unscaled; lists and structs as lists, maps as lists of pairs.
    public var expected: String {
        var columns: [String] = []
        for index in shapes.indices {
            var values: [String] = []
            for (rows, order) in orders {
                for row in order { values.append(Self.text(rows.columns[index], Int(row))) }
            }
            columns.append(
                #"{"name":"\#(shapes[index].name)","type":"\#(shapes[index].shape.text)","values":["#
                    + values.joined(separator: ",") + "]}")
        }
        return #"{"rows":\#(rowCount),"int96":\#(options.usesInt96),"codec":"\#(options.codec)","columns":["#
            + columns.joined(separator: ",") + "]}"
    }

    static func text(_ column: Column, _ row: Int) -> String {
        if column.isNull(row) { return "null" }
        switch column.type {
        case .string, .bytes, .json:
            let digits = column.bytes(row).array.map { byte in
                let text = String(byte, radix: 16)
                return text.utf8.count == 1 ? "0" + text : text
            }
            return "\"" + digits.joined() + "\""
        case .decimal: return "\"\(column.decimal(row))\""
        case .double: return "\"\(UInt64(bitPattern: column.integer(row)))\""
        case .list, .map:
            let parts = column.range(row).map { element in
                let texts = column.children.map { text($0, element) }
                return texts.count == 1 ? texts[0] : "[\(texts[0]),\(texts[1])]"
            }
            return "[" + parts.joined(separator: ",") + "]"
        case .structure: return "[" + column.children.map { text($0, row) }.joined(separator: ",") + "]"
        default: return "\"\(column.integer(row))\""
        }
    }
}
