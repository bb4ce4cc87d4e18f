import Event
import Testing

@Test func streamIDRoundTrips() {
    var generator = SystemRandomNumberGenerator()
    let id = StreamID.random(using: &generator)
    #expect(StreamID(id.description) == id)
}
