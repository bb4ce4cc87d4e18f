import Columns
import Event
import JSON
import Testing

@testable import millrace

private func route() -> RouteSpec {
    var spec = RouteSpec(table: "shop.orders", format: .delimited, timeColumn: "at")
    spec.parse.fields = ["at", "id", "note"]
    spec.parse.hasHeader = true
    spec.columns = [
        ColumnSpec(name: "at", type: .timestamp), ColumnSpec(name: "id", type: .int64), ColumnSpec(name: "note", type: .string),
    ]
    return spec
}

private let sample = ["at,id,note", "2026-11-20T23:59:59Z,7,\u{1B}[2Jx", "2026-11-20T23:59:59Z,seven,", "2026-11-20T23:59:59Z,8"]

private func report(isColored: Bool = false, showsRejectedOnly: Bool = false) throws -> TryReport {
    let trial = try LineTrial(route(), received: 1_795_132_800_000)
    var report = TryReport(isColored: isColored, showsRejectedOnly: showsRejectedOnly)
    for (index, line) in sample.enumerated() { report.add("f", index + 1, Array(line.utf8)[...], [trial.outcome(Array(line.utf8)[...])]) }
    return report
}

@Test func linesAreShownBesideWhatBecameOfThem() throws {
    var report = try report()
    #expect(report.takeText() == """
        1 at,id,note
          shop.orders: no record
        2 2026-11-20T23:59:59Z,7,\u{FFFD}[2Jx
          shop.orders/dt=2026-11-20
            at    2026-11-20T23:59:59Z
            id    7
            note  \u{FFFD}[2Jx
        3 2026-11-20T23:59:59Z,seven,
          shop.orders rejects it: wrong_type: column id
        4 2026-11-20T23:59:59Z,8
          shop.orders rejects it: malformed

        """)
    #expect(report.takeText().isEmpty)
    #expect(report.summary == "1 rows, 2 rejected, 1 filtered\n")
}

@Test func aTerminalSeesColoursAndARejectedLineAloneIfThatIsAsked() throws {
    var report = try report(isColored: true, showsRejectedOnly: true)
    let text = report.takeText()
    #expect(text.hasPrefix("\u{1B}[2m3\u{1B}[0m 2026"))
    #expect(text.contains("  \u{1B}[31mshop.orders rejects it: wrong_type: column id\u{1B}[0m\n"))
    #expect(report.json["lines"]?.array?.count == 2)
    #expect(report.json["row_count"] == 1 && report.json["rejected_count"] == 2 && report.json["filtered_count"] == 1)
    #expect(report.json["lines"]?.array?.first?["outcomes"]?.array?.first == ["table": "shop.orders", "reason": "wrong_type", "column": "id"])
}

@Test func valuesAreShownAsTheTableHasThemToTheLastDigit() throws {
    var spec = RouteSpec(table: "shop.orders", format: .json, timeColumn: "at")
    var price = ColumnSpec(name: "a.price", type: .decimal)
    price.shape = ColumnShape(.decimal, precision: 38, scale: 5)
    price.path = "p"
    spec.columns = [
        ColumnSpec(name: "at", type: .timestamp), price, ColumnSpec(name: "j", type: .json), ColumnSpec(name: "b", type: .boolean),
    ]
    let line = Array(
        #"{"at":"2026-11-20T23:59:59Z","p":99999999999999999999999999999999.9,"j":{"n":123456789012345678901.50},"b":false}"#.utf8)
    let outcome = try LineTrial(spec, received: 1_795_132_800_000).outcome(line[...])
    guard case .row(_, let values) = outcome.kind else {
        Issue.record("no row: \(outcome)")
        return
    }
    #expect(
        values.text
            == #"{"at":"2026-11-20T23:59:59Z","a.price":99999999999999999999999999999999.90000,"#
            + #""j":{"n":123456789012345678901.50},"b":false}"#)
}
