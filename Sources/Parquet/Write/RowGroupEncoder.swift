public import Columns
public import Event

/// What the row groups of one thread share: compression contexts and scratch memory.
public final class ParquetWorkspace {
    let scratch: EncoderScratch

    /// A workspace for row groups of this codec and level. Throws `codec.library` if there is no memory.
    public init(codec: ParquetCodec, level: Int? = nil) throws(Failure) {
        scratch = EncoderScratch(try PageCompressor(codec, level: level))
    }
}

/// One row group in memory: rows of batches go in, a finished group goes into a `ParquetFile`.
///
///     taking -- finish --> finished -- (ParquetFile.append) removeAll --> taking
///
/// Invariants: all columns have the same number of rows; memory is what is compressed, a page and a dictionary
/// of each column; what comes out depends on the rows and the options alone, but for whether a dictionary is
/// tried (see `ColumnEncoder`). One thread at a time; nothing is allocated per row.
public final class RowGroupEncoder {
    private let workspace: ParquetWorkspace
    private let options: ParquetOptions
    let leaves: [Leaf]
    /// One for each leaf.
    let columns: [ColumnEncoder]
    /// The leaves of each of the table's columns.
    private let places: [Range<Int>]
    /// Rows taken since the last `removeAll`.
    public private(set) var rowCount = 0
    private var isFinished = false

    /// An empty row group for columns of these names and shapes. The workspace has the options' codec.
    public init(
        columns: [(name: String, shape: ColumnShape)], options: ParquetOptions, workspace: ParquetWorkspace
    ) {
        precondition(workspace.scratch.compressor.codec == options.codec, "workspace of another codec")
        self.workspace = workspace
        self.options = options
        leaves = Leaf.all(columns, usesInt96: options.usesInt96)
        self.columns = leaves.map { ColumnEncoder($0, options) }
        var end = 0
        places = columns.map { column in
            end += column.shape.leafCount
            return end - column.shape.leafCount..<end
        }
    }

    /// Bytes of values so far, before encoding.
    public var rawByteCount: Int { columns.reduce(0) { $0 + $1.rawByteCount } }

    /// Bytes of memory that the rows so far take.
    public var heldByteCount: Int { columns.reduce(0) { $0 + $1.heldByteCount } }

    /// Whether the group is as large as it should become.
    public var isFull: Bool {
        rowCount >= options.rowGroupRowCount || rawByteCount >= options.rowGroupByteCount
    }

    /// Takes all rows of a batch with the same columns. Throws `sink.value_too_long`, `codec.library`.
    public func append(_ rows: RowBatch) throws(Failure) {
        try unsafe Self.withIdentity(rows.rowCount) { identity throws(Failure) in
            try unsafe append(rows, RowSelection(rows: identity, count: rows.rowCount, isContiguous: true))
        }
    }

    /// Takes some rows of a batch, ascending. Throws as `append` does.
    public func append(_ rows: RowBatch, selected: [Int32]) throws(Failure) {
        guard let first = selected.first, let last = selected.last else { return }
        precondition(first >= 0 && Int(last) < rows.rowCount, "rows outside batch")
        let isContiguous = Int(last - first) == selected.count - 1
        var failure: Failure?
        unsafe selected.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            let selection = unsafe RowSelection(rows: base, count: buffer.count, isContiguous: isContiguous)
            do throws(Failure) { try append(rows, selection) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private func append(_ rows: RowBatch, _ selection: RowSelection) throws(Failure) {
        precondition(!isFinished && rows.columns.count == places.count, "rows of another table")
        for (index, place) in places.enumerated() {
            for leaf in place {
                if columns[leaf].leaf.isFlat {
                    try columns[leaf].append(rows.columns[index], selection, workspace.scratch)
                } else {
                    try columns[leaf].append(nested: rows.columns[index], selection, workspace.scratch)
                }
            }
        }
        rowCount += selection.count
    }

    private static func withIdentity(
        _ count: Int, _ body: (UnsafePointer<Int32>) throws(Failure) -> Void
    ) throws(Failure) {
        guard count > 0 else { return }
        let rows = UnsafeMutablePointer<Int32>.allocate(capacity: count)
        defer { unsafe rows.deallocate() }
        for row in 0..<count { unsafe rows[row] = Int32(truncatingIfNeeded: row) }
        try unsafe body(rows)
    }

    /// Encodes what is left. Only `ParquetFile.append` and `removeAll` may follow.
    public func finish() throws(Failure) {
        guard !isFinished else { return }
        for column in columns { try column.finishChunk(workspace.scratch) }
        isFinished = true
    }

    /// Forgets the rows and begins anew.
    public func removeAll() {
        for column in columns { column.begin() }
        rowCount = 0
        isFinished = false
    }
}
