import Glibc
import Platform
import Telemetry
import Testing

private func notifier(_ environment: [String: String], _ lines: Lines) -> ServiceNotifier {
    ServiceNotifier(
        environment: { environment[$0] }, clock: FixedClock(),
        send: { text, address in lines.add(Array("\(address): \(text)".utf8)) })
}

@Test func theManagerIsToldInItsOwnWords() {
    let lines = Lines()
    let notifier = notifier(["NOTIFY_SOCKET": "@s"], lines)
    notifier.ready("3 sources")
    notifier.status("two\nlines")
    notifier.watchdog()
    notifier.reloading()
    notifier.extendTimeout(milliseconds: 5)
    notifier.stopping()
    #expect(lines.all == [
        "@s: READY=1\nSTATUS=3 sources", "@s: STATUS=two lines", "@s: WATCHDOG=1",
        "@s: RELOADING=1\nMONOTONIC_USEC=1763642096789000", "@s: EXTEND_TIMEOUT_USEC=5000", "@s: STOPPING=1",
    ])
}

@Test func withoutAManagerNothingIsSent() {
    let lines = Lines()
    let notifier = notifier([:], lines)
    notifier.ready()
    #expect(lines.all.isEmpty)
    #expect(notifier.watchdogMilliseconds == nil)
}

@Test func theWatchdogIsFedTwiceAsOftenAsAskedAndOnlyByTheProcessMeant() {
    let own = String(Environment.processIdentifier)
    let table: [([String: String], Int?)] = [
        (["WATCHDOG_USEC": "30000000"], 15_000),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": own], 15_000),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"], nil),
        (["WATCHDOG_USEC": "soon"], nil),
        (["WATCHDOG_USEC": "0"], nil),
    ]
    for (environment, milliseconds) in table {
        #expect(notifier(environment, Lines()).watchdogMilliseconds == milliseconds)
    }
}

@Test(arguments: [false, true])
func aDatagramArrivesAtAPathAndAtAnAbstractName(_ isAbstract: Bool) throws {
    let path = "/tmp/millrace-notify-\(Token.make())"
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let name = isAbstract ? [0] + Array(path.utf8) : Array(path.utf8)
    unsafe withUnsafeMutableBytes(of: &address) { raw in
        for (index, byte) in name.enumerated() { unsafe raw[2 + index] = byte }
    }
    let bound = unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe bind(descriptor, $0, socklen_t(2 + name.count + (isAbstract ? 0 : 1)))
        }
    }
    try #require(bound == 0)
    defer { if !isAbstract { unsafe unlink(path) } }
    try NotifySocket.send("READY=1", to: isAbstract ? "@" + path : path)
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    #expect(count == 7)
    #expect(String(decoding: buffer.prefix(7), as: UTF8.self) == "READY=1")
}

@Test func aSocketThatIsNotThereIsAnError() {
    #expect(throws: Errno.self) { try NotifySocket.send("x", to: "/nonexistent/socket") }
    #expect(throws: Errno.self) { try NotifySocket.send("x", to: "relative") }
    #expect(throws: Errno.self) { try NotifySocket.send("x", to: "/" + String(repeating: "a", count: 200)) }
}
