import Columns
import Event
import Pipeline
import Testing

private func column(_ name: String, _ type: ColumnType, _ path: String? = nil, _ edit: (inout ColumnSpec) -> Void = { _ in }) -> ColumnSpec {
    var column = ColumnSpec(name: name, type: type, path: path)
    edit(&column)
    return column
}

/// A JSON route with a time in seconds and one more column.
private func route(_ more: ColumnSpec) -> RouteSpec {
    var spec = RouteSpec(table: "shop.orders", format: .json, timeColumn: "t")
    spec.columns = [column("t", .timestamp) { $0.timeLayout = .epochSeconds }, more]
    return spec
}

private struct ValueCase: Sendable {
    var column: ColumnSpec
    var value: String
    var outcome: String
    init(_ column: ColumnSpec, _ value: String, _ outcome: String) {
        self.column = column
        self.value = value
        self.outcome = outcome
    }
}

private func decimal(_ precision: Int, _ scale: Int, _ edit: (inout ColumnSpec) -> Void = { _ in }) -> ColumnSpec {
    column("v", .decimal) {
        $0.shape = ColumnShape(.decimal, precision: precision, scale: scale)
        edit(&$0)
    }
}

private let valueCases: [ValueCase] = [
    ValueCase(decimal(38, 0), "99999999999999999999999999999999999999", "v=99999999999999999999999999999999999999"),
    ValueCase(decimal(38, 2), "-123456789012345678901234567890.12", "v=-12345678901234567890123456789012"),
    ValueCase(decimal(38, 0), "100000000000000000000000000000000000000", "out_of_range v"),
    ValueCase(decimal(5, 2), "\"12.5\"", "v=1250"),
    ValueCase(decimal(5, 2), "1.255", "out_of_range v"),
    ValueCase(decimal(5, 2), "1e2", "v=10000"),
    ValueCase(decimal(5, 2), "true", "wrong_type v"),
    ValueCase(decimal(5, 2), "\"\"", "wrong_type v"),
    ValueCase(decimal(5, 2), "null", ""),
    ValueCase(decimal(5, 2) { $0.minimum = 0.05 }, "0.05", "v=5"),
    ValueCase(decimal(5, 2) { $0.minimum = 0.05 }, "0.04", "out_of_range v"),
    ValueCase(decimal(5, 2) { $0.maximum = 0.055 }, "0.06", "out_of_range v"),
    ValueCase(column("v", .bytes), "\"AP8=\"", "v=\0\u{FFFD}"),
    ValueCase(column("v", .bytes), "\"AP8\"", "v=\0\u{FFFD}"),
    ValueCase(column("v", .bytes), "\"A\"", "wrong_type v"),
    ValueCase(column("v", .bytes), "1", "wrong_type v"),
    ValueCase(column("v", .bytes) { $0.bytesLayout = .hex }, "\"0x6162\"", "v=ab"),
    ValueCase(column("v", .bytes) { $0.bytesLayout = .text }, "\"é\"", "v=é"),
    ValueCase(column("v", .bytes) { $0.maximumByteCount = 1 }, "\"AAA=\"", "bad_length v"),
    ValueCase(column("v", .int64), "9223372036854775807", "v=9223372036854775807"),
    ValueCase(column("v", .int64), "-9223372036854775808", "v=-9223372036854775808"),
    ValueCase(column("v", .int64), "9223372036854775808", "wrong_type v"),
    ValueCase(column("v", .int64), "1.0", "wrong_type v"),
    ValueCase(column("v", .int64), "\"1\"", "wrong_type v"),
    ValueCase(column("v", .int32), "2147483648", "wrong_type v"),
    ValueCase(column("v", .int32), "-2147483648", "v=-2147483648"),
    ValueCase(column("v", .double), "1e3", "v=1000.0"),
    ValueCase(column("v", .double), "1e999", "wrong_type v"),
    ValueCase(column("v", .double), "true", "wrong_type v"),
    ValueCase(column("v", .boolean), "true", "v=1"),
    ValueCase(column("v", .boolean), "1", "wrong_type v"),
    ValueCase(column("v", .string), "\"\\u00e9\"", "v=é"),
    ValueCase(column("v", .string), "12345678901234567890.10", "v=12345678901234567890.10"),
    ValueCase(column("v", .string), "[]", "wrong_type v"),
    ValueCase(column("v", .string), "null", ""),
    ValueCase(column("v", .string) { $0.required = true }, "null", "missing v"),
    ValueCase(column("v", .json), "{\"a\": [1, \"\\u00e9\"]}", "v={\"a\": [1, \"\\u00e9\"]}"),
    ValueCase(column("v", .json), "\"x\"", "v=\"x\""),
    ValueCase(column("v", .date), "\"2024-02-29\"", "v=19782"),
    ValueCase(column("v", .date), "\"2023-02-29\"", "wrong_type v"),
    ValueCase(column("v", .timestamp), "\"2006-01-02T15:04:05.1+05:30\"", "v=1136194445100000"),
    ValueCase(column("v", .timestamp) { $0.timeZone = "UTC" }, "\"2006-01-02 23:59:59.999999999\"", "v=1136246399999999"),
    ValueCase(column("v", .timestamp), "\"2006-01-02 23:59:59\"", "wrong_type v"),
    ValueCase(column("v", .timestamp), "\"1990-12-31T23:59:60Z\"", "v=662688000000000"),
    ValueCase(column("v", .timestamp), "\"2024-01-01T00:00Z\"", "wrong_type v"),
    ValueCase(column("v", .timestamp), "\"2024-01-01T00:00:00+1\"", "wrong_type v"),
    ValueCase(column("v", .timestamp), "1136194445", "wrong_type v"),
    ValueCase(column("v", .timestamp) { $0.timeLayout = .epochMilliseconds }, "1405911096123.45", "v=1405911096123450"),
    ValueCase(column("v", .timestamp) { $0.timeLayout = .epochMilliseconds }, "\"-1.5\"", "v=-1500"),
    ValueCase(column("v", .timestamp) { $0.timeLayout = .epochMicroseconds }, "99999999999999999999", "wrong_type v"),
    ValueCase(column("v", .int64) { $0.minimum = 0.5; $0.maximum = 2 }, "0", "out_of_range v"),
    ValueCase(column("v", .int64) { $0.minimum = 0.5; $0.maximum = 2 }, "2", "v=2"),
    ValueCase(column("v", .double) { $0.maximum = 2 }, "2.5", "out_of_range v"),
    ValueCase(column("v", .string) { $0.allowed = ["new", "paid"] }, "\"paid\"", "v=paid"),
    ValueCase(column("v", .string) { $0.allowed = ["new", "paid"] }, "\"pai\"", "not_in_enumeration v"),
    ValueCase(column("v", .int32) { $0.allowed = ["1", "3"] }, "2", "not_in_enumeration v"),
    ValueCase(column("v", .string) { $0.pattern = "^[a-z]+$" }, "\"a1\"", "pattern_mismatch v"),
    ValueCase(column("v", .string) { $0.maximumByteCount = 2 }, "\"\\u00e9\\u00e9\"", "bad_length v"),
]

