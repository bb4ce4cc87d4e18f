internal import Platform

/// What a stream's content was up to a position: how a file is recognised by content.
///
/// The content is hashed in blocks of `ContentChain.blockByteCount`, each seeded by the hash of the one
/// before, so every byte is hashed about once as it is read. A rung holds the hash up to its position and
/// the seed of the block before the one it ends in. It is verified by reading that tail again (at most
/// two blocks: 16 KiB) and chaining it: the tail must be the same, and what lies before is tied in by
/// the other rungs, each with a tail of its own.
struct Rung: Hashable, Sendable {
    /// Bytes of the file before it.
    var position: UInt64
    /// Chained hash up to `position`.
    var hash: UInt64
    /// The chain's hash at `ContentChain.tailStart(of: position)`.
    var before: UInt64
    /// Where the record began that `position` is in: equal to `position` at the end of an event, less
    /// between the pieces of an over-long record.
    var recordStart: UInt64

    /// The beginning of a file.
    static let zero = Rung(position: 0, hash: 0, before: 0, recordStart: 0)
}

enum ContentChain {
    /// 8 KiB: a rung costs half a block of extra hashing (6 % at one rung per 64 KiB pack) and two
    /// blocks of reading to verify.
    static let blockByteCount: UInt64 = 8_192
    /// The longest tail of a rung.
    static let maximumTailByteCount = Int(2 * blockByteCount)

    /// Where the bytes begin that verify a rung at `position`: the block before the one that holds the
    /// byte before `position`.
    static func tailStart(of position: UInt64) -> UInt64 {
        guard position > blockByteCount else { return 0 }
        return ((position - 1) / blockByteCount - 1) * blockByteCount
    }
}

/// Walks the chain over bytes that lie in memory, forwards only.
struct ChainCursor {
    /// The file position of the buffer's first byte: a block's start.
    private let base: UInt64
    private var blockStart: UInt64
    private var blockHash: UInt64
    private var previous: UInt64

    /// Begins at the tail of a rung; the buffer given to `rung(at:)` begins there too.
    init(tailOf rung: Rung) {
        base = ContentChain.tailStart(of: rung.position)
        blockStart = base
        blockHash = rung.before
        previous = rung.before
    }

    /// The rung at a position, which must lie in the buffer, not before the rung that the cursor began
    /// with and not before the last one asked for.
    mutating func rung(at position: UInt64, recordStart: UInt64, in bytes: UnsafeRawBufferPointer) -> Rung {
        guard position > 0 else { return .zero }
        while position - blockStart > ContentChain.blockByteCount {
            let hash = unsafe Hash.xxh3(part(blockStart, blockStart + ContentChain.blockByteCount, bytes), seed: blockHash)
            previous = blockHash
            blockHash = hash
            blockStart += ContentChain.blockByteCount
        }
        let hash = unsafe Hash.xxh3(part(blockStart, position, bytes), seed: blockHash)
        let before = ContentChain.tailStart(of: position) == blockStart ? blockHash : previous
        return Rung(position: position, hash: hash, before: before, recordStart: recordStart)
    }

    private func part(_ from: UInt64, _ to: UInt64, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: bytes[Int(from - base)..<Int(to - base)])
    }
}

/// About 16 rungs of a stream, spaced exponentially: dense near the newest, sparse towards the head; the
/// first one is kept as long as the stream.
struct RungLadder: Hashable, Sendable {
    static let maximumCount = 16
    private(set) var rungs: [Rung] = []

    init() {}

    /// Nil unless the positions rise.
    init?(_ rungs: [Rung]) {
        guard zip(rungs, rungs.dropFirst()).allSatisfy({ $0.position < $1.position }) else { return nil }
        self.rungs = rungs
    }

    var newest: Rung { rungs.last ?? .zero }
    var isEmpty: Bool { rungs.isEmpty }

    /// Adds a rung behind the newest; one at or before it is ignored.
    mutating func append(_ rung: Rung) {
        guard rung.position > newest.position else { return }
        rungs.append(rung)
        guard rungs.count > Self.maximumCount else { return }
        // Why: the rung goes whose gap is smallest against its distance from the newest.
        let newest = Double(rung.position)
        var least = Double.infinity
        var index = 1
        for candidate in 1..<(rungs.count - 1) {
            let below = Double(rungs[candidate - 1].position)
            let share = (Double(rungs[candidate + 1].position) - below) / (newest - below)
            if share < least {
                least = share
                index = candidate
            }
        }
        rungs.remove(at: index)
    }

    /// Drops the rungs above a position.
    mutating func cut(to position: UInt64) { rungs.removeAll { $0.position > position } }
}
