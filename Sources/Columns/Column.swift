public import Event

/// One typed column of a `RowBatch`: a handle that is valid as long as its batch.
///
/// - Fixed-width types keep one 64-bit word a row: boolean 0/1, int32 and int64 the number, double its
///   bits, date days since 1970-01-01, timestamp microseconds since the epoch.
/// - `decimal` keeps two words a row, low then high: the unscaled number (`value * 10^scale`) in two's complement.
/// - `string`, `json` and `bytes` keep offsets and bytes: row `r` is `bytes[words[r] ..< words[r + 1]]`.
/// - `list` and `map` keep offsets into columns of their own, `children`: row `r` is their rows
///   `words[r] ..< words[r + 1]`. A list has one child, the elements; a map two, keys and values.
/// - `struct` keeps no words; each field is a child with the same rows, null where the struct is.
/// - One validity bit a row, 1 where there is a value.
///
/// Trivial to copy (no reference counting). Memory belongs to the batch and only grows.
// Safety: `state` is allocated and freed by the RowBatch; rows are checked against `count`.
@safe public struct Column {
    @usableFromInline let state: UnsafeMutablePointer<ColumnState>

    init(name: String, shape: ColumnShape) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: ColumnState(name: name, shape: shape))
    }

    /// Frees the memory; only its batch does so.
    func destroy() {
        for child in children { child.destroy() }
        unsafe state.pointee.free()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    public var name: String { unsafe state.pointee.name }
    @inlinable public var type: ColumnType { unsafe state.pointee.type }
    /// The type with a decimal's digits.
    public var shape: ColumnShape { unsafe state.pointee.shape }
    /// Rows appended so far, the one under construction included.
    @inlinable public var count: Int { unsafe state.pointee.count }
    /// Whether values are bytes (`string`, `json`, `bytes`) and not words.
    @inlinable public var holdsBytes: Bool { unsafe state.pointee.holdsBytes }
    @inlinable var layout: ColumnLayout { unsafe state.pointee.layout }
    /// Bytes of all values; 0 for fixed-width columns; of nested ones what is in them, 8 bytes a word.
    @inlinable public var byteCount: Int { isNested ? nestedByteCount : unsafe state.pointee.byteCount }
    /// Whether the column has children.
    @inlinable public var isNested: Bool { layout == .list || layout == .group }
    /// The columns that a nested column's values lie in.
    public var children: [Column] { unsafe state.pointee.children }

    @inlinable
    public func isNull(_ row: Int) -> Bool {
        precondition(row >= 0 && row < count, "row outside column")
        return unsafe state.pointee.valid[row >> 6] >> UInt64(row & 63) & 1 == 0
    }

    /// The word of a fixed-width column; 0 where null.
    @inlinable
    public func integer(_ row: Int) -> Int64 {
        precondition(row >= 0 && row < count && layout == .word, "row outside column")
        return unsafe state.pointee.words[row]
    }

    /// The unscaled number of a decimal; 0 where null.
    @inlinable
    public func decimal(_ row: Int) -> Int128 {
        precondition(row >= 0 && row < count && layout == .wide, "row outside column")
        return unsafe Int128(state.pointee.words[2 &* row &+ 1]) << 64
            | Int128(UInt64(bitPattern: state.pointee.words[2 &* row]))
    }

    @inlinable
    public func double(_ row: Int) -> Double { Double(bitPattern: UInt64(bitPattern: integer(row))) }

    /// The bytes of a `string`, `json` or `bytes` value; empty where null. Valid until the batch changes.
    @inlinable
    public func bytes(_ row: Int) -> ByteView {
        precondition(row >= 0 && row < count && holdsBytes, "row outside column")
        let from = unsafe Int(state.pointee.words[row])
        let to = unsafe Int(state.pointee.words[row + 1])
        return unsafe ByteView(start: UnsafePointer(state.pointee.bytes + from), count: to - from)
    }

    @inlinable
    public func appendNull() {
        let row = unsafe state.pointee.makeRoom()
        unsafe state.pointee.valid[row >> 6] &= ~(1 << UInt64(row & 63))
        switch layout {
        case .word: unsafe state.pointee.words[row] = 0
        case .bytes: unsafe state.pointee.words[row + 1] = Int64(byteCount)
        case .wide:
            unsafe state.pointee.words[2 &* row] = 0
            unsafe state.pointee.words[2 &* row &+ 1] = 0
        case .list, .group: appendNestedNull(row)
        }
    }

    /// Appends the word of a fixed-width column.
    @inlinable
    public func append(_ word: Int64) {
        precondition(layout == .word, "word for a column of others")
        let row = unsafe state.pointee.makeRoom()
        unsafe state.pointee.valid[row >> 6] |= 1 << UInt64(row & 63)
        unsafe state.pointee.words[row] = word
    }

    @inlinable
    public func append(_ value: Double) { append(Int64(bitPattern: value.bitPattern)) }

    /// Appends a decimal's unscaled number.
    @inlinable
    public func append(decimal value: Int128) {
        precondition(layout == .wide, "decimal for a column of others")
        let row = unsafe state.pointee.makeRoom()
        unsafe state.pointee.valid[row >> 6] |= 1 << UInt64(row & 63)
        unsafe state.pointee.words[2 &* row] = Int64(truncatingIfNeeded: value)
        unsafe state.pointee.words[2 &* row &+ 1] = Int64(truncatingIfNeeded: value >> 64)
    }

    /// Appends a `string`, `json` or `bytes` value.
    @inlinable
    public func append(_ value: ByteView) {
        precondition(holdsBytes, "bytes for a column of words")
        let row = unsafe state.pointee.makeRoom()
        unsafe state.pointee.valid[row >> 6] |= 1 << UInt64(row & 63)
        unsafe state.pointee.add(value)
        unsafe state.pointee.words[row + 1] = Int64(state.pointee.byteCount)
    }

    /// Forgets the rows from `rowCount` on.
    @inlinable
    public func truncate(to rowCount: Int) {
        precondition(rowCount >= 0, "negative row count")
        if isNested { truncateChildren(to: rowCount) }
        guard rowCount < count else { return }
        unsafe state.pointee.count = rowCount
        if holdsBytes { unsafe state.pointee.byteCount = Int(state.pointee.words[rowCount]) }
    }

    /// The memory behind the column, for an encoder: `words` (see above; `count + 1` of them for bytes), one
    /// validity bit a row, and the bytes. Valid until the batch changes; none of it may be written.
    @inlinable @unsafe
    public var memory: (words: UnsafePointer<Int64>, valid: UnsafePointer<UInt64>, bytes: UnsafePointer<UInt8>) {
        unsafe (
            UnsafePointer(state.pointee.words), UnsafePointer(state.pointee.valid), UnsafePointer(state.pointee.bytes)
        )
    }
}

