internal import Event

/// Reads DELTA_BINARY_PACKED, one value at a time; see `DeltaEncoding`. Takes no memory however many there are.
struct DeltaDecoder {
    private let bytes: PageBytes
    private(set) var at = 0
    private var left: UInt64
    private var current: Int64
    private var isFirst = true
    private let miniblockCount: Int
    private let valuesPerMiniblock: Int
    // The block in hand.
    private var leastDelta: Int64 = 0
    private var widthsAt = 0
    private var miniblock: Int
    private var valuesLeft = 0
    private var width = 0
    private var bitAt = 0

    init(_ bytes: PageBytes) throws(Failure) {
        self.bytes = bytes
        guard let block = bytes.varint(&at), let miniblocks = bytes.varint(&at), let count = bytes.varint(&at),
            let first = bytes.varint(&at), block > 0, block <= 1 << 16, miniblocks > 0, miniblocks <= block,
            block % miniblocks == 0, block / miniblocks % 8 == 0
        else { throw Damage.corrupt("packed differences do not begin as such") }
        miniblockCount = Int(miniblocks)
        valuesPerMiniblock = Int(block / miniblocks)
        miniblock = miniblockCount
        left = count
        current = Self.unzigzag(first)
    }

    /// How many values there are in all, before the first is taken.
    var count: UInt64 { left }

    private static func unzigzag(_ value: UInt64) -> Int64 {
        Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    mutating func next() throws(Failure) -> Int64 {
        guard left > 0 else { throw Damage.corrupt("packed differences are too few") }
        left -= 1
        if isFirst {
            isFirst = false
            return current
        }
        if valuesLeft == 0 { try beginMiniblock() }
        valuesLeft -= 1
        let delta = width == 0 ? 0 : bytes.bits(bitAt, width)
        bitAt += width
        current = current &+ leastDelta &+ Int64(bitPattern: delta)
        return current
    }

    /// Passes all values and returns where the bytes behind them begin. Costs no more than the bytes do.
    mutating func skipAll() throws(Failure) -> Int {
        guard left > 0 else { return at }
        if isFirst {
            isFirst = false
            left -= 1
        }
        while left > 0 {
            try beginMiniblock()
            left -= min(left, UInt64(valuesPerMiniblock))
        }
        return at
    }

    private mutating func beginMiniblock() throws(Failure) {
        if miniblock == miniblockCount {
            guard let least = bytes.varint(&at), miniblockCount <= bytes.count - at else {
                throw Damage.corrupt("packed differences end in the middle")
            }
            leastDelta = Self.unzigzag(least)
            widthsAt = at
            at += miniblockCount
            miniblock = 0
        }
        width = Int(bytes[widthsAt + miniblock])
        miniblock += 1
        let byteCount = valuesPerMiniblock / 8 * width
        guard width <= 64, byteCount <= bytes.count - at else {
            throw Damage.corrupt("packed differences are too wide")
        }
        bitAt = at * 8
        at += byteCount
        valuesLeft = valuesPerMiniblock
    }
}
