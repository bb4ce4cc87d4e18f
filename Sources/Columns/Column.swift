public import Event

/// One typed column of a `RowBatch`: a handle that is valid as long as its batch.
///
/// - Fixed-width types keep one 64-bit word a row: boolean 0/1, int32 and int64 the number, double its
///   bits, date days since 1970-01-01, timestamp microseconds since the epoch.
/// - `string` and `json` keep offsets and bytes: row `r` is `bytes[words[r] ..< words[r + 1]]`.
/// - One validity bit a row, 1 where there is a value.
///
/// Trivial to copy (no reference counting). Memory belongs to the batch and only grows.
// Safety: `state` is allocated and freed by the RowBatch; rows are checked against `count`.
@safe public struct Column {
    @usableFromInline let state: UnsafeMutablePointer<ColumnState>

    init(name: String, type: ColumnType) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: ColumnState(name: name, type: type))
    }

    /// Frees the memory; only its batch does so.
    func destroy() {
        unsafe state.pointee.free()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    public var name: String { unsafe state.pointee.name }
    @inlinable public var type: ColumnType { unsafe state.pointee.type }
    /// Rows appended so far, the one under construction included.
    @inlinable public var count: Int { unsafe state.pointee.count }
    /// Whether values are bytes (`string`, `json`) and not words.
    @inlinable public var holdsBytes: Bool { unsafe state.pointee.holdsBytes }
    /// Bytes of all values; 0 for fixed-width columns.
    @inlinable public var byteCount: Int { unsafe state.pointee.byteCount }

    @inlinable
    public func isNull(_ row: Int) -> Bool {
        precondition(row >= 0 && row < count, "row outside column")
        return unsafe state.pointee.valid[row >> 6] >> UInt64(row & 63) & 1 == 0
    }

    /// The word of a fixed-width column; 0 where null.
    @inlinable
    public func integer(_ row: Int) -> Int64 {
        precondition(row >= 0 && row < count && !holdsBytes, "row outside column")
        return unsafe state.pointee.words[row]
    }

    @inlinable
    public func double(_ row: Int) -> Double { Double(bitPattern: UInt64(bitPattern: integer(row))) }

    /// The bytes of a `string` or `json` value; empty where null. Valid until the batch changes.
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
        unsafe state.pointee.words[holdsBytes ? row + 1 : row] = holdsBytes ? Int64(byteCount) : 0
    }

    /// Appends the word of a fixed-width column.
    @inlinable
    public func append(_ word: Int64) {
        precondition(!holdsBytes, "word for a column of bytes")
        let row = unsafe state.pointee.makeRoom()
        unsafe state.pointee.valid[row >> 6] |= 1 << UInt64(row & 63)
        unsafe state.pointee.words[row] = word
    }

    @inlinable
    public func append(_ value: Double) { append(Int64(bitPattern: value.bitPattern)) }

    /// Appends a `string` or `json` value.
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
        guard rowCount < count else { return }
        unsafe state.pointee.count = rowCount
        if holdsBytes { unsafe state.pointee.byteCount = Int(state.pointee.words[rowCount]) }
    }
}

/// The memory of a column.
// Safety: `words` has capacity + 1 entries, `valid` one bit for each of capacity, `bytes` byteCapacity + slack.
@usableFromInline
@safe struct ColumnState {
    let name: String
    @usableFromInline let type: ColumnType
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

    init(name: String, type: ColumnType) {
        self.name = name
        self.type = type
        holdsBytes = type == .string || type == .json
        capacity = Self.firstCapacity
        byteCapacity = type == .string || type == .json ? Self.firstByteCapacity : 0
        unsafe words = .allocate(capacity: Self.firstCapacity + 1)
        unsafe words.initialize(repeating: 0, count: Self.firstCapacity + 1)
        unsafe valid = .allocate(capacity: Self.firstCapacity / 64)
        unsafe valid.initialize(repeating: 0, count: Self.firstCapacity / 64)
        unsafe bytes = .allocate(capacity: byteCapacity + Self.slack)
        unsafe bytes.initialize(repeating: 0, count: byteCapacity + Self.slack)
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
        let freshWords = UnsafeMutablePointer<Int64>.allocate(capacity: grown + 1)
        unsafe freshWords.initialize(repeating: 0, count: grown + 1)
        unsafe freshWords.update(from: words, count: capacity + 1)
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
