/// Replaces `${NAME}` in values by environment variables: how secrets stay out of files.
///
/// Values only, never names. `$${NAME}` is the text `${NAME}` itself; a `${` that no name and `}` follow stays
/// as it is. What is put in is not looked at again, and is always text (an empty variable is an empty text,
/// not "nothing").
enum Substitution {
    /// The longest value that a variable may bring in.
    static let maximumByteCount = 64 << 10

    static func apply(
        to node: YAMLNode, _ environment: (String) -> String?, _ faults: inout FaultList
    ) -> YAMLNode {
        var result = node
        switch node.content {
        case .scalar(let text, _):
            if let replaced = replace(text, node.mark, environment, &faults) {
                result.content = .scalar(replaced, isPlain: false)
            }
        case .sequence(let items):
            result.content = .sequence(items.map { apply(to: $0, environment, &faults) })
        case .mapping(let members):
            result.content = .mapping(
                members.map { member in
                    var member = member
                    member.value = apply(to: member.value, environment, &faults)
                    return member
                })
        }
        return result
    }

    /// The text with variables put in, or nil if there is nothing to replace.
    private static func replace(
        _ text: String, _ mark: YAMLMark, _ environment: (String) -> String?, _ faults: inout FaultList
    ) -> String? {
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        var index = 0
        var isChanged = false
        while index < bytes.count {
            if bytes[index...].starts(with: "$${".utf8) {
                output += "${".utf8
                index += 3
                isChanged = true
            } else if let name = name(at: index, in: bytes) {
                index += name.utf8.count + 3
                isChanged = true
                guard let value = environment(name) else {
                    faults.add(mark, "the environment variable \"\(name.clipped)\" is not set")
                    continue
                }
                if value.utf8.count > maximumByteCount {
                    faults.add(mark, "the environment variable \"\(name.clipped)\" is longer than 64KiB")
                } else {
                    output += value.utf8
                }
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return isChanged ? String(decoding: output, as: UTF8.self) : nil
    }

    /// The name in `${name}` at an index, or nil if there is none.
    private static func name(at index: Int, in bytes: [UInt8]) -> String? {
        guard bytes[index...].starts(with: "${".utf8) else { return nil }
        let name = bytes[(index + 2)...].prefix { byte in
            byte == 0x5F || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte)
        }
        guard let first = name.first, !(0x30...0x39).contains(first) else { return nil }
        guard name.endIndex < bytes.count, bytes[name.endIndex] == 0x7D else { return nil }
        return String(decoding: name, as: UTF8.self)
    }
}
