internal import Columns
internal import Event
internal import JSON
internal import TimeZone

/// The growing buffer of one group's lines, of JSON or delimited text. A handle: its formatter frees it.
// Safety: `state` lives until `destroy`; every write is preceded by `reserve` for the most it can need.
@safe struct JSONOutput {
    private let state: UnsafeMutablePointer<State>

    @safe private struct State {
        var bytes: UnsafeMutablePointer<UInt8>
        var count = 0
        var capacity: Int
        var rowCount = 0
        /// Where the row under construction begins.
        var rowStart = 0
        // The last day written and its text: rows of one day follow each other.
        var lastDay = Int64.min
        var lastDayText: (UInt64, UInt16) = (0, 0)
    }

    private static let firstCapacity = 4_096

    init() {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(
            to: State(bytes: .allocate(capacity: Self.firstCapacity), capacity: Self.firstCapacity))
    }

    func destroy() {
        unsafe state.pointee.bytes.deallocate()
        unsafe state.deallocate()
    }

    var rowCount: Int { unsafe state.pointee.rowCount }
    var bytes: ByteView { unsafe ByteView(start: UnsafePointer(state.pointee.bytes), count: state.pointee.count) }

    /// Forgets the content; gives back memory beyond the limit.
    func clear() {
        if unsafe state.pointee.capacity > JSONLinesFormatter.maximumKeptByteCount {
            unsafe state.pointee.bytes.deallocate()
            unsafe state.pointee.bytes = .allocate(capacity: Self.firstCapacity)
            unsafe state.pointee.capacity = Self.firstCapacity
        }
        unsafe state.pointee.count = 0
        unsafe state.pointee.rowCount = 0
    }

    /// Makes room and returns where to write.
    @inline(__always)
    private func reserve(_ byteCount: Int) -> UnsafeMutablePointer<UInt8> {
        let needed = unsafe state.pointee.count + byteCount
        if unsafe needed > state.pointee.capacity { grow(needed) }
        return unsafe state.pointee.bytes + state.pointee.count
    }

    private func grow(_ needed: Int) {
        let capacity = unsafe max(needed, state.pointee.capacity * 2)
        let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        unsafe fresh.update(from: state.pointee.bytes, count: state.pointee.count)
        unsafe state.pointee.bytes.deallocate()
        unsafe state.pointee.bytes = fresh
        unsafe state.pointee.capacity = capacity
    }

    func beginObject() {
        unsafe state.pointee.rowStart = state.pointee.count
    }

    /// Closes the object and the line.
    func endObject() {
        let target = unsafe reserve(3)
        if unsafe state.pointee.count == state.pointee.rowStart {
            unsafe target[0] = UInt8(ascii: "{")
            unsafe target[1] = UInt8(ascii: "}")
            unsafe target[2] = 10
            unsafe state.pointee.count += 3
        } else {
            // The first key came with a comma; it makes room for the brace.
            unsafe state.pointee.bytes[state.pointee.rowStart] = UInt8(ascii: "{")
            unsafe target[0] = UInt8(ascii: "}")
            unsafe target[1] = 10
            unsafe state.pointee.count += 2
        }
        unsafe state.pointee.rowCount += 1
    }

    /// Appends `,"name":`.
    func appendKey(_ key: ByteView) {
        let target = unsafe reserve(key.count + 8)
        var index = 0
        // Why: whole words, overshooting into reserved room, are cheaper than memcpy for short keys.
        while index &+ 8 <= key.count {
            unsafe store(key.word(at: index), target + index)
            index &+= 8
        }
        while index < key.count {
            unsafe target[index] = key[index]
            index &+= 1
        }
        unsafe state.pointee.count += key.count
    }

    /// Appends a string in quotes, escaped. The bytes are valid UTF-8.
    func appendString(_ text: ByteView) {
        let count = text.count
        // The most it can become: six bytes for each, and two quotes.
        var target = unsafe reserve(count * 6 + 16)
        let start = unsafe target
        unsafe target[0] = quote
        unsafe target += 1
        let source = unsafe text.start
        var index = 0
        while index &+ 8 <= count {
            let word = unsafe UInt64(
                littleEndian: UnsafeRawPointer(source + index).loadUnaligned(as: UInt64.self))
            unsafe store(word, target)
            let found = Self.unsafeBytes(word)
            if found == 0 {
                unsafe target += 8
                index &+= 8
            } else {
                let clean = found.trailingZeroBitCount >> 3
                unsafe target += clean
                index &+= clean
                unsafe target = Self.escape(source[index], target)
                index &+= 1
            }
        }
        while index < count {
            let byte = unsafe source[index]
            if byte >= 0x20 && byte != quote && byte != backslash {
                unsafe target[0] = byte
                unsafe target += 1
            } else {
                unsafe target = Self.escape(byte, target)
            }
            index &+= 1
        }
        unsafe target[0] = quote
        unsafe state.pointee.count += (target - start) + 1
    }

