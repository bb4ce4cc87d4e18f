internal import Columns
internal import Event
internal import JSON
internal import Pipeline

/// A route that takes sample lines: format, settings, columns.
struct SchemaProposal {
    /// The most lines that are looked at.
    static let maximumLineCount = 10_000
    /// Levels of JSON objects whose members become columns of their own.
    static let maximumDepth = 3
    /// Share of lines that a format must take to be the one.
    static let neededShare = 0.8

    private(set) var route: RouteSpec
    private(set) var lineCount: Int

    /// Looks at lines without their line feeds.
    init(_ lines: [ArraySlice<UInt8>], table: String) throws(Failure) {
        let sample = Array(lines.filter { !$0.isEmpty }.prefix(Self.maximumLineCount))
        lineCount = sample.count
        route = RouteSpec(table: table, format: .raw)
        if try Self.share(sample, Self.document) >= Self.neededShare {
            try setDocument(sample)
        } else if try Self.share(sample, RouteSpec(table: "a.b", format: .combined)) >= Self.neededShare {
            route.format = .combined
        } else if try Self.share(sample, RouteSpec(table: "a.b", format: .syslog)) >= Self.neededShare {
            route.format = .syslog
        } else if try !setHeader(sample), try Self.share(sample, Self.pairs) >= Self.neededShare {
            route.format = .logfmt
            try setFields(try Self.extras(sample, Self.pairs), isTyped: false)
        }
    }

    /// 9998-12-31: no sample is later, so none is too far in the future.
    private static let lateEnough: Int64 = 253_370_678_400_000

    private static func withExtra(_ format: RecordFormat) -> RouteSpec {
        var spec = RouteSpec(table: "a.b", format: format, timeColumn: "received")
        spec.columns = [
            ColumnSpec(name: "received", type: .timestamp, path: "_received"),
            ColumnSpec(name: "rest", type: .json, path: "_extra"),
        ]
        return spec
    }
    private static var document: RouteSpec { withExtra(.json) }
    private static var pairs: RouteSpec { withExtra(.logfmt) }

    private static func share(_ lines: [ArraySlice<UInt8>], _ spec: RouteSpec) throws(Failure) -> Double {
        guard !lines.isEmpty else { return 0 }
        let trial = try LineTrial(spec, received: lateEnough)
        var rowCount = 0
        var refusedCount = 0
        for line in lines {
            switch trial.outcome(line).kind {
            case .row: rowCount += 1
            case .rejected: refusedCount += 1
            case .filtered: break
            }
        }
        return Double(rowCount) / Double(max(rowCount + refusedCount, 1))
    }

    /// The members of `_extra` of every line, by first appearance.
    private static func extras(_ lines: [ArraySlice<UInt8>], _ spec: RouteSpec) throws(Failure) -> [FieldGuess] {
        var fields = FieldList()
        let trial = try LineTrial(spec, received: 0)
        for line in lines {
            guard case .row(_, let values) = trial.outcome(line).kind else { continue }
            guard let rest = values["rest"].flatMap({ JSONValue(parsing: $0.text) })?.members else { continue }
            for member in rest { fields.add(member.name, member.value.string ?? "", .text) }
        }
        return fields.guesses
    }

    private mutating func setDocument(_ lines: [ArraySlice<UInt8>]) throws(Failure) {
        var fields = FieldList()
        for line in lines {
            for member in JSONValue(parsing: Array(line))?.members ?? [] {
                fields.add(Self.step(member.name), member.value, depth: 1)
            }
        }
        route.format = .json
        try setFields(fields.guesses, isTyped: true)
    }

    /// A member's name as a path has it.
    static func step(_ name: String) -> String {
        let isPlain = !name.isEmpty && !name.utf8.contains { ".[\"\\".utf8.contains($0) } && !name.begins(with: "_")
        guard !isPlain else { return name }
        return "[\"" + name.replacing(byte: "\\", with: "\\\\").replacing(byte: "\"", with: "\\\"") + "\"]"
    }

