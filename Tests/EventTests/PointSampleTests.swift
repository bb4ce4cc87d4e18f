import Event
import Testing

@Test(arguments: [1, 63, 64, 65, 5_000])
func aSampleNeverDeniesAPointThatWasTaken(_ count: Int) {
    var sample = PointSample()
    let points = (0..<count).map { Position(UInt64($0) * 150, row: UInt32($0 % 3)) }
    for point in points { sample.insert(point) }
    #expect(points.allSatisfy { !sample.provesAbsence(of: $0) })
    #expect(sample.points.count == min(count, PointSample.capacity))
    var backwards = PointSample()
    for point in points.reversed() { backwards.insert(point) }
    #expect(backwards == sample, "the order in which they come does not matter")
}

@Test func aSampleDeniesSomeOfManyPointsThatWereNot() {
    var sample = PointSample()
    for number in 0..<10_000 { sample.insert(Position(UInt64(number) * 2)) }
    let denied = (0..<10_000).count { sample.provesAbsence(of: Position(UInt64($0) * 2 + 1)) }
    #expect((16...256).contains(denied), "\(denied)")
    var small = PointSample()
    for number in 0..<20 { small.insert(Position(UInt64(number) * 2)) }
    #expect((0..<20).allSatisfy { small.provesAbsence(of: Position(UInt64($0) * 2 + 1)) })
}
