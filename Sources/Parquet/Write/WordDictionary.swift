/// The distinct words of a column chunk in order of appearance: a hash table with open addressing.
///
/// One number a word is found by, 0...count - 1. At most half of the table is full.
// Safety: `slots` has `mask + 1` entries (number + 1, or 0), `words` a capacity of half as many.
@safe final class WordDictionary {
    private static let firstSlotCount = 256
    /// Odd and unknown outside of this process, so that nobody can prepare words that collide.
    private static let multiplier = UInt64.random(in: .min ... .max) | 1

    private(set) var count = 0
    private var mask: Int
    private var shift: UInt64
    private var slots: UnsafeMutablePointer<UInt32>
    private var words: UnsafeMutablePointer<Int64>

    init() {
        mask = Self.firstSlotCount - 1
        shift = 64 - UInt64(Self.firstSlotCount.trailingZeroBitCount)
        unsafe slots = .allocate(capacity: Self.firstSlotCount)
        unsafe slots.initialize(repeating: 0, count: Self.firstSlotCount)
        unsafe words = .allocate(capacity: Self.firstSlotCount / 2 + 1)
    }

    deinit {
        unsafe slots.deallocate()
        unsafe words.deallocate()
    }

    /// The word of each number; valid until the next call that changes the dictionary.
    @unsafe var content: UnsafePointer<Int64> { unsafe UnsafePointer(words) }

    /// Bytes of memory held.
    var heldByteCount: Int { (mask + 1) * 8 }

    func removeAll() {
        count = 0
        unsafe slots.initialize(repeating: 0, count: mask + 1)
    }

    /// Finds or adds the words of some rows and writes their numbers.
    @unsafe
    func lookUp(
        _ source: UnsafePointer<Int64>, rows: UnsafePointer<Int32>, count rowCount: Int,
        into numbers: UnsafeMutablePointer<UInt32>
    ) {
        var last: Int64 = 0
        var lastNumber: UInt32 = .max
        for index in 0..<rowCount {
            let word = unsafe source[Int(rows[index])]
            // Why: neighbours are often equal (times, states).
            if word != last || lastNumber == .max {
                last = word
                lastNumber = number(of: word)
            }
            unsafe numbers[index] = lastNumber
        }
    }

    @inline(__always)
    private func number(of word: Int64) -> UInt32 {
        var slot = place(of: word)
        while true {
            let found = unsafe slots[slot]
            if found == 0 { return add(word, slot) }
            if unsafe words[Int(found) &- 1] == word { return found &- 1 }
            slot = (slot &+ 1) & mask
        }
    }

    @inline(__always)
    private func place(of word: Int64) -> Int {
        let product = UInt64(bitPattern: word).multipliedFullWidth(by: Self.multiplier)
        return Int(truncatingIfNeeded: (product.high ^ product.low) >> shift)
    }

    private func add(_ word: Int64, _ slot: Int) -> UInt32 {
        let number = count
        unsafe words[number] = word
        unsafe slots[slot] = UInt32(number + 1)
        count = number + 1
        if count * 2 > mask { grow() }
        return UInt32(number)
    }

    private func grow() {
        let slotCount = (mask + 1) * 2
        unsafe slots.deallocate()
        unsafe slots = .allocate(capacity: slotCount)
        unsafe slots.initialize(repeating: 0, count: slotCount)
        let fresh = UnsafeMutablePointer<Int64>.allocate(capacity: slotCount / 2 + 1)
        unsafe fresh.update(from: words, count: count)
        unsafe words.deallocate()
        unsafe words = fresh
        mask = slotCount - 1
        shift -= 1
        for number in 0..<count {
            var slot = unsafe place(of: words[number])
            while unsafe slots[slot] != 0 { slot = (slot + 1) & mask }
            unsafe slots[slot] = UInt32(number + 1)
        }
    }
}
