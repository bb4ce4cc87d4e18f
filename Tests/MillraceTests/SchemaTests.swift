import Columns
import Configuration
import Event
import Pipeline
import Testing

@testable import millrace

private func lines(_ text: String) -> [ArraySlice<UInt8>] { text.split(separator: "\n").map { Array($0.utf8)[...] } }

/// The proposal as it is printed; every line of the sample must go through it once it is in a configuration.
private func proposal(_ sample: String) throws -> String {
    let proposal = try SchemaProposal(lines(sample), table: "shop.t")
    let text = SchemaVerb.text(proposal.route)
    let indented = text.split(separator: "\n").map { "      " + $0 }.joined(separator: "\n")
    let file = "kafka: {brokers: \"k:1\"}\nwarehouse: {path: /w}\npipelines:\n  - name: p\n    topics: [t]\n    routes:\n" + indented + "\n"
    let settings = try CollectorSettings.load(bytes: Array(file.utf8), file: "x.yaml") { _ in nil }
    let trial = try LineTrial(settings.pipelines[0].routes[0], received: 1_795_300_000_000)
    for line in lines(sample) {
        if case .rejected(let reason, let column) = trial.outcome(line).kind {
            Issue.record("\(reason) \(column ?? ""): \(String(decoding: line, as: UTF8.self))\n\(text)")
        }
    }
    return text
}

@Test func aRouteIsProposedFromJSON() throws {
    let found = try proposal("""
        {"ts":1795132800123,"user":{"id":7,"tags":["a"],"a.b":true},"price":1.5,"day":"2026-11-20","n":null,"_topic":"x","on":"yes","mixed":1}
        {"ts":1795132800124,"user":{"id":8},"price":2,"day":"2026-11-21","n":3,"at":"2026-11-20T10:00:00Z","mixed":"two"}
        """)
    #expect(found == #"""
        - table: shop.t
          format: json
          time: {column: ts}
          columns:
            - {name: ts, type: timestamp, time_format: epoch_ms}
            - {name: user_id, type: int64, path: "user.id"}
            - {name: user_tags, type: json, path: "user.tags"}
            - {name: user_a_b, type: boolean, path: "user[\"a.b\"]"}
            - {name: price, type: double}
            - {name: day, type: date}
            - {name: topic, type: string, path: "[\"_topic\"]"}
            - {name: on, type: string}
            - {name: mixed, type: string}
            - {name: n, type: int64}
            - {name: at, type: timestamp}

        """#)
}

@Test func aRouteIsProposedFromDelimitedTextWithAHeader() throws {
    #expect(try proposal("Order No;Date;Total;Zip;Note\n7;2026-11-20 10:00:00;1.50;08123;\"a;b\"\n8;2026-11-21 10:00:00;;10115;\n") == #"""
        - table: shop.t
          format: delimited
          parse: {fields: ["Order No", Date, Total, Zip, Note], header: true, delimiter: ";"}
          time: {column: date}
          columns:
            - {name: order_no, type: int64, path: "Order No"}
            - {name: date, type: timestamp, path: Date, time_zone: UTC}
            - {name: total, type: double, path: Total}
            - {name: zip, type: string, path: Zip}
            - {name: note, type: string, path: Note}

        """#)
}

@Test(arguments: [
    (#"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#, "combined"), ("<34>Oct 11 22:14:15 h su[1]: x", "syslog"),
    ("time=2026-11-20T10:00:00Z level=info msg=\"a b\"", "logfmt"), ("#Fields: date time x\n2026-11-20 10:00:00 1", "w3c"),
    ("just words\nand more", "raw"), ("id\tname\n1\tx\n2\ty", "delimited"), ("", "raw"),
] as [(String, String)])
func theFormatOfLinesIsTold(_ sample: String, _ format: String) throws {
    #expect(try proposal(sample).contains("  format: \(format)\n"), "\(sample)")
}
