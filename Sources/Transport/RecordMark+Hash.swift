internal import Platform

extension RecordMark {
    /// XXH3-64 over the key (seed 0), chained into the value; a null key or value adds no bytes.
    public static func hash(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) -> UInt64 {
        let empty = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        let head = unsafe Hash.xxh3(key ?? empty, seed: 0)
        return unsafe Hash.xxh3(value ?? empty, seed: head)
    }
}
