internal import Event
internal import JSON

/// Geometries as text (OGC WKT) into bytes (WKB, little-endian): what Maxwell writes, and what servers store.
enum WellKnownText {
    /// Deepest nesting of collections.
    private static let maximumDepth = 32

    /// Appends the WKB of a text; false if it is none (then part of it was appended).
    static func append(_ text: ByteView, to bytes: inout [UInt8]) -> Bool {
        var reader = Reader(text: text)
        guard reader.geometry(&bytes, 0) else { return false }
        reader.skipBlanks()
        return reader.index == text.count
    }

    private struct Reader {
        let text: ByteView
        var index = 0

        mutating func skipBlanks() {
            while index < text.count, text[index] == 32 { index += 1 }
        }

        mutating func take(_ symbol: Unicode.Scalar) -> Bool {
            skipBlanks()
            guard index < text.count, text[index] == UInt8(ascii: symbol) else { return false }
            index += 1
            return true
        }

        mutating func word() -> String {
            skipBlanks()
            let from = index
            while index < text.count, text[index] | 0x20 &- 0x61 < 26, text[index] >= 0x41 { index += 1 }
            return text.slice(from, index).text.uppercased()
        }

        mutating func geometry(_ bytes: inout [UInt8], _ depth: Int) -> Bool {
            guard depth < maximumDepth else { return false }
            switch word() {
            case "POINT": return head(1, &bytes) && pointBody(&bytes)
            case "LINESTRING": return head(2, &bytes) && list(&bytes) { $0.coordinates(&$1) }
            case "POLYGON": return head(3, &bytes) && rings(&bytes)
            case "MULTIPOINT": return head(4, &bytes) && list(&bytes) { $0.part(1, &$1) { $0.loosePoint(&$1) } }
            case "MULTILINESTRING":
                return head(5, &bytes) && list(&bytes) { $0.part(2, &$1) { $0.list(&$1) { $0.coordinates(&$1) } } }
            case "MULTIPOLYGON": return head(6, &bytes) && list(&bytes) { $0.part(3, &$1) { $0.rings(&$1) } }
            case "GEOMETRYCOLLECTION": return head(7, &bytes) && list(&bytes) { $0.geometry(&$1, depth + 1) }
            default: return false
            }
        }

        private func head(_ kind: UInt32, _ bytes: inout [UInt8]) -> Bool {
            bytes.append(1)
            Self.append(count: kind, &bytes)
            return true
        }

        mutating func part(_ kind: UInt32, _ bytes: inout [UInt8], _ body: (inout Reader, inout [UInt8]) -> Bool)
            -> Bool
        {
            head(kind, &bytes) && body(&self, &bytes)
        }

        private static func append(count number: UInt32, _ bytes: inout [UInt8]) {
            for shift: UInt32 in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }

        mutating func rings(_ bytes: inout [UInt8]) -> Bool {
            list(&bytes) { $0.list(&$1) { $0.coordinates(&$1) } }
        }

        /// `(a, b, c)` or EMPTY, with its count in front.
        mutating func list(_ bytes: inout [UInt8], _ element: (inout Reader, inout [UInt8]) -> Bool) -> Bool {
            let place = bytes.count
            Self.append(count: 0, &bytes)
            guard take("(") else { return word() == "EMPTY" }
            var count: UInt32 = 0
            repeat {
                guard element(&self, &bytes) else { return false }
                count += 1
            } while take(",")
            guard take(")") else { return false }
            for (offset, shift) in [0, 8, 16, 24].enumerated() {
                bytes[place + offset] = UInt8(truncatingIfNeeded: count >> UInt32(shift))
            }
            return true
        }

        mutating func pointBody(_ bytes: inout [UInt8]) -> Bool {
            guard take("(") else {
                guard word() == "EMPTY" else { return false }
                for _ in 0..<2 { Self.append(Double.nan, &bytes) }
                return true
            }
            return coordinates(&bytes) && take(")")
        }

        /// A point of a MULTIPOINT: with parentheses of its own, or without.
        mutating func loosePoint(_ bytes: inout [UInt8]) -> Bool {
            skipBlanks()
            if index < text.count, text[index] == UInt8(ascii: "(") { return pointBody(&bytes) }
            return coordinates(&bytes)
        }

        mutating func coordinates(_ bytes: inout [UInt8]) -> Bool {
            for _ in 0..<2 {
                skipBlanks()
                let from = index
                while index < text.count, text[index] > 32, text[index] != UInt8(ascii: ","),
                    text[index] != UInt8(ascii: ")")
                {
                    index += 1
                }
                guard let value = NumberFormat.double(text.slice(from, index)) else { return false }
                Self.append(value, &bytes)
            }
            return true
        }

        private static func append(_ value: Double, _ bytes: inout [UInt8]) {
            for shift: UInt64 in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
            }
        }
    }
}