    /// The high bit of each byte that needs an escape; exact up to and including the lowest.
    @inline(__always)
    private static func unsafeBytes(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let control = word &- ones &* 0x20
        let quotes = (word ^ ones &* 0x22) &- ones
        let backslashes = (word ^ ones &* 0x5C) &- ones
        return ((control & ~word) | (quotes & ~(word ^ ones &* 0x22)) | (backslashes & ~(word ^ ones &* 0x5C)))
            & 0x8080_8080_8080_8080
    }

    private static func escape(_ byte: UInt8, _ target: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        unsafe target[0] = backslash
        let short: UInt8 =
            switch byte {
            case quote, backslash: byte
            case 8: UInt8(ascii: "b")
            case 9: UInt8(ascii: "t")
            case 10: UInt8(ascii: "n")
            case 12: UInt8(ascii: "f")
            case 13: UInt8(ascii: "r")
            default: 0
            }
        if short != 0 {
            unsafe target[1] = short
            return unsafe target + 2
        }
        unsafe target[1] = UInt8(ascii: "u")
        unsafe target[2] = 48
        unsafe target[3] = 48
        unsafe target[4] = 48 &+ byte >> 4
        let low = byte & 15
        unsafe target[5] = low < 10 ? 48 &+ low : 87 &+ low
        return unsafe target + 6
    }

    /// Appends a text for delimited lines: a backslash before backslashes and separators, `\n` and `\r` for line ends.
    func appendEscaped(_ text: ByteView, separator: UInt8) {
        var target = unsafe reserve(text.count * 2)
        let start = unsafe target
        for index in 0..<text.count {
            let byte = text[index]
            if byte == backslash || byte == separator || byte == 10 || byte == 13 {
                unsafe target[0] = backslash
                unsafe target += 1
            }
            unsafe target[0] = byte == 10 ? UInt8(ascii: "n") : (byte == 13 ? UInt8(ascii: "r") : byte)
            unsafe target += 1
        }
        unsafe state.pointee.count += target - start
    }

    /// Ends a line that was not begun as an object.
    func endLine() {
        appendByte(10)
        unsafe state.pointee.rowCount += 1
    }

    /// Appends a JSON text as it is; raw line ends can only lie between tokens and become spaces.
    func appendDocument(_ text: ByteView) {
        let target = unsafe reserve(text.count)
        unsafe target.update(from: text.start, count: text.count)
        if text.firstIndex(of: 10, or: 13, from: 0) < text.count {
            for index in 0..<text.count where text[index] == 10 || text[index] == 13 { unsafe target[index] = 32 }
        }
        unsafe state.pointee.count += text.count
    }

    func appendBoolean(_ value: Bool) {
        appendConstant(value ? "true" : "false")
    }

    func appendNull() { appendConstant("null") }

    func appendByte(_ byte: UInt8) {
        unsafe reserve(1)[0] = byte
        unsafe state.pointee.count += 1
    }

    private func appendConstant(_ text: StaticString) {
        let target = unsafe reserve(text.utf8CodeUnitCount)
        unsafe target.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        unsafe state.pointee.count += text.utf8CodeUnitCount
    }

    func appendInteger(_ value: Int64) {
        let target = unsafe reserve(20)
        unsafe state.pointee.count += Self.write(value, target)
    }

    /// Appends a decimal with all digits behind its point.
    func appendDecimal(_ unscaled: Int128, scale: Int) {
        let target = unsafe reserve(DecimalText.maximumByteCount)
        unsafe state.pointee.count += DecimalText.write(unscaled, scale: scale, to: target)
    }

    /// Appends bytes as base64, in quotes or not.
    func appendBase64(_ value: ByteView, isQuoted: Bool = true) {
        guard isQuoted else {
            let target = unsafe reserve((value.count + 2) / 3 * 4)
            unsafe state.pointee.count += Base64.write(value, to: target)
            return
        }
        let target = unsafe reserve((value.count + 2) / 3 * 4 + 2)
        unsafe target[0] = quote
        let count = unsafe Base64.write(value, to: target + 1)
        unsafe target[count + 1] = quote
        unsafe state.pointee.count += count + 2
    }

    func appendDouble(_ value: Double) {
        let target = unsafe reserve(NumberFormat.maximumByteCount)
        unsafe state.pointee.count += NumberFormat.write(value, to: target)
    }

