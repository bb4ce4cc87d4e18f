internal import Configuration
internal import Event
internal import Platform

do throws(Failure) {
    switch try Program.spec.parse(Array(CommandLine.arguments.dropFirst())) {
    case .show(let text):
        StandardStreams.writeOutput(Array(text.utf8))
        ProcessEnd.exit(0)
    case .run(let command):
        ProcessEnd.exit(try Program.run(command))
    }
} catch {
    StandardStreams.writeError(Array((error.description + "\n").utf8))
    ProcessEnd.exit(error.exitCode)
}
