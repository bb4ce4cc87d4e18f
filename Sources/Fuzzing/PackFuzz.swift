internal import Collector
internal import Event

/// The pack decoder. The input: the key's length (one byte), the key, the value. With a first byte of 0 a key is made
/// that fits the value: then the second byte says the framing.
enum PackFuzz {
    static func fault(_ input: ByteView) -> String? {
        guard !input.isEmpty else { return nil }
        let first = Int(input[0])
        if first == 0, input.count > 1 {
            let value = input.slice(2, input.count)
            let choice = input[1]
            let span = UInt64(value.count) + UInt64(choice >> 4)
            let key = PackKey(
                kind: .data, framing: choice & 1 == 0 ? .lines : .records, agent: "a", source: "s",
                stream: StreamID(high: 1, low: 2), from: Position(100), to: Position(100 + span))
            return unsafe Array(key.text.utf8).withUnsafeBytes { text in
                PackTrial.fault(key: unsafe ByteView(text), value: value)
            }
        }
        let keyEnd = 1 + min(first, input.count - 1)
        return PackTrial.fault(key: input.slice(1, keyEnd), value: input.slice(keyEnd, input.count))
    }
}