    /// Appends `"2015-05-17T10:05:03Z"`, with six digits behind the second if they are not all zero; or
    /// `2015-05-17 10:05:03`, as SQL has it. Outside of the years 1 to 9999 (only files of others hold such) as the
    /// number that it is.
    func appendTimestamp(_ microseconds: Int64, isQuoted: Bool = true) {
        guard microseconds >= CivilDay.minimum * Self.dayLength, microseconds < (CivilDay.maximum + 1) * Self.dayLength
        else { return appendInteger(microseconds) }
        let room = unsafe reserve(32)
        let seconds = CivilDay.floorDivide(microseconds, by: 1_000_000)
        let fraction = microseconds - seconds * 1_000_000
        let day = CivilDay.floorDivide(seconds, by: 86_400)
        let clock = seconds - day * 86_400
        unsafe room[0] = quote
        let target = unsafe isQuoted ? room + 1 : room
        unsafe writeDay(day, target)
        unsafe target[10] = isQuoted ? UInt8(ascii: "T") : 32
        unsafe Self.writeTwo(clock / 3_600, target + 11)
        unsafe target[13] = UInt8(ascii: ":")
        unsafe Self.writeTwo(clock / 60 % 60, target + 14)
        unsafe target[16] = UInt8(ascii: ":")
        unsafe Self.writeTwo(clock % 60, target + 17)
        var count = 19
        if fraction != 0 {
            unsafe target[19] = UInt8(ascii: ".")
            unsafe Self.writeTwo(fraction / 10_000, target + 20)
            unsafe Self.writeTwo(fraction / 100 % 100, target + 22)
            unsafe Self.writeTwo(fraction % 100, target + 24)
            count = 26
        }
        if isQuoted {
            unsafe target[count] = UInt8(ascii: "Z")
            unsafe target[count + 1] = quote
            count += 3
        }
        unsafe state.pointee.count += count
    }

    private static let dayLength: Int64 = 86_400_000_000

    /// Appends `"2015-05-17"`; outside of the years 1 to 9999 the number of days.
    func appendDate(_ day: Int64, isQuoted: Bool = true) {
        guard day >= CivilDay.minimum, day <= CivilDay.maximum else { return appendInteger(day) }
        let target = unsafe reserve(16)
        unsafe target[0] = quote
        unsafe writeDay(day, isQuoted ? target + 1 : target)
        if isQuoted { unsafe target[11] = quote }
        unsafe state.pointee.count += isQuoted ? 12 : 10
    }

    /// Ten bytes, `YYYY-MM-DD`.
    private func writeDay(_ day: Int64, _ target: UnsafeMutablePointer<UInt8>) {
        let raw = UnsafeMutableRawPointer(target)
        if unsafe day != state.pointee.lastDay {
            let date = CivilDay.date(of: day)
            unsafe Self.writeTwo(date.year / 100, target)
            unsafe Self.writeTwo(date.year % 100, target + 2)
            unsafe target[4] = UInt8(ascii: "-")
            unsafe Self.writeTwo(date.month, target + 5)
            unsafe target[7] = UInt8(ascii: "-")
            unsafe Self.writeTwo(date.day, target + 8)
            unsafe state.pointee.lastDay = day
            unsafe state.pointee.lastDayText.0 = raw.loadUnaligned(as: UInt64.self)
            unsafe state.pointee.lastDayText.1 = raw.loadUnaligned(fromByteOffset: 8, as: UInt16.self)
            return
        }
        unsafe raw.storeBytes(of: state.pointee.lastDayText.0, as: UInt64.self)
        unsafe raw.storeBytes(of: state.pointee.lastDayText.1, toByteOffset: 8, as: UInt16.self)
    }

    /// Two digits of a number in 0...99.
    @inline(__always)
    private static func writeTwo(_ value: Int64, _ target: UnsafeMutablePointer<UInt8>) {
        let small = UInt8(truncatingIfNeeded: value)
        unsafe target[0] = 48 &+ small / 10
        unsafe target[1] = 48 &+ small % 10
    }

    /// Writes a decimal; at most 20 bytes.
    private static func write(_ value: Int64, _ target: UnsafeMutablePointer<UInt8>) -> Int {
        var rest = value.magnitude
        var count = value < 0 ? 1 : 0
        if value < 0 { unsafe target[0] = UInt8(ascii: "-") }
        var limit: UInt64 = 10
        count += 1
        while rest >= limit {
            count += 1
            if count >= 20 { break }
            let (product, overflow) = limit.multipliedReportingOverflow(by: 10)
            if overflow { break }
            limit = product
        }
        var index = count
        let first = value < 0 ? 1 : 0
        while index > first {
            index -= 1
            unsafe target[index] = 48 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        return count
    }

    @inline(__always)
    private func store(_ word: UInt64, _ target: UnsafeMutablePointer<UInt8>) {
        unsafe UnsafeMutableRawPointer(target).storeBytes(of: word.littleEndian, as: UInt64.self)
    }
}

private let quote = UInt8(ascii: "\"")
private let backslash = UInt8(ascii: "\\")
