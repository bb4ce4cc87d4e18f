internal import CYaml

/// Reads a YAML document into a tree, by libyaml's events.
///
/// Hostile input is bounded: `maximumByteCount`, `maximumDepth`, no aliases (no bombs), no tags (no types
/// other than ours), one document. A syntax error ends the reading; duplicate keys are collected, the first
/// one stands.
struct YAMLParser {
    /// The largest file.
    static let maximumByteCount = 1 << 20
    /// The deepest nesting; ours is 8.
    static let maximumDepth = 32

    struct Fault: Error, Equatable {
        var mark: YAMLMark
        var message: String
    }

    /// Duplicate keys met on the way.
    private(set) var faults: [Fault] = []
    private let reader: Reader

    /// Parses a whole document.
    static func parse(_ bytes: [UInt8]) throws(Fault) -> (root: YAMLNode, faults: [Fault]) {
        if bytes.count > maximumByteCount {
            throw Fault(
                mark: YAMLMark(line: 0, column: 0),
                message: "the file has \(bytes.count) bytes; at most \(maximumByteCount) are read")
        }
        // Why: libyaml skips a byte order mark only while it guesses the encoding, which we do not let it.
        let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
        var parser = YAMLParser(reader: Reader(hasMark ? Array(bytes.dropFirst(3)) : bytes))
        let root = try parser.document()
        return (root, parser.faults)
    }

    private init(reader: Reader) { self.reader = reader }

    private mutating func document() throws(Fault) -> YAMLNode {
        var event = try reader.next()
        guard case .streamStart = event.kind else { throw unexpected(event) }
        event = try reader.next()
        if case .streamEnd = event.kind {
            throw Fault(mark: YAMLMark(line: 0, column: 0), message: "the file is empty")
        }
        guard case .documentStart = event.kind else { throw unexpected(event) }
        let root = try node(try reader.next(), depth: 1)
        event = try reader.next()
        guard case .documentEnd = event.kind else { throw unexpected(event) }
        event = try reader.next()
        guard case .streamEnd = event.kind else {
            throw Fault(mark: event.mark, message: "a second document begins here; one file holds one")
        }
        return root
    }

    private mutating func node(_ event: Event, depth: Int) throws(Fault) -> YAMLNode {
        if depth > Self.maximumDepth {
            throw Fault(mark: event.mark, message: "nested deeper than \(Self.maximumDepth) levels")
        }
        if event.hasTag { throw Fault(mark: event.mark, message: "tags (\"!\") are not supported; quote the value") }
        if event.hasAnchor {
            throw Fault(mark: event.mark, message: "anchors (\"&\") are not supported; write the value out")
        }
        switch event.kind {
        case .scalar(let text, let isPlain):
            return YAMLNode(mark: event.mark, content: .scalar(text, isPlain: isPlain))
        case .sequenceStart: return try sequence(event.mark, depth: depth)
        case .mappingStart: return try mapping(event.mark, depth: depth)
        case .alias:
            throw Fault(mark: event.mark, message: "aliases (\"*\") are not supported; quote or write the value out")
        default: throw unexpected(event)
        }
    }

    private mutating func sequence(_ mark: YAMLMark, depth: Int) throws(Fault) -> YAMLNode {
        var items: [YAMLNode] = []
        while true {
            let event = try reader.next()
            if case .sequenceEnd = event.kind { return YAMLNode(mark: mark, content: .sequence(items)) }
            items.append(try node(event, depth: depth + 1))
        }
    }

    private mutating func mapping(_ mark: YAMLMark, depth: Int) throws(Fault) -> YAMLNode {
        var members: [YAMLMember] = []
        var lines: [String: Int] = [:]
        while true {
            let event = try reader.next()
            if case .mappingEnd = event.kind { return YAMLNode(mark: mark, content: .mapping(members)) }
            guard case .scalar(let name, _) = try node(event, depth: depth + 1).content else {
                throw Fault(mark: event.mark, message: "a name is expected here, not a list or a mapping")
            }
            let value = try node(try reader.next(), depth: depth + 1)
            if let line = lines[name] {
                faults.append(
                    Fault(mark: event.mark, message: "\"\(name.clipped)\" is given twice, first on line \(line)"))
            } else {
                lines[name] = event.mark.line
                members.append(YAMLMember(name: name, mark: event.mark, value: value))
            }
        }
    }

    private func unexpected(_ event: Event) -> Fault {
        Fault(mark: event.mark, message: "this is not expected here")
    }
}

extension YAMLParser {
    /// One event of libyaml, in Swift's words.
    struct Event {
        enum Kind {
            case streamStart, streamEnd, documentStart, documentEnd, sequenceStart, sequenceEnd, mappingStart
            case mappingEnd, alias, nothing
            case scalar(String, isPlain: Bool)
        }

