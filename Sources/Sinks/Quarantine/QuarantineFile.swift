public import Event

/// A file of the quarantine.
public struct QuarantineFile: Sendable, Equatable {
    /// Most files looked through at once: a year of one table, each minute; about 100 MB.
    public static let maximumCount = 600_000

    /// `shop.orders`, `_unrouted`.
    public var folder: String
    /// `2026-11-20`.
    public var day: String
    /// `part-<token>-<n>`
    public var file: String

    public var path: String {
        "\(WarehousePath.quarantine)/\(folder)/\(Self.dayPrefix)\(day)/\(file)\(EntryID.fileSuffix)"
    }

    static let dayPrefix = "dt="

    /// The published files that may hold what the filter asks for, by table, day and name.
    public static func list(in storage: any Storage, _ filter: QuarantineFilter) throws(Failure) -> [QuarantineFile] {
        var files: [QuarantineFile] = []
        for folder in (try storage.list(WarehousePath.quarantine) ?? []).sorted() where filter.mayHold(folder: folder) {
            let base = WarehousePath.quarantine + "/" + folder
            guard try storage.status(base)?.isFolder == true else { continue }
            for name in (try storage.list(base) ?? []).sorted() where name.hasPrefix(dayPrefix) {
                let day = String(name.dropFirst(dayPrefix.count))
                guard filter.matches(day: day), try storage.status(base + "/" + name)?.isFolder == true
                else { continue }
                for name in (try storage.list(base + "/" + name) ?? []).sorted() {
                    guard let file = EntryID.file(ofName: name), filter.matches(file: file) else { continue }
                    files.append(QuarantineFile(folder: folder, day: day, file: file))
                }
            }
            guard files.count <= maximumCount else {
                throw Failure(
                    "sink.too_many_files", stage: .sink, kind: .usage,
                    "there are more than \(maximumCount) quarantine files", hint: "choose a table or days")
            }
        }
        return files
    }
}

/// Reads the lines of a quarantine file in order, a block at a time. One thread.
///
/// Why by offset and not through one descriptor: a replay may remove the file meanwhile; then it ends here.
struct QuarantineLines {
    static let blockByteCount = 256 << 10
    /// Longest line: an event of 64 MiB as text of `\u00..` and in base64.
    static let maximumLineByteCount = 512 << 20

    /// Where a reader stands: bytes and lines behind it.
    struct Place: Equatable {
        var offset: UInt64 = 0
        var line: UInt64 = 0
    }

    let path: String
    private let storage: any Storage
    private var block: [UInt8] = []
    /// Start of the next line in `block`, and how far the block was searched for its end.
    private var start = 0
    private var searched = 0
    private(set) var place: Place
    /// The whole file was read.
    private(set) var isAtEnd = false
    /// There is no such file: somebody has closed its last entry.
    private(set) var isGone = false

    init(_ file: QuarantineFile, in storage: any Storage, from place: Place = Place()) {
        path = file.path
        self.storage = storage
        self.place = place
    }

    /// The next line without its line feed, valid until the next call; nil at the end. `place` is behind it.
    mutating func next() throws(Failure) -> ArraySlice<UInt8>? {
        while true {
            if let end = block[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = block[start..<end]
                place.offset += UInt64(end + 1 - start)
                place.line += 1
                start = end + 1
                searched = start
                return line
            }
            searched = block.count
            if start > 0 {
                block.removeFirst(start)
                searched -= start
                start = 0
            }
            guard block.count <= Self.maximumLineByteCount else { throw fault("line \(place.line + 1) is too long") }
            let more = try storage.read(
                path, at: place.offset + UInt64(block.count), maximumByteCount: Self.blockByteCount)
            guard let more, !more.isEmpty else {
                isGone = more == nil
                isAtEnd = more != nil
                if isAtEnd, !block.isEmpty { throw fault("its last line is torn") }
                return nil
            }
            block += more
        }
    }

    func fault(_ what: String) -> Failure {
        Failure(
            "sink.corrupt_quarantine", stage: .sink, kind: .corrupt, "\(path) cannot be trusted: \(what)",
            hint: "restore the file from a copy, or move it out of the quarantine")
    }
}
