internal import Event
internal import JSON
internal import Platform

/// The envelope of every record and checkpoint: one JSON object whose head has a fixed layout, so that
/// the checksum covers the content's bytes exactly as written (docs/formats/commit-log.md).
///
///     {"millrace":"commit","version":1,"checksum":"0123456789abcdef","content":{...}}
struct SealedDocument {
    enum Kind: String { case commit, checkpoint }
    /// The highest version known.
    static let version = 2
    /// Documents that close quarantine entries: a program that passed over them would replay entries again.
    static let closingVersion = 2

    static func encode(_ kind: Kind, _ content: JSONValue, version: Int) -> [UInt8] {
        var body: [UInt8] = []
        content.append(to: &body)
        var bytes = head(kind, version: version, checksum: Hash.xxh3(body))
        bytes.reserveCapacity(bytes.count + body.count + 2)
        bytes += body
        bytes += "}\n".utf8
        return bytes
    }

    private static func head(_ kind: Kind, version: Int, checksum: UInt64) -> [UInt8] {
        let text =
            "{\"millrace\":\"\(kind.rawValue)\",\"version\":\(version),"
            + "\"checksum\":\"\(hexadecimal(checksum))\",\"content\":"
        return Array(text.utf8)
    }

    /// The content, if version and checksum are right; `sink.corrupt_log` or `sink.newer_log` else.
    static func decode(_ kind: Kind, _ bytes: [UInt8], path: String) throws(Failure) -> JSONValue {
        let tail = Array("}\n".utf8)
        // One digit in every version known, so all heads are of one length.
        let length = head(kind, version: version, checksum: 0).count
        guard bytes.count > length + tail.count, bytes.suffix(2).elementsEqual(tail) else {
            if let document = JSONValue(parsing: bytes), let found = document["version"]?.integer,
                found > Int64(version)
            {
                throw newer(path, found)
            }
            throw corrupt(path, "it is torn or not of this kind")
        }
        let body = Array(bytes[length..<(bytes.count - tail.count)])
        let checksum = Hash.xxh3(body)
        let isKnown = (1...version).contains { version in
            bytes[..<length].elementsEqual(head(kind, version: version, checksum: checksum))
        }
        guard isKnown else {
            if let document = JSONValue(parsing: bytes), document["millrace"]?.string == kind.rawValue,
                let found = document["version"]?.integer, found > Int64(version)
            {
                throw newer(path, found)
            }
            throw corrupt(path, "its checksum does not fit its content")
        }
        guard let content = JSONValue(parsing: body) else { throw corrupt(path, "its content is not JSON") }
        return content
    }

    static func corrupt(_ path: String, _ what: String) -> Failure {
        Failure(
            "sink.corrupt_log", stage: .commit, kind: .corrupt, "\(path) cannot be trusted: \(what)",
            hint: "touch nothing in _millrace; look at the disk, restore the file from a copy, then start again")
    }

    private static func newer(_ path: String, _ found: Int64) -> Failure {
        Failure(
            "sink.newer_log", stage: .commit, kind: .corrupt,
            "\(path) has version \(found), this program knows \(version)",
            hint: "run the newer millrace that wrote it")
    }
}

/// 16 lowercase hexadecimal digits.
func hexadecimal(_ value: UInt64) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 16 - text.utf8.count) + text
}

/// A document that does not have the shape it should have.
struct Malformed: Error {
    let what: String
}

/// Reads one JSON object; every miss names the field.
struct ObjectReader {
    private let value: JSONValue

    init(_ value: JSONValue) throws(Malformed) {
        guard value.members != nil else { throw Malformed(what: "an object is missing") }
        self.value = value
    }

    func has(_ name: String) -> Bool { value[name].map { !$0.isNull } ?? false }

    func get<Result>(_ name: String, _ convert: (JSONValue) throws(Malformed) -> Result?) throws(Malformed) -> Result
    {
        guard let found = value[name], let result = try convert(found) else {
            throw Malformed(what: "the field \(name) is missing or wrong")
        }
        return result
    }

    func optional<Result>(_ name: String, _ convert: (JSONValue) throws(Malformed) -> Result?) throws(Malformed)
        -> Result?
    {
        has(name) ? try get(name, convert) : nil
    }

    func string(_ name: String) throws(Malformed) -> String { try get(name) { $0.string } }
    func integer(_ name: String) throws(Malformed) -> Int64 { try get(name) { $0.integer } }
    func small(_ name: String) throws(Malformed) -> Int { Int(try integer(name)) }
    func partition(_ name: String = "partition") throws(Malformed) -> Int32 {
        try get(name) { $0.integer.flatMap { Int32(exactly: $0) } }
    }
    /// A count; below 2^62, so that two can always be added.
    func count(_ name: String) throws(Malformed) -> UInt64 {
        try get(name) { $0.unsigned.flatMap { $0 < 1 << 62 ? $0 : nil } }
    }

    /// A list of what `convert` reads; missing: empty.
    func list<Result>(_ name: String, _ convert: (JSONValue) throws(Malformed) -> Result) throws(Malformed)
        -> [Result]
    {
        guard has(name) else { return [] }
        var results: [Result] = []
        for element in try get(name, { $0.array }) { results.append(try convert(element)) }
        return results
    }

    /// Members of an object; missing: empty.
    func map<Result>(_ name: String, _ convert: (JSONValue) throws(Malformed) -> Result) throws(Malformed) -> [String:
        Result]
    {
        guard has(name) else { return [:] }
        var results: [String: Result] = [:]
        for member in try get(name, { $0.members }) { results[member.name] = try convert(member.value) }
        return results
    }
}

/// Puts an object together; what is empty or nil is left out.
struct ObjectBuilder {
    private(set) var members: [JSONMember] = []
    var value: JSONValue { .object(members) }

    mutating func add(_ name: String, _ value: JSONValue) { members.append(JSONMember(name, value)) }
    mutating func add(_ name: String, _ text: String?) { if let text { add(name, .string(text)) } }
    mutating func add<Element>(_ name: String, _ elements: [Element], _ convert: (Element) -> JSONValue) {
        if !elements.isEmpty { add(name, .array(elements.map(convert))) }
    }
    mutating func add<Value>(_ name: String, _ map: [String: Value], _ convert: (Value) -> JSONValue) {
        if map.isEmpty { return }
        add(name, .object(map.sorted { $0.key < $1.key }.map { JSONMember($0.key, convert($0.value)) }))
    }
}