/// How a column keeps its values.
@usableFromInline
enum ColumnLayout: UInt8 {
    case word, wide, bytes, list, group

    init(_ type: ColumnType) {
        switch type {
        case .string, .json, .bytes: self = .bytes
        case .decimal: self = .wide
        case .list, .map: self = .list
        case .structure: self = .group
        case .boolean, .int32, .int64, .double, .date, .timestamp: self = .word
        }
    }
}

/// The memory of a column.
// Safety: `words` has capacity + 1 entries (twice capacity for wide ones), `valid` one bit for each of capacity,
// `bytes` byteCapacity + slack.
@usableFromInline
@safe struct ColumnState {
    let name: String
    let shape: ColumnShape
    let children: [Column]
    @usableFromInline let type: ColumnType
    @usableFromInline let layout: ColumnLayout
    @usableFromInline let holdsBytes: Bool
    @usableFromInline var count = 0
    @usableFromInline var byteCount = 0
    @usableFromInline var capacity: Int
    @usableFromInline var byteCapacity: Int
    @usableFromInline var words: UnsafeMutablePointer<Int64>
    @usableFromInline var valid: UnsafeMutablePointer<UInt64>
    @usableFromInline var bytes: UnsafeMutablePointer<UInt8>

    /// Rows a column starts with: 1,024 rows are 8 KiB of words.
    static let firstCapacity = 1_024
    /// Bytes a column of bytes starts with.
    static let firstByteCapacity = 16_384
    /// Writable bytes behind the capacity, so that short values are copied in whole blocks.
    @usableFromInline static var slack: Int { 32 }

