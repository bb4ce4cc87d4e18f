internal import Event

/// The header of a page. Source: parquet.thrift.
struct PageHeader {
    enum Kind: Int { case data = 0, index = 1, dictionary = 2, data2 = 3 }

    var kind = Kind.index
    var payloadByteCount = 0
    var compressedByteCount = 0
    var valueCount = 0
    var encoding = -1
    /// Version 2: bytes of levels in front of the values, never compressed.
    var levelByteCount = 0
    var repetitionByteCount = 0
    var isCompressed = true

    /// Largest page, before and after compression.
    static let maximumByteCount: Int64 = 1 << 30

    /// Reads a header; the input then stands behind it.
    init(_ input: inout ThriftInput) throws(Failure) {
        var header = PageHeader()
        var number = -1
        try input.structure { input, field throws(Failure) in
            switch field.id {
            case 1: number = try input.size("a page's type")
            case 2: header.payloadByteCount = try input.size("a page's size", maximum: Self.maximumByteCount)
            case 3: header.compressedByteCount = try input.size("a page's size", maximum: Self.maximumByteCount)
            case 5, 7, 8: try header.read(&input, version2: field.id == 8)
            default: return false
            }
            return true
        }
        self = header
        guard let kind = Kind(rawValue: number) else { throw Damage.corrupt("a page is of type \(number)") }
        self.kind = kind
    }

    private init() {}

    private mutating func read(_ input: inout ThriftInput, version2: Bool) throws(Failure) {
        var header = self
        try input.structure { input, field throws(Failure) in
            switch (field.id, version2) {
            case (1, _): header.valueCount = try input.size("a page's count of values")
            case (2, false), (4, true): header.encoding = try input.size("a page's encoding", maximum: 100)
            case (5, true): header.levelByteCount = try input.size("a size of levels", maximum: Self.maximumByteCount)
            case (6, true):
                header.repetitionByteCount = try input.size("a size of levels", maximum: Self.maximumByteCount)
            case (7, true): header.isCompressed = field.isTrue
            default: return false
            }
            return true
        }
        self = header
    }
}
