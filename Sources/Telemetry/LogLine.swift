/// How one line of the log is written; pure.
///
/// A line holds no line feed and no control character but its last byte, whatever the values hold, and is at
/// most `maximumByteCount` long: what does not fit is cut and the line says so (`cut`).
struct LogLine {
    /// PIPE_BUF: up to here a write(2) to a pipe is never mixed with another writer's. Source: pipe(7).
    static let maximumByteCount = 4_096
    /// Longest text of one value: an eighth of the line, so that several fit.
    static let maximumValueByteCount = 512
    /// Longest message: half the line.
    static let maximumMessageByteCount = 2_048
    /// Kept back for `,"cut":true}` and the line feed.
    private static let tail = 16

    private(set) var bytes: [UInt8] = []
    private let form: Log.Form
    private var isCut = false

    init(
        form: Log.Form, milliseconds: Int64, level: Log.Level, event: String, message: String, fields: LogFields
    ) {
        self.form = form
        bytes.reserveCapacity(512)
        switch form {
        case .json:
            bytes += #"{"time":""#.utf8
            bytes += Timestamp.bytes(milliseconds)
            bytes += #"","level":""#.utf8
            bytes += level.rawValue.utf8
            bytes.append(0x22)
            add("event", .string(event), Self.maximumValueByteCount)
            add("message", .string(message), Self.maximumMessageByteCount)
        case .text:
            bytes += Timestamp.bytes(milliseconds)
            bytes.append(0x20)
            bytes += level.rawValue.utf8
            bytes.append(0x20)
            escape(event, Self.maximumValueByteCount)
            bytes += ": ".utf8
            escape(message, Self.maximumMessageByteCount)
        }
        for (name, value) in fields.members { add(name, value, Self.maximumValueByteCount) }
        if isCut { bytes += (form == .json ? #","cut":true"# : " cut=true").utf8 }
        if form == .json { bytes.append(0x7D) }
        bytes.append(0x0A)
    }

    private mutating func add(_ name: String, _ value: LogValue, _ maximum: Int) {
        let start = bytes.count
        bytes += (form == .json ? ",\"" : " ").utf8
        escape(name, 64)
        bytes += (form == .json ? "\":" : "=").utf8
        switch value {
        case .string(let text):
            let isQuoted = form == .json || !Self.isPlain(text)
            if isQuoted { bytes.append(0x22) }
            escape(text, maximum)
            if isQuoted { bytes.append(0x22) }
        case .integer(let number): bytes += String(number).utf8
        case .double(let number):
            // JSON has no infinity and no NaN.
            bytes += (number.isFinite ? "\(number)" : "null").utf8
        case .boolean(let flag): bytes += (flag ? "true" : "false").utf8
        }
        if bytes.count > Self.maximumByteCount - Self.tail {
            bytes.removeLast(bytes.count - start)
            isCut = true
        }
    }

    /// A text value that needs no quotes: letters, digits and common marks of names and paths.
    private static func isPlain(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x3D && $0 != 0x5C }
    }

    /// Escapes as JSON does, in both forms; cuts at a scalar's boundary.
    private mutating func escape(_ text: String, _ maximum: Int) {
        let end = bytes.count + maximum
        for scalar in text.unicodeScalars {
            let start = bytes.count
            switch scalar.value {
            case 0x22 where form == .json, 0x5C where form == .json:
                bytes.append(0x5C)
                bytes.append(UInt8(scalar.value))
            case 0x22: bytes += "\\\"".utf8
            case 0x0A: bytes += "\\n".utf8
            case 0x0D: bytes += "\\r".utf8
            case 0x09: bytes += "\\t".utf8
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029:
                let digits = String(scalar.value, radix: 16)
                bytes += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
            default: bytes += String(scalar).utf8
            }
            if bytes.count > end {
                bytes.removeLast(bytes.count - start)
                isCut = true
                return
            }
        }
    }
}
