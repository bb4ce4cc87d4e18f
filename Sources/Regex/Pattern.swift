internal import CPcre2
public import Event

/// A compiled PCRE2 pattern. Immutable: many matchers on many threads may share it.
// Safety: `code` is only read after init (pcre2api: "the compiled form of a pattern is never altered
// during matching, so the same compiled pattern can be used by several threads simultaneously").
@safe public final class Pattern: @unchecked Sendable {
    /// Longest pattern text.
    public static let maximumByteCount = 4_096

    public let text: String
    /// The named groups, in the order of their numbers.
    public let groups: [Group]
    fileprivate let code: OpaquePointer

    /// A named group. Several may share a name where the pattern allows it (`(?J)`).
    public struct Group: Sendable, Equatable {
        public var name: String
        public var number: Int
    }

    /// Compiles with UTF-8 on and JIT where the machine has it. Fails with `config.bad_pattern`.
    public init(_ text: String) throws(Failure) {
        var code: Int32 = 0
        var offset = 0
        let bytes = Array(text.utf8)
        let options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C
        let compiled =
            bytes.count > Self.maximumByteCount
            ? nil
            : unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe pcre2_compile_8(buffer.baseAddress, buffer.count, options, &code, &offset, nil)
            }
        guard let compiled = unsafe compiled else {
            throw Failure(
                "config.bad_pattern", stage: .configuration, kind: .config,
                "the pattern '\(text.prefix(80))' is wrong at byte \(offset)",
                hint: "patterns are PCRE2, at most \(Self.maximumByteCount) bytes",
                cause: Self.message(of: code))
        }
        self.text = text
        unsafe self.code = compiled
        groups = unsafe Self.groups(of: compiled)
        // Why: without JIT (refused by the machine's policy) matching interprets; slower, the same answer.
        _ = unsafe pcre2_jit_compile_8(compiled, PCRE2_JIT_COMPLETE)
    }

    deinit { unsafe pcre2_code_free_8(code) }

    private static func groups(of code: OpaquePointer) -> [Group] {
        var count: UInt32 = 0
        var entrySize: UInt32 = 0
        var table: UnsafePointer<UInt8>? = nil
        guard unsafe pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMECOUNT), &count) == 0, count > 0,
            unsafe pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMEENTRYSIZE), &entrySize) == 0,
            unsafe pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMETABLE), &table) == 0, let table = unsafe table
        else { return [] }
        var groups: [Group] = []
        for index in 0..<Int(count) {
            // Safety: the table has `count` entries of `entrySize` bytes: the number in two, the name, a zero.
            let entry = unsafe table + index * Int(entrySize)
            let number = unsafe Int(entry[0]) << 8 | Int(entry[1])
            groups.append(Group(name: unsafe String(cString: entry + 2), number: number))
        }
        return groups.sorted { $0.number < $1.number }
    }

    private static func message(of code: Int32) -> String? {
        guard code != 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = unsafe buffer.withUnsafeMutableBufferPointer { target in
            unsafe pcre2_get_error_message_8(code, target.baseAddress, target.count)
        }
        return count > 0 ? String(decoding: buffer[..<Int(count)], as: UTF8.self) : nil
    }
}

/// Matches one pattern with memory and limits of its own. One thread at a time.
@safe public final class PatternMatcher {
    /// Backtracking steps per match: about 10 ms at worst, so hostile input cannot hang a lane.
    public static let matchLimit: UInt32 = 1_000_000
    /// Nesting of backtracking points (interpreter).
    public static let depthLimit: UInt32 = 10_000
    /// Heap per match in KiB (interpreter).
    public static let heapLimitKibibytes: UInt32 = 4_096

    /// Most memory of compiled code per match: backtracking points of about 10,000 characters.
    public static let maximumStackByteCount = 1 << 20

    private let pattern: Pattern
    private let data: OpaquePointer
    private let context: OpaquePointer
    /// Nil where the machine has no JIT.
    private let stack: OpaquePointer?

    /// Outcome of a match.
    public enum Outcome: Sendable { case none, found, limit }

    /// Nil only if memory is short. Without captures nothing but the fact of a match is known.
    public init?(_ pattern: Pattern, captures: Bool = false) {
        let created =
            captures
            ? unsafe pcre2_match_data_create_from_pattern_8(pattern.code, nil)
            : unsafe pcre2_match_data_create_8(1, nil)
        guard let data = unsafe created else { return nil }
        guard let context = unsafe pcre2_match_context_create_8(nil) else {
            unsafe pcre2_match_data_free_8(data)
            return nil
        }
        _ = unsafe pcre2_set_match_limit_8(context, Self.matchLimit)
        _ = unsafe pcre2_set_depth_limit_8(context, Self.depthLimit)
        _ = unsafe pcre2_set_heap_limit_8(context, Self.heapLimitKibibytes)
        // Why: without one of its own, compiled code has 32 KiB of the thread's, too little for a long request.
        unsafe stack = pcre2_jit_stack_create_8(32 << 10, Self.maximumStackByteCount, nil)
        if let stack = unsafe stack { unsafe pcre2_jit_stack_assign_8(context, nil, UnsafeMutableRawPointer(stack)) }
        self.pattern = pattern
        unsafe self.data = data
        unsafe self.context = context
    }

    deinit {
        unsafe pcre2_match_data_free_8(data)
        unsafe pcre2_match_context_free_8(context)
        unsafe pcre2_jit_stack_free_8(stack)
    }

    /// Whether the pattern matches somewhere in valid UTF-8. A match that meets a limit counts as none.
    public func matches(_ subject: ByteView) -> Bool { match(subject) == .found }

    /// Matches somewhere in valid UTF-8; groups are those of this match until the next one.
    public func match(_ subject: ByteView) -> Outcome {
        // Safety: the subject was validated as UTF-8 before (NO_UTF_CHECK), and outlives the call.
        let code = unsafe pcre2_match_8(
            pattern.code, subject.start, subject.count, 0, PCRE2_NO_UTF_CHECK, data, context)
        if code >= 0 { return .found }
        return code == PCRE2_ERROR_NOMATCH ? .none : .limit
    }

    /// Where a group of the last match lies in its subject; nil if it took no part.
    public func group(_ number: Int) -> (from: Int, to: Int)? {
        guard number >= 0, number < Int(unsafe pcre2_get_ovector_count_8(data)),
            let vector = unsafe pcre2_get_ovector_pointer_8(data)
        else { return nil }
        // Why: an unset group has PCRE2_UNSET for both, the largest size_t; \K can put the end before the start.
        let from = unsafe vector[number * 2]
        let to = unsafe vector[number * 2 + 1]
        return from < 0 || to < from ? nil : (from, to)
    }
}
