internal import Event

/// Bytes that grow at the end and are used again: the memory of pages, chunks and dictionaries.
///
/// Invariant: behind `count` there are always at least `slack` writable bytes, so that encoders may store whole
/// words.
// Safety: `base` has capacity + slack bytes; every write is preceded by `reserve`.
@safe struct ByteBuffer: ~Copyable {
    static let slack = 64

    private(set) var count = 0
    private var capacity: Int
    private var base: UnsafeMutablePointer<UInt8>

    init(capacity: Int = 0) {
        self.capacity = capacity
        unsafe base = .allocate(capacity: capacity + Self.slack)
    }

    deinit { unsafe base.deallocate() }

    var isEmpty: Bool { count == 0 }
    /// Bytes of memory held.
    var heldByteCount: Int { capacity + Self.slack }

    @unsafe var start: UnsafeMutablePointer<UInt8> { unsafe base }
    @unsafe var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: count) }

    /// Makes room for some more bytes (and the slack) and returns where they go; `advance` takes them in.
    @unsafe
    mutating func reserve(_ byteCount: Int) -> UnsafeMutablePointer<UInt8> {
        let needed = count + byteCount
        if needed > capacity { grow(needed) }
        return unsafe base + count
    }

    mutating func advance(_ byteCount: Int) {
        precondition(byteCount >= 0 && count + byteCount <= capacity, "bytes beyond the room")
        count += byteCount
    }

    private mutating func grow(_ needed: Int) {
        let grown = max(needed, capacity * 2, 256)
        let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: grown + Self.slack)
        unsafe fresh.update(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = fresh
        capacity = grown
    }

    mutating func append(_ byte: UInt8) {
        unsafe reserve(1)[0] = byte
        count += 1
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        unsafe UnsafeMutableRawPointer(reserve(bytes.count)).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    mutating func append(_ bytes: [UInt8]) { unsafe bytes.withUnsafeBytes { unsafe append($0) } }

    /// Appends an integer, little-endian.
    mutating func append<Value: FixedWidthInteger>(littleEndian value: Value) {
        unsafe UnsafeMutableRawPointer(reserve(MemoryLayout<Value>.size))
            .storeBytes(of: value.littleEndian, as: Value.self)
        count += MemoryLayout<Value>.size
    }

    /// Appends an unsigned LEB128.
    mutating func append(varint value: UInt64) {
        let target = unsafe reserve(10)
        var rest = value
        var length = 0
        while rest >= 0x80 {
            unsafe target[length] = UInt8(truncatingIfNeeded: rest) | 0x80
            rest >>= 7
            length += 1
        }
        unsafe target[length] = UInt8(truncatingIfNeeded: rest)
        count += length + 1
    }

    mutating func append(zigzag value: Int64) {
        append(varint: UInt64(bitPattern: value << 1 ^ value >> 63))
    }

    /// Forgets the content; gives memory beyond a limit back.
    mutating func removeAll(keeping maximumByteCount: Int = .max) {
        count = 0
        guard capacity > maximumByteCount else { return }
        unsafe base.deallocate()
        capacity = 0
        unsafe base = .allocate(capacity: Self.slack)
    }

    /// Takes back bytes at the end.
    mutating func truncate(to byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count, "truncation beyond the content")
        count = byteCount
    }
}
