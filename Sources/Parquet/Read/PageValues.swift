internal import Columns
internal import Event

/// The values of a dictionary page.
final class DictionaryPage {
    var buffer = ByteBuffer()
    /// Of words: the values. Empty for bytes.
    private(set) var words: [Int64] = []
    /// Of bytes: where each begins in the buffer, and one more.
    private(set) var places: [(from: Int, to: Int)] = []

    var count: Int { max(words.count, places.count) }
    var bytes: PageBytes { PageBytes(buffer, 0, buffer.count) }

    /// Takes the buffer's content apart: PLAIN values.
    func read(_ column: StoredColumn, count: Int) throws(Failure) {
        words = []
        places = []
        let bytes = self.bytes
        var values = PageValues(.plain, bytes)
        // Every value takes a byte at least, so the count is bounded before anything is allocated.
        guard count <= bytes.count else { throw Damage.corrupt("a dictionary is too short") }
        try values.begin(column, isDictionary: true)
        for _ in 0..<count {
            switch column.physical {
            case .boolean: throw Damage.corrupt("booleans have a dictionary")
            case .int32, .int64, .float, .double: words.append(try values.nextWord())
            case .byteArray, .fixed, .int96: places.append(try values.nextPlace())
            }
        }
    }
}

/// The values of a data page, one after the other.
struct PageValues {
    private enum Form {
        case bits, hybridBits, words, words32, delta, delta32, fixed, lengths, deltaLengths, prefixes, numbers
    }


    private let encoding: PageEncoding
    private let bytes: PageBytes
    private var form = Form.bits
    private var at = 0
    private var width = 0
    private var hybrid: HybridDecoder
    private var delta: DeltaDecoder?
    /// Of values without their beginnings: the lengths of those, which the values before have.
    private var shared: DeltaDecoder?
    /// Values of the dictionary; numbers are below.
    private var dictionaryCount = 0

    init(_ encoding: PageEncoding, _ bytes: PageBytes) {
        self.encoding = encoding
        self.bytes = bytes
        hybrid = HybridDecoder(.empty, bitWidth: 0)
    }

    var usesDictionary: Bool { form == .numbers }
    var usesPrefixes: Bool { form == .prefixes }

    /// Settles how the values are read.
    mutating func begin(_ column: StoredColumn, isDictionary: Bool = false, dictionaryCount: Int = 0) throws(Failure) {
        width = column.width
        self.dictionaryCount = dictionaryCount
        switch (encoding, column.physical) {
        case (.plain, .boolean): form = .bits
        case (.rle, .boolean):
            guard bytes.count >= 4 else { throw Damage.corrupt("a page of booleans is too short") }
            let length = Int(bytes.word(0) & 0xFFFF_FFFF)
            guard length <= bytes.count - 4 else { throw Damage.corrupt("a page of booleans is too short") }
            hybrid = HybridDecoder(bytes.part(4, 4 + length), bitWidth: 1)
            form = .hybridBits
        case (.plain, .int32), (.plain, .float): form = .words32
        case (.plain, .int64), (.plain, .double): form = .words
        case (.plain, .fixed), (.plain, .int96): form = .fixed
        case (.plain, .byteArray): form = .lengths
        case (.deltaBinaryPacked, .int32), (.deltaBinaryPacked, .int64):
            delta = try DeltaDecoder(bytes)
            form = column.physical == .int32 ? .delta32 : .delta
        case (.deltaLengthByteArray, .byteArray):
            var lengths = try DeltaDecoder(bytes)
            delta = lengths
            at = try lengths.skipAll()
            form = .deltaLengths
        case (.deltaByteArray, .byteArray), (.deltaByteArray, .fixed):
            var prefixes = try DeltaDecoder(bytes)
            shared = prefixes
            let middle = try prefixes.skipAll()
            var lengths = try DeltaDecoder(bytes.part(middle, bytes.count))
            delta = lengths
            at = middle + (try lengths.skipAll())
            form = .prefixes
        case (.rleDictionary, _), (.plainDictionary, _):
            // A page without values may hold nothing at all.
            let bitWidth = bytes.count > 0 ? Int(bytes[0]) : 0
            guard bitWidth <= 32 else { throw Damage.corrupt("numbers of a dictionary are too wide") }
            hybrid = HybridDecoder(bytes.part(min(1, bytes.count), bytes.count), bitWidth: bitWidth)
            form = .numbers
        default: throw Damage.unsupported("encoding \(encoding.rawValue) of column \(column.name.debugDescription)")
        }
    }

    private func need(_ byteCount: Int) throws(Failure) {
        guard byteCount <= bytes.count - at else { throw Damage.corrupt("a page has fewer values than it says") }
    }

    /// The next word; of a type whose values are words.
    @inline(__always)
    mutating func nextWord() throws(Failure) -> Int64 {
        switch form {
        case .words:
            try need(8)
            at &+= 8
            return Int64(bitPattern: bytes.word(at &- 8))
        case .words32:
            try need(4)
            at &+= 4
            return Int64(Int32(truncatingIfNeeded: bytes.word(at &- 4)))
        case .delta: return try delta?.next() ?? 0
        case .delta32: return Int64(Int32(truncatingIfNeeded: try delta?.next() ?? 0))
        case .hybridBits: return Int64(try hybrid.next())
        case .bits:
            guard at >> 3 < bytes.count else { throw Damage.corrupt("a page has fewer values than it says") }
            at &+= 1
            return Int64(bytes.bits(at &- 1, 1))
        case .fixed, .lengths, .deltaLengths, .prefixes, .numbers: throw Damage.corrupt("values are of another type")
        }
    }

    /// Where the next byte string lies in the page.
    @inline(__always)
    mutating func nextPlace() throws(Failure) -> (from: Int, to: Int) {
        var length = width
        switch form {
        case .lengths:
            try need(4)
            length = Int(bytes.word(at) & 0xFFFF_FFFF)
            at &+= 4
        case .deltaLengths:
            let value = Int32(truncatingIfNeeded: try delta?.next() ?? 0)
            guard value >= 0 else { throw Damage.corrupt("a value has a negative length") }
            length = Int(value)
        case .fixed: break
        default: throw Damage.corrupt("values are of another type")
        }
        try need(length)
        at &+= length
        return (at &- length, at)
    }

    /// How many bytes the next byte string shares with the one before it, and where the rest lies in the page.
    mutating func nextPrefixed() throws(Failure) -> (shared: Int, from: Int, to: Int) {
        let prefix = Int32(truncatingIfNeeded: try shared?.next() ?? 0)
        let length = Int32(truncatingIfNeeded: try delta?.next() ?? 0)
        guard prefix >= 0, length >= 0 else { throw Damage.corrupt("a value has a negative length") }
        try need(Int(length))
        at &+= Int(length)
        return (Int(prefix), at &- Int(length), at)
    }

    /// The next number of the dictionary.
    @inline(__always)
    mutating func nextNumber() throws(Failure) -> Int {
        let number = Int(try hybrid.next())
        guard number < dictionaryCount else { throw Damage.corrupt("a number is not in the dictionary") }
        return number
    }
}