    /// A W3C directive, or a first line of names between delimiters that the other lines have, too.
    private mutating func setHeader(_ lines: [ArraySlice<UInt8>]) throws(Failure) -> Bool {
        let directive = Array("#Fields:".utf8)
        if let line = lines.first(where: { $0.starts(with: directive) }) {
            let names = line.dropFirst(directive.count).split { $0 == 32 || $0 == 9 || $0 == 13 }
            return try setDelimited(.w3c, names, lines, delimiter: nil)
        }
        guard let first = lines.first, lines.count > 1 else { return false }
        for delimiter in [9, 1, UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "|")] {
            let plain = first.filter { $0 != 13 && $0 != 34 }
            let names = plain.split(separator: delimiter, omittingEmptySubsequences: false)
            guard names.count > 1 else { continue }
            if try setDelimited(.delimited, names.map { $0[...] }, lines, delimiter: delimiter) { return true }
        }
        return false
    }

    private mutating func setDelimited(
        _ format: RecordFormat, _ bytes: [ArraySlice<UInt8>], _ lines: [ArraySlice<UInt8>], delimiter: UInt8?
    ) throws(Failure) -> Bool {
        let names = bytes.map { String(decoding: $0, as: UTF8.self) }
        guard Set(names).count == names.count, !names.contains("") else { return false }
        var spec = Self.withExtra(format)
        spec.parse.fields = names
        spec.parse.hasHeader = format == .delimited
        spec.parse.delimiter = delimiter
        guard try Self.share(lines, spec) >= Self.neededShare else { return false }
        route.format = format
        route.parse = spec.parse
        var guesses = try Self.extras(lines, spec)
        if format == .w3c, names.contains("date"), names.contains("time") {
            var time = FieldGuess("timestamp")
            time.add("2026-01-01 00:00:00", .text)
            guesses = [time] + guesses.filter { $0.path != "date" && $0.path != "time" }
        }
        try setFields(guesses, isTyped: false)
        return true
    }

    /// Columns of the fields, and the event's time among them.
    private mutating func setFields(_ fields: [FieldGuess], isTyped: Bool) throws(Failure) {
        var taken: Set<String> = [route.partitionName]
        var columns: [ColumnSpec] = []
        for field in fields.prefix(500) {
            columns.append(try field.column(Self.name(field.path, &taken), isTyped: isTyped))
        }
        let times = columns.filter { $0.type == .timestamp }
        let usual = ["time", "timestamp", "ts", "date", "datetime", "created_at"]
        let best = usual.lazy.compactMap { name in times.first { $0.name.lowercased() == name } }.first ?? times.first
        if let best {
            route.timeColumn = best.name
        } else {
            let name = Self.name("received", &taken)
            columns.insert(ColumnSpec(name: name, type: .timestamp, path: "_received"), at: 0)
            route.timeColumn = name
        }
        route.columns = columns
    }

    /// A name that every system takes: letters, digits and `_`, in lower case, and not taken yet.
    private static func name(_ path: String, _ taken: inout Set<String>) -> String {
        var name = ""
        for byte in path.lowercased().utf8 {
            let isPlain = (97...122).contains(byte) || (48...57).contains(byte)
            if isPlain { name.unicodeScalars.append(Unicode.Scalar(byte)) } else if name.last != "_" { name += "_" }
        }
        while name.hasPrefix("_") { name.removeFirst() }
        while name.hasSuffix("_") { name.removeLast() }
        if name.isEmpty || name.first?.isNumber == true { name = "c" + name }
        name = String(name.prefix(100))
        var free = name
        var number = 2
        while !taken.insert(free).inserted {
            free = "\(name)_\(number)"
            number += 1
        }
        return free
    }
}

/// Fields by first appearance.
struct FieldList {
    private(set) var guesses: [FieldGuess] = []
    private var places: [String: Int] = [:]

    mutating func add(_ path: String, _ value: String, _ kind: FieldGuess.Kind) {
        let place = places[path] ?? guesses.count
        if place == guesses.count {
            places[path] = place
            guesses.append(FieldGuess(path))
        }
        guesses[place].add(value, kind)
    }

    /// A value of a document; members of objects become fields of their own.
    mutating func add(_ path: String, _ value: JSONValue, depth: Int) {
        switch value {
        case .null: break
        case .boolean(let value): add(path, value ? "true" : "false", .boolean)
        case .integer(let value): add(path, String(value), .number)
        case .unsigned(let value): add(path, String(value), .number)
        case .double(let value): add(path, "\(value)", .number)
        case .string(let value): add(path, value, .text)
        case .array, .written: add(path, value.text, .structure)
        case .object(let members):
            guard depth < SchemaProposal.maximumDepth, !members.isEmpty else {
                add(path, value.text, .structure)
                return
            }
            for member in members {
                let step = SchemaProposal.step(member.name)
                add(step.begins(with: "[") ? path + step : path + "." + step, member.value, depth: depth + 1)
            }
        }
    }
}