        var kind: Kind
        var mark: YAMLMark
        var hasAnchor = false
        var hasTag = false
    }

    /// Owns libyaml's parser and its input.
    @safe final class Reader {
        // Safety: the parser points into `input`; both live until deinit, in heap cells that never move.
        private let parser: UnsafeMutablePointer<yaml_parser_t>
        private let input: UnsafeMutableBufferPointer<UInt8>
        private let isReady: Bool

        init(_ bytes: [UInt8]) {
            unsafe input = .allocate(capacity: bytes.count)
            _ = unsafe input.initialize(fromContentsOf: bytes)
            unsafe parser = .allocate(capacity: 1)
            unsafe parser.initialize(to: yaml_parser_t())
            isReady = unsafe yaml_parser_initialize(parser) == 1
            if isReady {
                unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
                unsafe yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
            }
        }

        deinit {
            if isReady { unsafe yaml_parser_delete(parser) }
            unsafe parser.deallocate()
            unsafe input.deallocate()
        }

        func next() throws(Fault) -> Event {
            guard isReady else { throw Fault(mark: YAMLMark(line: 0, column: 0), message: "no memory to parse it") }
            var raw = unsafe yaml_event_t()
            guard unsafe yaml_parser_parse(parser, &raw) == 1 else { throw fault() }
            defer { unsafe yaml_event_delete(&raw) }
            return unsafe convert(raw)
        }

        private func convert(_ raw: yaml_event_t) -> Event {
            var event = Event(kind: .nothing, mark: unsafe Self.mark(raw.start_mark))
            switch unsafe raw.type {
            case YAML_STREAM_START_EVENT: event.kind = .streamStart
            case YAML_STREAM_END_EVENT: event.kind = .streamEnd
            case YAML_DOCUMENT_START_EVENT: event.kind = .documentStart
            case YAML_DOCUMENT_END_EVENT: event.kind = .documentEnd
            case YAML_SEQUENCE_END_EVENT: event.kind = .sequenceEnd
            case YAML_MAPPING_END_EVENT: event.kind = .mappingEnd
            case YAML_ALIAS_EVENT: event.kind = .alias
            case YAML_SEQUENCE_START_EVENT:
                event.kind = .sequenceStart
                event.hasAnchor = unsafe raw.data.sequence_start.anchor != nil
                event.hasTag = unsafe raw.data.sequence_start.tag != nil
            case YAML_MAPPING_START_EVENT:
                event.kind = .mappingStart
                event.hasAnchor = unsafe raw.data.mapping_start.anchor != nil
                event.hasTag = unsafe raw.data.mapping_start.tag != nil
            case YAML_SCALAR_EVENT:
                let scalar = unsafe raw.data.scalar
                let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
                let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
                event.kind = unsafe .scalar(String(decoding: bytes, as: UTF8.self), isPlain: isPlain)
                event.hasAnchor = unsafe scalar.anchor != nil
                event.hasTag = unsafe scalar.tag != nil
            default: break
            }
            return event
        }

        /// libyaml's own complaint, with the place it names.
        private func fault() -> Fault {
            let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "not YAML"
            guard unsafe parser.pointee.error != YAML_READER_ERROR else {
                let mark = place(of: unsafe parser.pointee.problem_offset)
                return Fault(mark: mark, message: "not UTF-8 text: \(problem)")
            }
            var message = "not YAML: \(problem)"
            if let context = unsafe parser.pointee.context {
                let line = unsafe parser.pointee.context_mark.line + 1
                unsafe message += " (\(String(cString: context)), begun on line \(line))"
            }
            return Fault(mark: unsafe Self.mark(parser.pointee.problem_mark), message: message)
        }

        private func place(of offset: Int) -> YAMLMark {
            var mark = YAMLMark(line: 1, column: 1)
            for byte in unsafe [UInt8](input.prefix(max(0, offset))) {
                if byte == 0x0A {
                    mark.line += 1
                    mark.column = 1
                } else if byte & 0xC0 != 0x80 {
                    mark.column += 1
                }
            }
            return mark
        }

        private static func mark(_ raw: yaml_mark_t) -> YAMLMark {
            YAMLMark(line: raw.line + 1, column: raw.column + 1)
        }
    }
}

extension String {
    /// At most 60 characters, on one line: for messages.
    var clipped: String {
        let flat = String(String.UnicodeScalarView(unicodeScalars.prefix(61).map { $0.value < 0x20 ? " " : $0 }))
        return unicodeScalars.count > 60 ? String(flat.unicodeScalars.prefix(60)) + "..." : flat
    }
}
