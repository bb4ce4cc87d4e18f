/// Which rows of a batch go into a row group, in order.
// Safety: `rows` has `count` entries and is valid for the call that is given the selection.
@safe struct RowSelection {
    let rows: UnsafePointer<Int32>
    let count: Int
    /// Whether the rows follow each other without a gap.
    let isContiguous: Bool
}

/// What encoders need for a moment, shared by all columns of a thread.
// Safety: both arrays have `stepRowCount` entries.
@safe final class EncoderScratch {
    /// Rows encoded in one step: their row numbers stay in the nearest cache.
    static let stepRowCount = 2_048
    /// Memory that is kept between pages: a page and what compression may add.
    static let maximumKeptByteCount = 4 << 20

    let rows: UnsafeMutablePointer<Int32>
    let wide: UnsafeMutablePointer<Int128>
    /// Of a nested column: rows of the innermost column that have values (Int32), and levels on their way (UInt32).
    var places = ByteBuffer()
    var wideLevels = ByteBuffer()
    var payload = ByteBuffer()
    var compressed = ByteBuffer()
    var header = ThriftOutput()
    let compressor: PageCompressor

    init(_ compressor: PageCompressor) {
        self.compressor = compressor
        unsafe rows = .allocate(capacity: Self.stepRowCount)
        unsafe wide = .allocate(capacity: Self.stepRowCount)
    }

    deinit {
        unsafe rows.deallocate()
        unsafe wide.deallocate()
    }
}
