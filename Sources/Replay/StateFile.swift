/// One file of a table's state: rows in the order of their identities, behind those of the file before it.
public struct StateFile: Sendable, Equatable {
    /// Its name in the state's folder.
    public var name: String
    public var rowCount: Int64
    public var byteCount: Int64
    /// XXH3-64 of its bytes.
    public var digest: UInt64
    /// The identity of its first row.
    public var firstIdentity: [UInt8]
    /// Of its row groups behind the first one: the identity of the first row.
    public var groupIdentities: [[UInt8]] = []

    public init(name: String, rowCount: Int64, byteCount: Int64, digest: UInt64, firstIdentity: [UInt8]) {
        self.name = name
        self.rowCount = rowCount
        self.byteCount = byteCount
        self.digest = digest
        self.firstIdentity = firstIdentity
    }
}
