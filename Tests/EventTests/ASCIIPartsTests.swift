import Event
import Testing

struct ASCIIPartsTests {
    /// A combining mark: with the byte before it it is one character.
    static let mark = "\u{486}"

    @Test(arguments: [
        ("shop.orders", ["shop", "orders"]), ("shop", ["shop"]), ("", [""]), (".", ["", ""]), ("a.b.c", ["a", "b.c"]),
        ("shop.\(mark)x", ["shop", "\(mark)x"]), ("\(mark).\(mark)", [mark, mark]),
    ])
    func textsArePartedAtBytes(_ text: String, _ parts: [String]) {
        #expect(text.parts(at: ".", maxSplits: 1).map { Array($0.utf8) } == parts.map { Array($0.utf8) })
        #expect(text.parts(at: ".").joined(separator: ".").utf8.elementsEqual(text.utf8))
    }

    @Test func bytesAreReplacedWhateverFollowsThem() {
        #expect("a`\(Self.mark)`".replacing(byte: "`", with: "``").utf8.elementsEqual("a``\(Self.mark)``".utf8))
        #expect("plain".replacing(byte: "`", with: "``") == "plain")
    }

    @Test(arguments: ["_x", "_", "_\(mark)x"]) func aTextBeginsWithItsFirstBytes(_ text: String) {
        #expect(text.begins(with: "_") && !text.begins(with: ".") && !"x_".begins(with: text))
    }

    @Test(arguments: [("a_changes", true), ("_changes", true), ("changes", false), ("a_changes\(mark)", false)])
    func aTextEndsWithItsLastBytes(_ text: String, _ ends: Bool) {
        #expect(text.ends(with: "_changes") == ends)
    }
}
