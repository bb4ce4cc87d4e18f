/// Bounds of byte strings, in the order of unsigned bytes. Only a prefix of each is kept.
///
/// Invariants:
/// - every value taken is >= `least` (cut or whole), and its prefix of `limit` bytes is <= `greatest`;
/// - `least` and `greatest` are at most `limit` bytes; a bound that is cut is marked.
struct ByteBounds {
    let limit: Int
    private(set) var isEmpty = true
    private var least: [UInt8] = []
    private var greatest: [UInt8] = []
    private var isLeastCut = false
    private var isGreatestCut = false
    /// The first eight bytes, most significant first, zeros behind the end: most values are judged by them.
    private var leastKey: UInt64 = 0
    private var greatestKey: UInt64 = 0

    init(limit: Int) {
        self.limit = limit
        least.reserveCapacity(limit)
        greatest.reserveCapacity(limit)
    }

    mutating func removeAll() {
        isEmpty = true
        (isLeastCut, isGreatestCut) = (false, false)
        least.removeAll(keepingCapacity: true)
        greatest.removeAll(keepingCapacity: true)
    }

    /// Takes a value; eight bytes from its start must be readable.
    @unsafe @inline(__always)
    mutating func take(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        let key = unsafe Self.key(bytes, count)
        if key > leastKey, key < greatestKey, !isEmpty { return }
        unsafe takeSlowly(bytes, count, key)
    }

    @unsafe @inline(__always)
    private static func key(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        let word = unsafe UInt64(bigEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self))
        if count >= 8 { return word }
        return count == 0 ? 0 : word & (UInt64.max << UInt64(truncatingIfNeeded: 64 &- 8 &* count))
    }

    @unsafe
    private mutating func takeSlowly(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ key: UInt64) {
        let kept = min(count, limit)
        let isLeast =
            unsafe isEmpty || key < leastKey || key == leastKey && Self.order(bytes, kept, least) < 0
        if isLeast {
            least.removeAll(keepingCapacity: true)
            unsafe least.append(contentsOf: UnsafeBufferPointer(start: bytes, count: kept))
            leastKey = key
            isLeastCut = count > kept
        }
        let order =
            isEmpty || key > greatestKey ? 1 : (key < greatestKey ? -1 : unsafe Self.order(bytes, kept, greatest))
        if order > 0 {
            greatest.removeAll(keepingCapacity: true)
            unsafe greatest.append(contentsOf: UnsafeBufferPointer(start: bytes, count: kept))
            greatestKey = key
            isGreatestCut = count > kept
        } else if order == 0, count > kept {
            isGreatestCut = true
        }
        isEmpty = false
    }

    /// Negative: the bytes come before the array.
    @unsafe
    private static func order(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ other: [UInt8]) -> Int {
        unsafe other.withUnsafeBufferPointer { other in
            let common = min(count, other.count)
            var index = 0
            while index < common {
                let left = unsafe bytes[index]
                let right = unsafe other[index]
                if left != right { return left < right ? -1 : 1 }
                index &+= 1
            }
            return count - other.count
        }
    }

    mutating func take(_ other: ByteBounds) {
        guard !other.isEmpty else { return }
        if isEmpty {
            let limit = self.limit
            self = other
            precondition(limit == other.limit, "bounds of two limits")
            return
        }
        if other.least.lexicographicallyPrecedes(least) {
            (least, leastKey, isLeastCut) = (other.least, other.leastKey, other.isLeastCut)
        }
        if greatest.lexicographicallyPrecedes(other.greatest) {
            (greatest, greatestKey, isGreatestCut) = (other.greatest, other.greatestKey, other.isGreatestCut)
        } else if greatest == other.greatest, other.isGreatestCut {
            isGreatestCut = true
        }
    }

    /// The bounds as they are written. A cut text ends at a character's end; a cut maximum is made the next
    /// greater one, and if there is none there are no bounds.
    func bounds(isText: Bool) -> Bounds? {
        guard !isEmpty else { return nil }
        var bounds = Bounds(least: least, greatest: greatest)
        if isLeastCut {
            if isText { Self.cutToCharacter(&bounds.least) }
            bounds.isLeastExact = false
        }
        if isGreatestCut {
            if isText { Self.cutToCharacter(&bounds.greatest) }
            guard Self.increment(&bounds.greatest, isText: isText) else { return nil }
            bounds.isGreatestExact = false
        }
        return bounds
    }

    /// Drops a character of UTF-8 at the end that is not whole.
    static func cutToCharacter(_ text: inout [UInt8]) {
        var start = text.count - 1
        while start >= 0, text.count - start < 4, text[start] & 0xC0 == 0x80 { start -= 1 }
        guard start >= 0 else { return }
        let lead = text[start]
        let length = lead < 0x80 ? 1 : (lead >= 0xF0 ? 4 : (lead >= 0xE0 ? 3 : (lead >= 0xC0 ? 2 : 1)))
        if text.count - start < length { text.removeSubrange(start...) }
    }

    /// The least byte string (of text: valid text) that comes behind all with this prefix; false: none.
    static func increment(_ bytes: inout [UInt8], isText: Bool) -> Bool {
        while let last = bytes.last {
            let highest: UInt8 = isText ? (last < 0x80 ? 0x7F : 0xBF) : 0xFF
            if last < highest {
                bytes[bytes.count - 1] = last + 1
                return true
            }
            bytes.removeLast()
            // Of a character of several bytes the others go too.
            if isText, last >= 0x80 {
                while let more = bytes.last, more >= 0x80 {
                    bytes.removeLast()
                    if more >= 0xC0 { break }
                }
            }
        }
        return false
    }
}
