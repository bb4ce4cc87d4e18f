internal import Event
internal import JSON
internal import Platform

do throws(Failure) {
    ProcessEnd.exit(try Tool.perform(Array(CommandLine.arguments.dropFirst())))
} catch {
    if CommandLine.arguments.contains("--json") {
        Terminal.write(.object([JSONMember("error", Terminal.json(of: error))]))
    }
    Terminal.complain(error.description)
    ProcessEnd.exit(error.exitCode)
}
