import Change
import Columns
import Event
import Testing

private func names(_ template: String = "{database}.{table}") throws -> TableNames {
    var spec = SyncSpec(name: "s", topics: [], format: .maxwell)
    spec.table = template
    return try TableNames(spec)
}

private func state(_ names: TableNames, _ database: String, _ table: String) -> String? {
    unsafe Array(database.utf8).withUnsafeBytes { database in
        unsafe Array(table.utf8).withUnsafeBytes { table in
            unsafe names.state(database: ByteView(database), table: ByteView(table))
        }
    }
}

@Test(arguments: [
    ("shop", "orders", "shop.orders"), ("Shop", "Order Items", "Shop.Order%20Items"), ("a.b", "c", "a%2Eb.c"),
    ("a", "b.c", "a.b%2Ec"), ("a", "../../etc", "a.%2E%2E%2F%2E%2E%2Fetc"), ("_millrace", "x", "%5Fmillrace.x"),
    ("a", "b_changes", "a.b%5Fchanges"), ("a", "b_Changes", "a.b%5FChanges"), ("a", "changes", "a.changes"),
    ("a", "_changes", "a.%5Fchanges"), ("a", "100%", "a.100%25"), ("a", "t\u{1}", "a.t%01"), ("a", "فروش", "a.فروش"),
    ("a", "\u{E9}", "a.\u{E9}"), ("a", "e\u{301}", "a.e%CC%81"), ("\u{212B}", "\u{C5}", "%E2%84%AB.%C3%85"),
    ("a", "..", nil), (".", "b", nil), ("", "b", nil), ("a", String(repeating: "x", count: 201), nil),
    ("a", String(repeating: "/", count: 100), nil),
] as [(String, String, String?)])
func aNameBecomesOneFolder(_ database: String, _ table: String, _ wanted: String?) throws {
    #expect(state(try names(), database, table) == wanted)
}

@Test func twoTablesNeverShareAFolderNorLieInTheOthersChangeLog() throws {
    let names = try names()
    let parts = ["a", "b", "a_changes", "a%5Fchanges", "a_Changes", "_changes", "a.b", "a/b", "a_b", "_a", "A", "a b", "a%2Eb", "\u{E9}", "e\u{301}", "e", "\u{301}", "\u{301}e", "\u{AC00}", "\u{1100}\u{1161}", "e%CC%81"]
    var folders: Set<String> = []
    for database in parts {
        for table in parts {
            let folder = try #require(state(names, database, table))
            #expect(folder.parts(at: ".").count == 2)
            #expect(folders.insert(folder).inserted, "\(database).\(table)")
            #expect(!folder.lowercased().hasSuffix(ChangeLog.suffix))
        }
    }
}

@Test(arguments: ["shop", "shop.orders", "{table}", "a.{database}_{table}", "_a.{table}", "a b.{table}", "a..{table}", ".{table}"])
func aTemplateThatCouldMixTablesIsRefused(_ template: String) {
    #expect(throws: Failure.self) { try names(template) }
}

@Test func aTemplateMayHaveTextAroundItsNames() throws {
    #expect(state(try names("raw_{database}.x_{table}"), "shop", "t") == "raw_shop.x_t")
}
