/// The distinct byte strings of a column chunk in order of appearance: a hash table with open addressing over
/// an arena that is the dictionary page's content already (length, bytes; or bytes alone where all are of one
/// width).
// Safety: `slots` has `mask + 1` entries (hash in the high half, number + 1 in the low one; 0: free), `offsets`
// and `stamps` room for half as many; offsets lie inside the arena.
@safe final class ByteDictionary {
    private static let firstSlotCount = 256
    /// Unknown outside of this process, so that nobody can prepare values that collide.
    private static let seed = UInt64.random(in: .min ... .max)

    /// Bytes of a value, or 0 where they vary.
    private let width: Int
    private(set) var count = 0
    private(set) var arena = ByteBuffer()
    private var mask: Int
    private var slots: UnsafeMutablePointer<UInt64>
    private var offsets: UnsafeMutablePointer<UInt32>
    /// The page that last used a value: bounds are looked at once a page and value.
    private var stamps: UnsafeMutablePointer<UInt32>

    init(width: Int) {
        self.width = width
        mask = Self.firstSlotCount - 1
        unsafe slots = .allocate(capacity: Self.firstSlotCount)
        unsafe slots.initialize(repeating: 0, count: Self.firstSlotCount)
        unsafe offsets = .allocate(capacity: Self.firstSlotCount / 2 + 1)
        unsafe stamps = .allocate(capacity: Self.firstSlotCount / 2 + 1)
    }

    deinit {
        unsafe slots.deallocate()
        unsafe offsets.deallocate()
        unsafe stamps.deallocate()
    }

    /// Bytes of memory held.
    var heldByteCount: Int { (mask + 1) * 12 + arena.heldByteCount }

    func removeAll() {
        count = 0
        arena.removeAll()
        unsafe slots.initialize(repeating: 0, count: mask + 1)
    }

    /// Length of a value.
    func byteCount(_ number: Int) -> Int {
        precondition(number >= 0 && number < count, "number outside dictionary")
        return unsafe length(number)
    }

    /// The bytes of a value; valid until the next call that changes the dictionary.
    @unsafe
    func bytes(_ number: Int) -> UnsafeRawBufferPointer {
        precondition(number >= 0 && number < count, "number outside dictionary")
        return unsafe UnsafeRawBufferPointer(start: arena.start + Int(offsets[number]), count: length(number))
    }

    @unsafe @inline(__always)
    private func length(_ number: Int) -> Int {
        guard width == 0 else { return width }
        return unsafe Int(
            UnsafeRawPointer(arena.start + Int(offsets[number]) - 4).loadUnaligned(as: UInt32.self).littleEndian)
    }

    /// Whether a page uses a value for the first time.
    func marks(_ number: Int, page: UInt32) -> Bool {
        precondition(number >= 0 && number < count, "number outside dictionary")
        if unsafe stamps[number] == page { return false }
        unsafe stamps[number] = page
        return true
    }

    /// Finds or adds a value. Up to eight bytes behind it are read (never used).
    @unsafe @inline(__always)
    func number(of bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> UInt32 {
        let hash = unsafe Self.hash(bytes, byteCount)
        var slot = Int(hash) & mask
        while true {
            let found = unsafe slots[slot]
            if found == 0 { return unsafe add(bytes, byteCount, hash, slot) }
            if UInt32(truncatingIfNeeded: found >> 32) == hash {
                let number = Int(UInt32(truncatingIfNeeded: found)) &- 1
                if unsafe length(number) == byteCount,
                    unsafe Self.isEqual(bytes, arena.start + Int(offsets[number]), byteCount)
                { return UInt32(truncatingIfNeeded: number) }
            }
            slot = (slot &+ 1) & mask
        }
    }

    @unsafe
    private func add(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int, _ hash: UInt32, _ slot: Int) -> UInt32 {
        let number = count
        if width == 0 { arena.append(littleEndian: UInt32(byteCount)) }
        unsafe offsets[number] = UInt32(arena.count)
        unsafe stamps[number] = 0
        unsafe arena.append(UnsafeRawBufferPointer(start: bytes, count: byteCount))
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
        unsafe offsets = Self.grown(offsets, count, slotCount / 2 + 1)
        unsafe stamps = Self.grown(stamps, count, slotCount / 2 + 1)
    }

    private static func grown(
        _ old: UnsafeMutablePointer<UInt32>, _ count: Int, _ capacity: Int
    ) -> UnsafeMutablePointer<UInt32> {
        let fresh = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity)
        unsafe fresh.update(from: old, count: count)
        unsafe old.deallocate()
        return unsafe fresh
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
