/// The distinct byte strings of a column chunk in order of appearance: a hash table with open addressing over
/// an arena that is the dictionary page's content already (length, bytes; or bytes alone where all are of one
/// width).
// Safety: `slots` has `mask + 1` entries (hash in the high half, number + 1 in the low one; 0: free), `entries`
// room for half as many; offsets lie inside the arena, whose start is `arenaStart`.
@safe final class ByteDictionary {
    private static let firstSlotCount = 256
    /// Bytes of values from which on the table is looked at before it is needed.
    private static let cachedByteCount = 128 << 10
    /// Rows that are looked up together: what they touch stays in the nearest cache until it is compared.
    private static let stretchRowCount = 64
    /// Unknown outside of this process, so that nobody can prepare values that collide.
    private static let seed = UInt64.random(in: .min ... .max)

    /// What is known of a value; one line of the cache.
    private struct Entry {
        /// Where it begins in the arena.
        var offset: UInt32
        var byteCount: UInt32
        /// The page that last used it: bounds are looked at once a page and value.
        var page: UInt32
    }

    /// Bytes of a value, or 0 where they vary.
    private let width: Int
    private(set) var count = 0
    private(set) var arena = ByteBuffer()
    private var mask: Int
    private var slots: UnsafeMutablePointer<UInt64>
    private var entries: UnsafeMutablePointer<Entry>
    /// Where the arena begins; kept, since asking the buffer for it is checked at run time.
    private var arenaStart: UnsafePointer<UInt8>
    private var looks: UInt64 = 0

    init(width: Int) {
        self.width = width
        mask = Self.firstSlotCount - 1
        unsafe slots = .allocate(capacity: Self.firstSlotCount)
        unsafe slots.initialize(repeating: 0, count: Self.firstSlotCount)
        unsafe entries = .allocate(capacity: Self.firstSlotCount / 2 + 1)
        unsafe arenaStart = UnsafePointer(arena.start)
    }

    deinit {
        unsafe slots.deallocate()
        unsafe entries.deallocate()
    }

    /// Bytes of memory held.
    var heldByteCount: Int { (mask + 1) * 14 + arena.heldByteCount }

    func removeAll() {
        count = 0
        arena.removeAll()
        unsafe slots.initialize(repeating: 0, count: mask + 1)
    }

    /// Length of a value.
    func byteCount(_ number: Int) -> Int {
        precondition(number >= 0 && number < count, "number outside dictionary")
        return unsafe Int(entries[number].byteCount)
    }

    /// The bytes of a value; valid until the next call that changes the dictionary.
    @unsafe
    func bytes(_ number: Int) -> UnsafeRawBufferPointer {
        precondition(number >= 0 && number < count, "number outside dictionary")
        let entry = unsafe entries[number]
        return unsafe UnsafeRawBufferPointer(start: arena.start + Int(entry.offset), count: Int(entry.byteCount))
    }

    /// Finds or adds the values of some rows and writes their numbers; bounds take those that are new to the page.
    /// `offsets` and `bytes` are a column's. Returns the bytes of all values.
    @unsafe
    func lookUp(
        _ offsets: UnsafePointer<Int64>, _ bytes: UnsafePointer<UInt8>, rows: UnsafePointer<Int32>,
        count rowCount: Int, page: UInt32, into numbers: UnsafeMutablePointer<UInt32>, bounds: inout ByteBounds
    ) -> Int {
        var total = 0
        var from = 0
        while from < rowCount {
            let stretch = min(Self.stretchRowCount, rowCount &- from)
            total &+= unsafe lookUpStretch(
                offsets, bytes, rows: rows + from, count: stretch, page: page, into: numbers + from, bounds: &bounds)
            from &+= stretch
        }
        return total
    }

    @unsafe
    private func lookUpStretch(
        _ offsets: UnsafePointer<Int64>, _ bytes: UnsafePointer<UInt8>, rows: UnsafePointer<Int32>,
        count rowCount: Int, page: UInt32, into numbers: UnsafeMutablePointer<UInt32>, bounds: inout ByteBounds
    ) -> Int {
        // Why two passes: hashes and the first looks at the table do not wait for each other, so that the memory's
        // answers overlap; what is looked at is in the cache when it is compared.
        var total = 0
        var seen: UInt64 = 0
        let (slots, mask) = unsafe (self.slots, self.mask)
        for index in 0..<rowCount {
            let row = unsafe Int(rows[index])
            let from = unsafe Int(offsets[row])
            let length = unsafe Int(offsets[row &+ 1]) &- from
            let hash = unsafe Self.hash(bytes + from, length)
            unsafe numbers[index] = hash
            seen |= unsafe slots[Int(hash) & mask]
            total &+= length
        }
        // The same for what is behind the table, once that is more than the nearest caches hold.
        if arena.count > Self.cachedByteCount {
            let (entries, arenaStart) = unsafe (self.entries, self.arenaStart)
            for index in 0..<rowCount {
                let found = unsafe slots[Int(numbers[index]) & mask]
                if found != 0 { seen |= unsafe UInt64(entries[Int(UInt32(truncatingIfNeeded: found)) &- 1].offset) }
            }
            for index in 0..<rowCount {
                let found = unsafe slots[Int(numbers[index]) & mask]
                guard found != 0 else { continue }
                seen |= unsafe Self.load(arenaStart, Int(entries[Int(UInt32(truncatingIfNeeded: found)) &- 1].offset))
            }
        }
        // The looks must not be optimised away.
        looks = seen
        for index in 0..<rowCount {
            let row = unsafe Int(rows[index])
            let from = unsafe Int(offsets[row])
            let length = unsafe Int(offsets[row &+ 1]) &- from
            let number = unsafe number(of: bytes + from, length, hash: numbers[index])
            unsafe numbers[index] = number
            if unsafe entries[Int(number)].page != page {
                unsafe entries[Int(number)].page = page
                unsafe bounds.take(bytes + from, length)
            }
        }
        return total
    }

