internal import Columns
internal import Event
internal import Parquet
internal import ParquetSamples
internal import Pipeline
internal import Platform

/// `parquet-random FOLDER FIRST COUNT [plain|small]`: files of random tables, and what they hold as
/// JSON, for other readers.
func writeRandomTables(_ words: [String]) throws -> Int32 {
    guard words.count >= 5, let first = UInt64(words[3]), let count = UInt64(words[4]) else { return 64 }
    for seed in first..<first + count {
        let table = RandomTable(
            seed: seed, hasPlainNames: words.count > 5 && words[5] == "plain",
            isSmall: words.count > 5 && words[5] == "small")
        try Syscalls.open(words[2] + "/\(seed).parquet", .writeTruncate).writeAll(try table.file())
        try Syscalls.open(words[2] + "/\(seed).json", .writeTruncate).writeAll(Array(table.expected.utf8))
    }
    return 0
}

/// `parquet-roundtrip FIRST COUNT [small]`: random tables through writer and reader; then the same files damaged in
/// places, which the reader may refuse but must survive.
func roundTrip(_ words: [String]) throws -> Int32 {
    guard words.count >= 4, let first = UInt64(words[2]), let count = UInt64(words[3]) else { return 64 }
    var refused = 0
    var faults = 0
    for seed in first..<first + count {
        let table = RandomTable(seed: seed, isSmall: words.count > 4)
        var bytes = try table.file()
        if let fault = try table.difference(reading: bytes) {
            faults += 1
            _ = StandardStreams.writeOutput(Array("seed \(seed): \(fault)\n".utf8))
        }
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<Int.random(in: 1...8, using: &generator) {
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
        }
        if Int.random(in: 0..<8, using: &generator) == 0 {
            bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
        }
        do throws(Failure) { _ = try table.difference(reading: bytes) } catch { refused += 1 }
    }
    _ = StandardStreams.writeOutput(
        Array("\(count) tables, \(faults) wrong; \(refused) of as many damaged files refused\n".utf8))
    return faults == 0 ? 0 : 1
}

/// `parquet FORMAT|CONFIG#TABLE FILE OUT [ROUNDS [CODEC [LEVEL [delta|plain [DICTIONARY]]]]]`: lines to Parquet on one
/// core, reading and cutting the file included.
func writeParquet(_ words: [String]) throws -> Int32 {
    guard words.count >= 5, let spec = try benchRoute(words[2]) else { return 64 }
    var options = ParquetOptions()
    if words.count > 6 { options.codec = ParquetCodec(rawValue: words[6]) ?? .zstd }
    if words.count > 7 { options.level = Int(words[7]) }
    if words.count > 8 { options.usesDelta = words[8] == "delta" }
    if words.count > 9 { options.dictionaryByteCount = (Int(words[9]) ?? 1_024) << 10 }
    let stage = try RouteStage(try RoutePlan(spec))
    let shapes = stage.plan.columns.map { (name: $0.name, shape: $0.shape) }
    let group = RowGroupEncoder(
        columns: shapes, options: options, workspace: try ParquetWorkspace(codec: options.codec, level: options.level))
    var lines = try LineBatches(words[3])
    let clock = SystemClock()
    for round in 0..<(words.count > 5 ? Int(words[5]) ?? 1 : 1) {
        let start = clock.monotonicNanoseconds()
        var (reading, parsing) = (Int64(0), Int64(0))
        let output = try Syscalls.open(words[4], .writeTruncate)
        let file = ParquetFile(columns: shapes, options: options)
        let write: (UnsafeRawBufferPointer) throws(Failure) -> Void = { buffer throws(Failure) in
            do { try unsafe output.writeAll(buffer) } catch {
                throw Failure("bench.write", stage: .sink, kind: .transient, "cannot write: \(error)")
            }
        }
        lines.rewind()
        while true {
            let begin = clock.monotonicNanoseconds()
            guard try lines.next() else { break }
            let cut = clock.monotonicNanoseconds()
            stage.process(lines.batch, events: lines.events)
            reading += cut - begin
            parsing += clock.monotonicNanoseconds() - cut
            try group.append(stage.rows)
            if group.isFull {
                try unsafe file.append(group, write: write)
                group.removeAll()
            }
        }
        try unsafe file.append(group, write: write)
        group.removeAll()
        try unsafe file.finish(write: write)
        let nanoseconds = max(1_000, clock.monotonicNanoseconds() - start)
        let rows = Int(file.rowCount)
        let perRow = { (nanoseconds: Int64) in Int(nanoseconds) / max(1, rows) }
        let perSecond = rows * 1_000_000 / Int(nanoseconds / 1_000)
        let writing = nanoseconds - parsing - reading
        say("round \(round): \(rows) of \(lines.lineCount) rows, \(perSecond) rows/s, read \(perRow(reading)), "
            + "parse \(perRow(parsing)), write \(perRow(writing)) ns/row, \(file.byteCount) bytes\n")
    }
    return 0
}

/// `parquet-large OUT COLUMNS ROWS BYTES`: so many string columns and rows of values of so many bytes: for tables
/// of ten thousand columns and for more than 2 GiB of text.
func writeLarge(_ words: [String]) throws -> Int32 {
    guard words.count == 6, let columnCount = Int(words[3]), let rowCount = Int(words[4]),
        let byteCount = Int(words[5]), columnCount <= RowBatch.maximumColumnCount
    else { return 64 }
    let shapes = (0..<columnCount).map { (name: "c\($0)", shape: ColumnShape($0 % 2 == 0 ? .string : .int64)) }
    var options = ParquetOptions()
    options.codec = .snappy
    let group = RowGroupEncoder(columns: shapes, options: options, workspace: try ParquetWorkspace(codec: .snappy))
    let file = ParquetFile(columns: shapes, options: options)
    let output = try Syscalls.open(words[2], .writeTruncate)
    let write: (UnsafeRawBufferPointer) throws(Failure) -> Void = { buffer throws(Failure) in
        do { try unsafe output.writeAll(buffer) } catch {
            throw Failure("bench.write", stage: .sink, kind: .transient, "cannot write: \(error)")
        }
    }
    let rows = RowBatch(shapes: shapes)
    var text = [UInt8](repeating: UInt8(ascii: "x"), count: byteCount)
    for row in 0..<rowCount {
        let place = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
        for (index, digit) in "\(row)".utf8.enumerated() where index < text.count { text[index] = digit }
        for column in rows.columns {
            if column.holdsBytes {
                unsafe text.withUnsafeBytes { column.append(unsafe ByteView($0)) }
            } else {
                column.append(Int64(row))
            }
        }
        rows.commitRow(event: 0, group: place)
        if rows.columns[0].byteCount > 1 << 20 || row + 1 == rowCount {
            try group.append(rows)
            rows.removeAll()
            if group.isFull {
                try unsafe file.append(group, write: write)
                group.removeAll()
            }
        }
    }
    try unsafe file.append(group, write: write)
    try unsafe file.finish(write: write)
    let line = "\(file.rowCount) rows, \(columnCount) columns, \(file.byteCount) bytes\n"
    _ = StandardStreams.writeOutput(Array(line.utf8))
    return 0
}