    init(name: String, shape: ColumnShape) {
        self.name = name
        self.shape = shape
        children = shape.fields.map { Column(name: $0.name, shape: $0.shape) }
        type = shape.type
        layout = ColumnLayout(shape.type)
        holdsBytes = layout == .bytes
        capacity = Self.firstCapacity
        byteCapacity = layout == .bytes ? Self.firstByteCapacity : 0
        unsafe words = .allocate(capacity: Self.wordCount(layout, capacity))
        unsafe words.initialize(repeating: 0, count: Self.wordCount(layout, capacity))
        unsafe valid = .allocate(capacity: Self.firstCapacity / 64)
        unsafe valid.initialize(repeating: 0, count: Self.firstCapacity / 64)
        unsafe bytes = .allocate(capacity: byteCapacity + Self.slack)
        unsafe bytes.initialize(repeating: 0, count: byteCapacity + Self.slack)
    }

    private static func wordCount(_ layout: ColumnLayout, _ capacity: Int) -> Int {
        layout == .wide ? 2 * capacity : (layout == .group ? 1 : capacity + 1)
    }

    func free() {
        unsafe words.deallocate()
        unsafe valid.deallocate()
        unsafe bytes.deallocate()
    }

    /// Takes the next row and returns its index.
    @inlinable
    mutating func makeRoom() -> Int {
        let row = count
        if row == capacity { growRows() }
        count = row &+ 1
        return row
    }

    /// Copies a value behind the last one.
    @inlinable
    mutating func add(_ value: ByteView) {
        let end = byteCount + value.count
        if end > byteCapacity { growBytes(end) }
        let target = unsafe UnsafeMutableRawPointer(bytes + byteCount)
        let source = unsafe UnsafeRawPointer(value.start)
        let size = value.count
        // Why: most values are short; two overlapping blocks cost less than a call of memcpy.
        if size >= 8 && size <= 16 {
            let head = unsafe source.loadUnaligned(as: UInt64.self)
            let tail = unsafe source.loadUnaligned(fromByteOffset: size - 8, as: UInt64.self)
            unsafe target.storeBytes(of: head, as: UInt64.self)
            unsafe target.storeBytes(of: tail, toByteOffset: size - 8, as: UInt64.self)
        } else if size < 8 {
            var index = 0
            while index < size {
                let byte = unsafe source.load(fromByteOffset: index, as: UInt8.self)
                unsafe target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
                index &+= 1
            }
        } else {
            unsafe target.copyMemory(from: source, byteCount: size)
        }
        byteCount = end
    }

    @usableFromInline
    mutating func growRows() {
        let grown = capacity * 2
        let wordCount = Self.wordCount(layout, grown)
        let freshWords = UnsafeMutablePointer<Int64>.allocate(capacity: wordCount)
        unsafe freshWords.initialize(repeating: 0, count: wordCount)
        unsafe freshWords.update(from: words, count: Self.wordCount(layout, capacity))
        let freshValid = UnsafeMutablePointer<UInt64>.allocate(capacity: grown / 64)
        unsafe freshValid.initialize(repeating: 0, count: grown / 64)
        unsafe freshValid.update(from: valid, count: capacity / 64)
        unsafe words.deallocate()
        unsafe valid.deallocate()
        unsafe words = freshWords
        unsafe valid = freshValid
        capacity = grown
    }

    @usableFromInline
    mutating func growBytes(_ needed: Int) {
        let grown = max(needed, byteCapacity * 2)
        let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: grown + Self.slack)
        unsafe fresh.initialize(repeating: 0, count: grown + Self.slack)
        unsafe fresh.update(from: bytes, count: byteCount)
        unsafe bytes.deallocate()
        unsafe bytes = fresh
        byteCapacity = grown
    }
}
