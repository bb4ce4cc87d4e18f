internal import Event
internal import Platform

/// Bytes that grow and are read in place. One thread at a time; views are valid until the next change.
// Safety: `base` has `capacity` bytes; every read is checked against `count`.
@safe final class ByteStore {
    private var base: UnsafeMutableRawPointer
    private(set) var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 4_096) {
        self.capacity = max(64, capacity)
        unsafe base = .allocate(byteCount: self.capacity, alignment: 8)
    }

    deinit { unsafe base.deallocate() }

    func removeAll() { count = 0 }

    /// Forgets the bytes from `length` on.
    func truncate(to length: Int) {
        precondition(length >= 0 && length <= count, "length outside store")
        count = length
    }

    @inline(__always)
    private func reserve(_ added: Int) {
        if count &+ added > capacity { grow(count + added) }
    }

    private func grow(_ needed: Int) {
        let grown = max(needed, capacity * 2)
        let fresh = UnsafeMutableRawPointer.allocate(byteCount: grown, alignment: 8)
        unsafe fresh.copyMemory(from: base, byteCount: count)
        unsafe base.deallocate()
        unsafe base = fresh
        capacity = grown
    }

    @inline(__always)
    func append(byte: UInt8) {
        reserve(1)
        unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    @inline(__always)
    func append<Word: FixedWidthInteger>(word: Word) {
        reserve(MemoryLayout<Word>.size)
        unsafe base.storeBytes(of: word, toByteOffset: count, as: Word.self)
        count &+= MemoryLayout<Word>.size
    }

    func append(_ bytes: ByteView) {
        reserve(bytes.count)
        unsafe (base + count).copyMemory(from: UnsafeRawPointer(bytes.start), byteCount: bytes.count)
        count += bytes.count
    }

    func append(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { append(unsafe ByteView($0)) }
    }

    /// Appends zero bytes.
    func appendZeros(_ length: Int) {
        reserve(length)
        unsafe (base + count).initializeMemory(as: UInt8.self, repeating: 0, count: length)
        count += length
    }

    /// Sets bits of a byte.
    @inline(__always)
    func set(_ bits: UInt8, at index: Int) {
        precondition(index >= 0 && index < count, "byte outside store")
        let byte = unsafe base.load(fromByteOffset: index, as: UInt8.self)
        unsafe base.storeBytes(of: byte | bits, toByteOffset: index, as: UInt8.self)
    }

    /// Overwrites a word.
    @inline(__always)
    func put<Word: FixedWidthInteger>(_ word: Word, at index: Int) {
        precondition(index >= 0 && index <= count - MemoryLayout<Word>.size, "word outside store")
        unsafe base.storeBytes(of: word, toByteOffset: index, as: Word.self)
    }

    @inline(__always)
    func load<Word: FixedWidthInteger>(_ index: Int, as _: Word.Type) -> Word {
        precondition(index >= 0 && index <= count - MemoryLayout<Word>.size, "word outside store")
        return unsafe base.loadUnaligned(fromByteOffset: index, as: Word.self)
    }

    @inline(__always)
    func view(_ from: Int, _ to: Int) -> ByteView {
        precondition(from >= 0 && from <= to && to <= count, "view outside store")
        let start = unsafe (base + from).assumingMemoryBound(to: UInt8.self)
        return unsafe ByteView(start: UnsafePointer(start), count: to - from)
    }

    var all: ByteView { view(0, count) }

    /// Memory to be filled from outside: `body` is given `length` bytes behind the last and says how many it filled.
    func fill(_ length: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int) throws(Failure) {
        reserve(length)
        let filled = try unsafe body(UnsafeMutableRawBufferPointer(start: base + count, count: length))
        precondition(filled >= 0 && filled <= length, "more filled than there is room for")
        count += filled
    }
}

extension ByteView {
    /// XXH3 of the bytes.
    var digest: UInt64 { unsafe Hash.xxh3(UnsafeRawBufferPointer(start: start, count: count)) }

    /// Negative: these bytes come before the others.
    @inline(__always)
    func order(_ other: ByteView) -> Int {
        let common = min(count, other.count)
        var index = 0
        while index &+ 8 <= common {
            let (left, right) = (word(at: index), other.word(at: index))
            if left != right { return left.byteSwapped < right.byteSwapped ? -1 : 1 }
            index &+= 8
        }
        while index < common {
            if self[index] != other[index] { return self[index] < other[index] ? -1 : 1 }
            index &+= 1
        }
        return count == other.count ? 0 : (count < other.count ? -1 : 1)
    }

    /// The first eight bytes as a number in their order; missing ones are 0.
    @inline(__always)
    var prefix: UInt64 {
        if count >= 8 { return word(at: 0).byteSwapped }
        var value: UInt64 = 0
        for index in 0..<8 { value = value << 8 | (index < count ? UInt64(self[index]) : 0) }
        return value
    }
}