@Test(arguments: valueCases)
private func aValueIsTypedAndCheckedOrRefused(_ test: ValueCase) throws {
    let found = try outcome(route(test.column), "{\"t\":1,\"v\":\(test.value)}")
    let expected = test.outcome.isEmpty ? "t=1000000" : test.outcome.hasPrefix("v=") ? "t=1000000|" + test.outcome : test.outcome
    #expect(found == expected, "\(test.value)")
}

@Test func aDeepOrBrokenRecordIsRefusedWithItsReason() throws {
    let spec = route(column("v", .string))
    let deep = "{\"t\":1,\"x\":" + String(repeating: "[", count: 300) + String(repeating: "]", count: 300) + "}"
    #expect(try outcome(spec, deep) == "too_deep")
    #expect(try outcome(spec, "[]") == "malformed")
    #expect(try outcome(spec, "{\"t\":1") == "malformed")
    #expect(try outcome(spec, " \t ") == "blank")
    #expect(try outcome(spec, "{}") == "no_time t")
    #expect(try outcome(spec, "{\"t\":null}") == "no_time t")
    #expect(try outcome(spec, "{\"t\":\"soon\"}") == "bad_time t")
    #expect(try outcome(spec, "{\"t\":253402300800}") == "bad_time t")
}

@Test func theFutureIsJudgedByTheRecordNotByAClock() throws {
    var spec = route(column("v", .string))
    spec.maximumFutureMilliseconds = 1_000
    #expect(try outcome(spec, "{\"t\":100}", timestamp: 99_000) == "t=100000000")
    #expect(try outcome(spec, "{\"t\":100}", timestamp: 98_999) == "too_far_in_future t")
    #expect(try outcome(spec, "{\"t\":4102444800}", timestamp: -1) == "t=4102444800000000")
}

