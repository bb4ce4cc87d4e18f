/// One section of the generated reference.
struct ReferenceSection {
    var path: String
    var summary: String
    var rows: [[String]]
}

extension ConfigSpec {
    /// The section and, after it, the ones in it.
    func reference(_ path: String, _ prototype: Target) -> [ReferenceSection] {
        let rows = fields.map { field in
            [
                "`\(field.name)`", field.type,
                field.isRequired ? "**required**" : field.defaultText(prototype).isEmpty
                    ? "" : "`\(field.defaultText(prototype))`",
                field.range, field.summary,
            ]
        }
        var sections = [ReferenceSection(path: path, summary: summary, rows: rows)]
        for field in fields { sections += field.nested(path.isEmpty ? "" : path + ".", prototype) }
        return sections
    }

    /// The reference of a whole file in Markdown.
    func markdown(title: String, _ prototype: Target) -> String {
        var text = "## \(title)\n\n\(summary)\n"
        for section in reference("", prototype) {
            if !section.path.isEmpty { text += "\n### \(title): `\(section.path)`\n\n\(section.summary)\n" }
            text += "\n| Name | Type | Default | Allowed | Meaning |\n| --- | --- | --- | --- | --- |\n"
            for row in section.rows {
                let cells = row.map {
                    $0.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
                }
                text += "| " + cells.joined(separator: " | ") + " |\n"
            }
        }
        return text
    }
}

/// The generated reference of all configuration files: `docs/configuration.md`.
public enum ConfigurationReference {
    /// Markdown; equal for equal programs.
    public static var markdown: String {
        """
        # Configuration reference

        Generated from the programs' own descriptions (do not edit). The commented samples under `conf/` show
        how it looks.

        - Durations: `500ms`, `60s`, `5m`, `1h`, `7d`. Sizes: `64KiB`, `128MiB`, `1GiB` (powers of 1024), `1KB`,
          `1MB`, `1GB` (powers of 1000), `512` (bytes). File modes: octal, `0640`.
        - `${NAME}` in a value is the environment variable NAME; one that is not set is a fault. `$${NAME}` is
          the text `${NAME}`.
        - A list with one entry may be written without brackets. Anchors, aliases and tags of YAML are refused.
        - Relative paths are relative to the process's working directory.
        - A file with faults starts nothing: all faults are listed as `file:line:column: message`, exit code 78.

        """
            + "\n" + AgentSpec.file.markdown(title: "agent.yaml", AgentSpec.prototype)
            + "\n" + CollectorSpec.file.markdown(title: "collector.yaml", CollectorSpec.prototype)
            + "\n" + EmbeddedSpec.file.markdown(title: "millrace.yaml", EmbeddedSpec.prototype)
    }
}
