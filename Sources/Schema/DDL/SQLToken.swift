/// One token of a statement: its kind and where it stands.
struct SQLToken {
    enum Kind {
        /// A word or keyword, not quoted.
        case word
        /// In backticks.
        case name
        /// In single or double quotes.
        case string
        /// `x'4D'` or `0x4D`, `b'01'` or `0b01`.
        case hex, bits
        case number
        /// One character that is none of the above.
        case symbol
        case end
    }
    var kind: Kind
    var from: Int
    var to: Int
}

/// Cuts SQL text into tokens: MySQL's and MariaDB's quoting and comments; `/*! ... */` is code.
///
/// Never fails: what is not closed ends with the text. Bounded by the text's length.
struct SQLLexer {
    /// Longest text that is read; a statement of 16,384 columns of 1 KiB.
    static let maximumByteCount = 64 << 20
    /// `/*!999999 ... */`: a comment for every server.
    private static let unreachableVersion = 990_000

    let bytes: [UInt8]
    private var index = 0
    /// Open `/*!` comments whose end is still to come.
    private var openCount = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes.count <= Self.maximumByteCount ? bytes : [] }

    /// All tokens, the end included.
    static func tokens(_ bytes: [UInt8]) -> [SQLToken] {
        var lexer = SQLLexer(bytes)
        var tokens: [SQLToken] = []
        tokens.reserveCapacity(bytes.count / 5)
        while true {
            let token = lexer.next()
            tokens.append(token)
            if token.kind == .end { return tokens }
        }
    }

    private func byte(_ at: Int) -> UInt8 { at < bytes.count ? bytes[at] : 0 }

    mutating func next() -> SQLToken {
        skipBlanks()
        guard index < bytes.count else { return SQLToken(kind: .end, from: bytes.count, to: bytes.count) }
        let from = index
        let first = bytes[index]
        switch first {
        case UInt8(ascii: "'"), UInt8(ascii: "\""):
            skipQuoted(first, escapes: true)
            return SQLToken(kind: .string, from: from, to: index)
        case UInt8(ascii: "`"):
            skipQuoted(first, escapes: false)
            return SQLToken(kind: .name, from: from, to: index)
        case 0x30...0x39: return number(from)
        case UInt8(ascii: "."):
            guard Self.isDigit(byte(index + 1)), !followsName(from) else { break }
            return number(from)
        default:
            guard Self.isWord(first) else { break }
            return word(from)
        }
        index += 1
        return SQLToken(kind: .symbol, from: from, to: index)
    }

    private func followsName(_ at: Int) -> Bool {
        at > 0 && (Self.isWord(bytes[at - 1]) || bytes[at - 1] == UInt8(ascii: "`"))
    }

    private mutating func word(_ from: Int) -> SQLToken {
        if byte(index + 1) == UInt8(ascii: "'") {
            let mark = bytes[index] | 0x20
            if mark == UInt8(ascii: "x") || mark == UInt8(ascii: "b") || mark == UInt8(ascii: "n") {
                index += 1
                skipQuoted(UInt8(ascii: "'"), escapes: true)
                let kind: SQLToken.Kind = mark == UInt8(ascii: "x") ? .hex : mark == UInt8(ascii: "b") ? .bits : .string
                return SQLToken(kind: kind, from: kind == .string ? from + 1 : from, to: index)
            }
        }
        while index < bytes.count, Self.isWord(bytes[index]) { index += 1 }
        return SQLToken(kind: .word, from: from, to: index)
    }

    private mutating func number(_ from: Int) -> SQLToken {
        let second = byte(index + 1) | 0x20
        if bytes[index] == 0x30, second == UInt8(ascii: "x") || second == UInt8(ascii: "b") {
            index += 2
            while index < bytes.count, Self.isWord(bytes[index]) { index += 1 }
            return SQLToken(kind: second == UInt8(ascii: "x") ? .hex : .bits, from: from, to: index)
        }
        while Self.isDigit(byte(index)) { index += 1 }
        // A name may begin with digits: `2024_sales`.
        if Self.isWord(byte(index)), byte(index) | 0x20 != UInt8(ascii: "e") { return word(from) }
        if byte(index) == UInt8(ascii: ".") {
            index += 1
            while Self.isDigit(byte(index)) { index += 1 }
        }
        if byte(index) | 0x20 == UInt8(ascii: "e") {
            let sign = byte(index + 1) == UInt8(ascii: "-") || byte(index + 1) == UInt8(ascii: "+") ? 2 : 1
            guard Self.isDigit(byte(index + sign)) else { return word(from) }
            index += sign
            while Self.isDigit(byte(index)) { index += 1 }
        }
        return SQLToken(kind: .number, from: from, to: index)
    }

    private mutating func skipQuoted(_ quote: UInt8, escapes: Bool) {
        index += 1
        while index < bytes.count {
            if escapes, bytes[index] == UInt8(ascii: "\\") {
                index += 2
            } else if bytes[index] == quote {
                index += 1
                guard byte(index) == quote, index < bytes.count else { return }
                index += 1
            } else {
                index += 1
            }
        }
        index = bytes.count
    }

    private mutating func skipBlanks() {
        while index < bytes.count {
            let next = byte(index + 1)
            switch bytes[index] {
            case 0...32: index += 1
            case UInt8(ascii: "#"): skipLine()
            case UInt8(ascii: "-"):
                guard next == UInt8(ascii: "-"), byte(index + 2) <= 32 else { return }
                skipLine()
            case UInt8(ascii: "/"):
                guard next == UInt8(ascii: "*") else { return }
                skipComment()
            case UInt8(ascii: "*"):
                guard next == UInt8(ascii: "/"), openCount > 0 else { return }
                openCount -= 1
                index += 2
            default: return
            }
        }
    }

    private mutating func skipLine() {
        while index < bytes.count, bytes[index] != 10 { index += 1 }
    }

    private mutating func skipComment() {
        var at = index + 2
        if byte(at) == UInt8(ascii: "M"), byte(at + 1) == UInt8(ascii: "!") { at += 1 }
        if byte(at) == UInt8(ascii: "!") {
            at += 1
            var version = 0
            while Self.isDigit(byte(at)), version < 1_000_000 {
                version = version * 10 + Int(byte(at) - 48)
                at += 1
            }
            if version < Self.unreachableVersion {
                openCount += 1
                index = at
                return
            }
        }
        index += 2
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "*"), byte(index + 1) == UInt8(ascii: "/") {
                index += 2
                return
            }
            index += 1
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x24, 0x5F, 0x80...0xFF: true
        default: false
        }
    }
}

