// `millrace-fuzz TARGET [libFuzzer's options and folders]`: one target of `Fuzzing` under libFuzzer. Built by
// scripts/fuzz.sh alone, with the compiler's -sanitize=fuzzer. A fault ends the process as a crash does.
internal import CFuzzer
internal import Event
internal import Fuzzing
internal import Platform

// Safety: libFuzzer's callback carries no context; it is called by one thread, behind the assignment.
private nonisolated(unsafe) var target: FuzzTarget?

private func run() -> Int32 {
    let words = CommandLine.arguments
    unsafe target = words.count > 1 ? FuzzTarget.named(words[1]) : nil
    guard unsafe target != nil else {
        let names = FuzzTarget.names.joined(separator: " ")
        _ = StandardStreams.writeOutput(Array("usage: millrace-fuzz TARGET [OPTIONS]; targets: \(names)\n".utf8))
        return 64
    }
    // Safety: argv lives as long as the process; the target's name takes the program's place.
    var count = CommandLine.argc - 1
    var rest: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv + 1
    return unsafe LLVMFuzzerRunDriver(&count, &rest) { bytes, count in
        let input = unsafe ByteView(UnsafeRawBufferPointer(start: bytes, count: count))
        guard let fault = unsafe target?.run(input) else { return 0 }
        _ = StandardStreams.writeOutput(Array("fault: \(fault)\n".utf8))
        preconditionFailure("a promise is broken")
    }
}

ProcessEnd.exit(run())
