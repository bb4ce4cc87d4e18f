import Event
import Glibc
import Testing
import TimeZone

@Test func daysAroundTransitionsAreThoseOfTheZone() throws {
    // Los Angeles 2019: forward on 10 March, back on 3 November; Tehran at +3:30; Apia skipped a day.
    let cases: [(zone: String, seconds: Int64, day: String)] = [
        ("America/Los_Angeles", 1_552_204_799, "2019-03-09"), ("America/Los_Angeles", 1_552_204_800, "2019-03-10"),
        ("America/Los_Angeles", 1_552_287_599, "2019-03-10"), ("America/Los_Angeles", 1_552_287_600, "2019-03-11"),
        ("America/Los_Angeles", 1_572_764_399, "2019-11-02"), ("America/Los_Angeles", 1_572_764_400, "2019-11-03"),
        ("America/Los_Angeles", 1_572_854_399, "2019-11-03"), ("America/Los_Angeles", 1_572_854_400, "2019-11-04"),
        ("Asia/Tehran", 1_577_824_199, "2019-12-31"), ("Asia/Tehran", 1_577_824_200, "2020-01-01"),
        ("Pacific/Apia", 1_325_239_199, "2011-12-29"), ("Pacific/Apia", 1_325_239_200, "2011-12-31"),
        ("UTC", 0, "1970-01-01"), ("UTC", -1, "1969-12-31"),
        ("Europe/Berlin", 253_402_300_799, "10000-01-01"), ("UTC", 253_402_300_799, "9999-12-31"),
        ("Europe/Berlin", 16_725_225_600, "2500-01-01"),
    ]
    for (name, seconds, day) in cases {
        var finder = DayFinder(try Zone(name))
        #expect(CivilDay.text(of: finder.day(at: seconds)) == day, "\(name) \(seconds)")
    }
}

@Test func oneFinderAnswersForwardsAndBackwardsAlike() throws {
    for name in ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"] {
        let zone = try Zone(name)
        var finder = DayFinder(zone)
        var seconds: Int64 = 1_500_000_000
        for step in 0..<20_000 {
            seconds += step % 7 == 0 ? -50_000 : 11_213
            let stretch = zone.stretch(at: seconds)
            #expect(stretch.from <= seconds && seconds < stretch.to)
            let expected = CivilDay.floorDivide(seconds + stretch.offset, by: 86_400)
            guard finder.day(at: seconds) == expected else {
                Issue.record("\(name) \(seconds)")
                return
            }
        }
    }
}

@Test func everyDayNumberIsItsDateAndBack() {
    for number in stride(from: CivilDay.minimum, through: CivilDay.maximum, by: 13) {
        let date = CivilDay.date(of: number)
        guard CivilDay.checkedNumber(year: date.year, month: date.month, day: date.day) == number else {
            Issue.record("day \(number)")
            return
        }
    }
    #expect(CivilDay.text(of: CivilDay.minimum) == "0001-01-01")
    #expect(CivilDay.text(of: CivilDay.maximum) == "9999-12-31")
    #expect(CivilDay.text(of: 16_572) == "2015-05-17")
}

@Test(arguments: ["", "Nowhere/City", "/etc/passwd", "../UTC", "file:UTC", "UTC\n", "Europe/Berlin\0x"])
func aNameThatIsNoZoneIsAConfigurationFailure(_ name: String) {
    #expect { try Zone(name) } throws: { ($0 as? Failure)?.code == "config.bad_time_zone" }
}

/// The shared cases of offset changes, if they are at hand.
@Test(.enabled(if: sharedCases != nil, "no shared data: set MILLRACE_SHARED"))
func sharedCasesOfOffsetChangesHold() throws {
    var count = 0
    for line in try #require(sharedCases).split(separator: "\n").dropFirst() {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
        guard fields.count >= 5, let seconds = Int64(fields[1]), let offset = Int64(fields[3]) else { continue }
        let zone = try Zone(String(fields[0]))
        var finder = DayFinder(zone)
        #expect(zone.stretch(at: seconds).offset == offset, "\(line)")
        #expect(CivilDay.text(of: finder.day(at: seconds)) == fields[4], "\(line)")
        count += 1
    }
    #expect(count > 50)
}

private let sharedCases: String? = {
    let folder = unsafe getenv("MILLRACE_SHARED").map { unsafe String(cString: $0) } ?? "../shared"
    guard let file = unsafe fopen(folder + "/data/time/dst_cases.tsv", "r") else { return nil }
    defer { unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = unsafe fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
}()

@Test(arguments: [
    ("1970-01-01", 0), ("2026-11-21", 20_778), ("2024-02-29", 19_782), ("0001-01-01", -719_162), ("9999-12-31", 2_932_896),
] as [(String, Int64)])
func aDayIsReadAsItIsWritten(_ text: String, _ number: Int64) {
    #expect(CivilDay.number(of: text) == number)
    #expect(CivilDay.text(of: number) == text)
}

@Test(arguments: ["", "2026-11", "2026-11-211", "2026-02-29", "2026-13-01", "2026-1-1", "+026-01-01", "2026-11--1", "0000-01-01", "2026-11-2x"])
func whatIsNoDayIsNone(_ text: String) { #expect(CivilDay.number(of: text) == nil) }
