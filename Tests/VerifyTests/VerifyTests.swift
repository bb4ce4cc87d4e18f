import Database
import Schema
import Testing

@testable import Verify

// As sha256sum prints them; the second is of FIPS 180-4's examples.
@Test(arguments: [
    ("", 0xe3b0_c442_98fc_1c14), ("abc", 0xba78_16bf_8f01_cfea),
    ("12345678901234567890123456789012345678901234567890123456789012345678901234567890", 0xf371_bc4a_311f_2b00),
] as [(String, UInt64)])
func hashesAreThoseOfTheDatabase(text: String, hash: UInt64) {
    #expect(SHA256.prefix(Array(text.utf8)) == hash)
}

// As MariaDB 10.11 prints them.
@Test(arguments: [
    (0.10000000149011612, "0.10000000149011612"), (1e20, "1e20"), (-1.5e-20, "-1.5e-20"), (100_000, "100000"),
    (0.00001, "0.00001"), (-1e-15, "-0.000000000000001"), (1e-16, "1e-16"), (123_456.5, "123456.5"), (-0.0, "-0"),
    (0.0025, "0.0025"), (999_999_999_999_999, "999999999999999"), (.leastNonzeroMagnitude, "5e-324"),
    (123_456_789_012_345, "123456789012345"), (1e15, "1e15"), (0, "0"), (-2.5, "-2.5"),
] as [(Double, String)])
func doublesArePrintedAsTheDatabaseDoes(value: Double, text: String) {
    var bytes: [UInt8] = []
    FloatingText.append(value, to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == text)
}

@Test(arguments: [(0, "1970-01-01 00:00:00.000000"), (-1, "1969-12-31 23:59:59.999999"),
    (1_709_210_096_700_000, "2024-02-29 12:34:56.700000")] as [(Int64, String)])
func timesArePrintedAsTheDatabaseDoes(value: Int64, text: String) {
    var bytes: [UInt8] = []
    CalendarText.append(time: value, to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == text)
}

@Test(arguments: [
    ("mysql://root@127.0.0.1:3307/", true), ("mariadb://a@db", true), ("mysql://root:pw@db/", false),
    ("db:3306", false), ("mysql://@db/", false), ("mysql://a@db:99999/", false),
])
func anAddressNamesUserAndHostAndNoPassword(text: String, isOne: Bool) {
    #expect((DatabaseAddress(text) != nil) == isOne)
}
