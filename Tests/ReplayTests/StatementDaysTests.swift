import Schema
import Testing

@testable import Replay

private func place(_ position: Int64) -> SourcePlace { SourcePlace(file: 1, position: position) }

private let days = StatementDays([
    "2024-02-28": (place(10), place(20)), "2024-02-29": (place(30), place(42)), "2024-03-01": (place(40), place(50)),
])

@Test(arguments: [
    // Before all changes: known from the first on, whatever clock made the table.
    (5, "2026-11-21", "2024-02-28"), (5, "2024-02-27", "2024-02-27"),
    // Among the changes of a day.
    (15, "2026-11-21", "2024-02-28"), (15, "2024-02-27", "2024-02-28"), (35, "2024-02-28", "2024-02-29"),
    // Between two days its own clock decides.
    (25, "2024-02-28", "2024-02-28"), (25, "2024-02-29", "2024-02-29"), (25, "2025-01-01", "2024-02-29"),
    // Where days overlap: with the first that has changes behind it.
    (41, "2024-03-01", "2024-02-29"),
    // Behind all changes.
    (60, "2024-02-01", "2024-03-01"), (60, "2024-03-05", "2024-03-05"),
] as [(Int64, String, String)])
func aStatementBelongsToTheDayOfTheChangesItStandsAmong(_ position: Int64, _ own: String, _ day: String) {
    #expect(days.day(of: place(position), own: own) == day)
}

@Test func withoutChangesAStatementKeepsItsOwnDay() {
    #expect(StatementDays([:]).day(of: place(1), own: "2024-01-01") == "2024-01-01")
}
