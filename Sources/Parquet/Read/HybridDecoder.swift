internal import Event

/// Reads run lengths and packed bits, one value at a time; see `HybridEncoding`. Takes no memory however long
/// the runs are.
struct HybridDecoder {
    private let bytes: PageBytes
    private let bitWidth: Int
    private var at = 0
    private var runLeft: UInt64 = 0
    private var runValue: UInt32 = 0
    private var packedLeft = 0
    private var bitAt = 0

    init(_ bytes: PageBytes, bitWidth: Int) {
        self.bytes = bytes
        self.bitWidth = bitWidth
    }

    @inline(__always)
    mutating func next() throws(Failure) -> UInt32 {
        while true {
            if runLeft > 0 {
                runLeft -= 1
                return runValue
            }
            if packedLeft > 0 {
                packedLeft -= 1
                let value = UInt32(truncatingIfNeeded: bytes.bits(bitAt, bitWidth))
                bitAt += bitWidth
                return value
            }
            try begin()
        }
    }

    private mutating func begin() throws(Failure) {
        guard let header = bytes.varint(&at) else { throw Damage.corrupt("levels or numbers end in the middle") }
        if header & 1 == 0 {
            let width = (bitWidth + 7) / 8
            guard width <= bytes.count - at else { throw Damage.corrupt("a run has no value") }
            runLeft = header >> 1
            runValue = width == 0 ? 0 : UInt32(truncatingIfNeeded: bytes.bits(8 * at, 8 * width))
            at += width
            return
        }
        guard bitWidth > 0 else {
            runLeft = (header >> 1) << 3
            runValue = 0
            return
        }
        // The last group of some writers is cut behind its last value.
        let room = (bytes.count - at) * 8 / bitWidth
        packedLeft = header >> 1 > UInt64(room / 8) ? room : Int(header >> 1) * 8
        guard packedLeft > 0 || header == 1 else { throw Damage.corrupt("packed numbers end in the middle") }
        bitAt = at * 8
        at = min(bytes.count, at + (packedLeft * bitWidth + 7) / 8)
    }
}