@Test func theDayIsThatOfTheRoutesZone() throws {
    var spec = route(column("v", .string))
    spec.timeZone = "America/Los_Angeles"
    spec.partitionName = "day"
    let stage = try RouteStage(try RoutePlan(spec))
    let times = [1_572_764_399, 1_572_764_400, 1_572_854_399, 1_572_764_400, 1_572_854_400]
    stage.process(batch(times.map { Array("{\"t\":\($0)}".utf8) }), events: [0, 1, 2, 3, 4])
    #expect((0..<5).map { group(stage.rows, $0) } == [
        "shop.orders/day=2019-11-02", "shop.orders/day=2019-11-03", "shop.orders/day=2019-11-03",
        "shop.orders/day=2019-11-03", "shop.orders/day=2019-11-04",
    ])
    #expect(stage.rows.groups.count == 3)
}

private func plan(_ edit: (inout RouteSpec) -> Void) -> String? {
    var spec = RouteSpec(table: "a.b", format: .json, timeColumn: "t")
    spec.columns = [column("t", .timestamp), column("s", .string), column("n", .int64)]
    edit(&spec)
    do throws(Failure) {
        _ = try RoutePlan(spec)
        return nil
    } catch {
        return error.kind == .config ? error.message : "not a configuration failure: \(error)"
    }
}

@Test func everyImpossibleRouteIsAConfigurationFailure() {
    #expect(plan { _ in } == nil)
    let faults: [(inout RouteSpec) -> Void] = [
        { $0.columns = [] }, { $0.timeColumn = "x" }, { $0.timeColumn = "s" }, { $0.timeZone = "Moon" },
        { $0.table = "b" }, { $0.table = "a.b.c" }, { $0.table = "a." }, { $0.table = "a.../x" }, { $0.table = "_a.b" },
        { $0.table = "a.{table}" }, { $0.table = "a.{x}" }, { $0.table = "a b.c" },
        { $0.partitionName = "" }, { $0.partitionName = "a=b" }, { $0.partitionName = "S" }, { $0.maximumFutureMilliseconds = -1 },
        { $0.columns[1].name = "T" }, { $0.columns[1].name = "" }, { $0.columns[1].name = "a\n" }, { $0.columns[1].path = "a..b" },
        { $0.columns[1].pattern = "(" }, { $0.columns[2].pattern = "a" }, { $0.columns[1].minimum = 1 },
        { $0.columns[2].minimum = 2; $0.columns[2].maximum = 1 }, { $0.columns[2].minimum = .nan },
        { $0.columns[1].allowed = [] }, { $0.columns[2].allowed = ["x"] }, { $0.columns[0].allowed = ["x"] },
        { $0.columns[2].maximumByteCount = 1 }, { $0.columns[1].maximumByteCount = -1 },
        { $0.format = .combined },
        { $0.columns = (0..<2_000).map { column("c\($0)", .timestamp) } },
    ]
    for (index, fault) in faults.enumerated() {
        let message = plan(fault)
        #expect(message != nil && message?.hasPrefix("not a") == false, "fault \(index): \(message ?? "accepted")")
    }
}
