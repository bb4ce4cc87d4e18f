import Event
import Regex
import Testing

private func matches(_ pattern: String, _ subject: String) throws -> Bool {
    let matcher = try #require(PatternMatcher(try Pattern(pattern)))
    return unsafe Array(subject.utf8).withUnsafeBytes { unsafe matcher.matches(ByteView($0)) }
}

@Test func aPatternMatchesAnywhereUnlessAnchored() throws {
    #expect(try matches("b+", "abbbc"))
    #expect(try !matches("^b+$", "abbbc"))
    #expect(try matches("", ""))
    #expect(try matches("^.$", "ü"), "one character, two bytes")
    #expect(try !matches("a", ""))
}

@Test(arguments: ["(", "[z-a]", "\\C", "a{2,1}", String(repeating: "a", count: 5_000)])
func aBadPatternIsAConfigurationFailure(_ text: String) {
    #expect { try Pattern(text) } throws: { ($0 as? Failure)?.code == "config.bad_pattern" }
}

@Test func hostileInputMeetsALimitInsteadOfHanging() throws {
    let start = ContinuousClock.now
    #expect(try !matches("^(a+)+$", String(repeating: "a", count: 40) + "!"))
    // Without the limit: 2^40 steps.
    #expect(ContinuousClock.now - start < .seconds(60))
}
