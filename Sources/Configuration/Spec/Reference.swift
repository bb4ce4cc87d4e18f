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
                let cells = row.map { $0.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|") }
                text += "| " + cells.joined(separator: " | ") + " |\n"
            }
        }
        return text
    }
}