extension SQLLexer {
    /// What a quoted token stands for.
    static func unquoted(_ token: SQLToken, _ bytes: [UInt8]) -> [UInt8] {
        guard token.kind == .string || token.kind == .name, token.to > token.from else {
            return Array(bytes[token.from..<token.to])
        }
        let quote = bytes[token.from]
        var result: [UInt8] = []
        var index = token.from + 1
        while index < token.to {
            let byte = bytes[index]
            if byte == quote {
                guard index + 1 < token.to, bytes[index + 1] == quote else { return result }
                result.append(quote)
                index += 2
            } else if byte == UInt8(ascii: "\\"), token.kind == .string, index + 1 < token.to {
                result += escaped(bytes[index + 1])
                index += 2
            } else {
                result.append(byte)
                index += 1
            }
        }
        return result
    }

    private static func escaped(_ byte: UInt8) -> [UInt8] {
        switch byte {
        case UInt8(ascii: "0"): [0]
        case UInt8(ascii: "n"): [10]
        case UInt8(ascii: "r"): [13]
        case UInt8(ascii: "t"): [9]
        case UInt8(ascii: "b"): [8]
        case UInt8(ascii: "Z"): [26]
        // These two keep their backslash (they are for LIKE).
        case UInt8(ascii: "%"), UInt8(ascii: "_"): [UInt8(ascii: "\\"), byte]
        default: [byte]
        }
    }

    /// The bytes of `x'4D'`, `0x4D`, `b'101'`, `0b101`; bits as a number, big-endian.
    static func literal(_ token: SQLToken, _ bytes: [UInt8]) -> [UInt8] {
        var digits = bytes[token.from..<token.to].dropFirst(bytes[token.from] == 0x30 ? 2 : 1)
        digits.removeAll { $0 == UInt8(ascii: "'") }
        let bitsADigit = token.kind == .hex ? 4 : 1
        var values: [UInt8] = []
        for digit in digits {
            switch digit {
            case 0x30...0x39: values.append(digit - 0x30)
            case 0x41...0x46: values.append(digit - 0x41 + 10)
            case 0x61...0x66: values.append(digit - 0x61 + 10)
            default: return []
            }
        }
        var result = [UInt8](repeating: 0, count: (values.count * bitsADigit + 7) / 8)
        for (index, value) in values.reversed().enumerated() {
            let bit = index * bitsADigit
            result[result.count - 1 - bit / 8] |= value << UInt8(bit % 8)
        }
        return result
    }
}