    /// Finds or adds a value. Up to eight bytes behind it are read (never used).
    @unsafe
    func number(of bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> UInt32 {
        unsafe number(of: bytes, byteCount, hash: Self.hash(bytes, byteCount))
    }

    @unsafe @inline(__always)
    private func number(of bytes: UnsafePointer<UInt8>, _ byteCount: Int, hash: UInt32) -> UInt32 {
        var slot = Int(hash) & mask
        while true {
            let found = unsafe slots[slot]
            if found == 0 { return unsafe add(bytes, byteCount, hash, slot) }
            if UInt32(truncatingIfNeeded: found >> 32) == hash {
                let number = Int(UInt32(truncatingIfNeeded: found)) &- 1
                let entry = unsafe entries[number]
                if Int(entry.byteCount) == byteCount,
                    unsafe Self.isEqual(bytes, arenaStart + Int(entry.offset), byteCount)
                { return UInt32(truncatingIfNeeded: number) }
            }
            slot = (slot &+ 1) & mask
        }
    }

    @unsafe
    private func add(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int, _ hash: UInt32, _ slot: Int) -> UInt32 {
        let number = count
        if width == 0 { arena.append(littleEndian: UInt32(byteCount)) }
        unsafe entries[number] = Entry(
            offset: UInt32(arena.count), byteCount: UInt32(truncatingIfNeeded: byteCount), page: 0)
        unsafe arena.append(UnsafeRawBufferPointer(start: bytes, count: byteCount))
        unsafe arenaStart = UnsafePointer(arena.start)
        unsafe slots[slot] = UInt64(hash) << 32 | UInt64(number + 1)
        count = number + 1
        if count * 2 > mask { grow() }
        return UInt32(number)
    }

    private func grow() {
        let slotCount = (mask + 1) * 2
        let old = unsafe slots
        let oldCount = mask + 1
        unsafe slots = .allocate(capacity: slotCount)
        unsafe slots.initialize(repeating: 0, count: slotCount)
        mask = slotCount - 1
        for index in 0..<oldCount where unsafe old[index] != 0 {
            var slot = unsafe Int(UInt32(truncatingIfNeeded: old[index] >> 32)) & mask
            while unsafe slots[slot] != 0 { slot = (slot + 1) & mask }
            unsafe slots[slot] = old[index]
        }
        unsafe old.deallocate()
        let fresh = UnsafeMutablePointer<Entry>.allocate(capacity: slotCount / 2 + 1)
        unsafe fresh.update(from: entries, count: count)
        unsafe entries.deallocate()
        unsafe entries = fresh
    }

    // MARK: Bytes

    @unsafe @inline(__always)
    private static func load(_ bytes: UnsafePointer<UInt8>, _ at: Int) -> UInt64 {
        unsafe UnsafeRawPointer(bytes + at).loadUnaligned(as: UInt64.self)
    }

    /// After wyhash: multiplications of what is hashed, two words at a time.
    @unsafe @inline(__always)
    private static func hash(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt32 {
        var state = seed ^ UInt64(truncatingIfNeeded: count)
        var high: UInt64
        var low: UInt64
        if count >= 8 {
            var at = 0
            while at &+ 16 < count {
                state = unsafe fold(load(bytes, at) ^ 0xA076_1D64_78BD_642F, load(bytes, at &+ 8) ^ state)
                at &+= 16
            }
            // The last 16 bytes, or all 8 to 16, as two words that may overlap.
            low = count >= 16 ? unsafe load(bytes, count &- 16) : unsafe load(bytes, 0)
            high = unsafe load(bytes, count &- 8)
        } else {
            // Safety: a column and a page have slack behind their bytes.
            low = unsafe load(bytes, 0) & (UInt64.max >> UInt64(truncatingIfNeeded: 64 &- 8 &* max(count, 1)))
            if count == 0 { low = 0 }
            high = 0
        }
        let hash = fold(low ^ 0xE703_7ED1_A0B4_28DB, high ^ state)
        return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    }

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @unsafe @inline(__always)
    private static func isEqual(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        if count >= 8 {
            var at = 0
            while at &+ 8 < count {
                if unsafe load(left, at) != load(right, at) { return false }
                at &+= 8
            }
            return unsafe load(left, count &- 8) == load(right, count &- 8)
        }
        if count == 0 { return true }
        return unsafe (load(left, 0) ^ load(right, 0)) << UInt64(truncatingIfNeeded: 64 &- 8 &* count) == 0
    }
}
