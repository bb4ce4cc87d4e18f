internal import Columns

// Tables of delimited text: what tells the systems how it is written (see DelimitedFormatter).
extension TableDefinition {
    private var hexadecimal: String { (separator < 16 ? "000" : "00") + String(separator, radix: 16) }

    /// For Hive and Spark. Why a SerDe and not FIELDS TERMINATED BY: only so it is told that line ends are escaped.
    var delimitedStorage: String {
        """
        ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe'
        WITH SERDEPROPERTIES ('field.delim' = '\\u\(hexadecimal)', 'serialization.format' = '\\u\(hexadecimal)', \
        'escape.delim' = '\\\\', 'serialization.escape.crlf' = 'true', 'serialization.null.format' = '\\\\N')
        STORED AS TEXTFILE
        """
    }

    /// For Trino, which leaves escaped line ends as they are.
    var delimitedProperties: String {
        """
        format = 'TEXTFILE',
          textfile_field_separator = U&'\\\(hexadecimal)',
          textfile_field_separator_escape = '\\',
          null_format = '\\N'
        """
    }

    /// For DuckDB, whose CSV reader knows escapes, but not that of a line end: lines are taken apart here.
    func delimitedView(_ files: String, _ types: String) -> String {
        let byte = "\\x" + String(hexadecimal.suffix(2))
        let parts = "regexp_extract_all(line, '(?s)((?:[^\\\\\(byte)]|\\\\.)*)(?:\(byte)|$)', 1)"
        let columns = columns.enumerated().map { index, column in
            "  \(value(column, "parts[\(index + 1)]")) AS \(Dialect.duckdb.quoted(column.name))"
        }
        let partition = Dialect.duckdb.quoted(partition)
        return """
            CREATE SCHEMA IF NOT EXISTS \(Dialect.duckdb.quoted(database));
            CREATE OR REPLACE VIEW \(name(.duckdb)) AS
            SELECT
            \((columns + ["  " + partition]).joined(separator: ",\n"))
            FROM (SELECT \(parts) AS parts, \(partition)
              FROM read_csv(\(files), columns = {'line': 'VARCHAR'}, header = false, auto_detect = false,
                delim = E'\\r\\r', quote = '', escape = '', new_line = '\\n', \(types)));

            """
    }

    private func value(_ column: ColumnSpec, _ part: String) -> String {
        let present = "nullif(\(part), '\\N')"
        switch column.type {
        case .string, .json, .list, .map, .structure:
            let token = "CASE t WHEN '\\n' THEN chr(10) WHEN '\\r' THEN chr(13) ELSE right(t, 1) END"
            let tokens = "list_transform(regexp_extract_all(\(part), '(?s)\\\\.|[^\\\\]+'), "
                + "lambda t: CASE WHEN t[1] = '\\' THEN \(token) ELSE t END)"
            return "CASE WHEN \(part) = '\\N' THEN NULL WHEN contains(\(part), '\\') "
                + "THEN array_to_string(\(tokens), '') ELSE \(part) END"
        case .bytes: return "from_base64(\(present))"
        case .timestamp: return "CAST(\(present) || '+00' AS TIMESTAMPTZ)"
        default: return "CAST(\(present) AS \(Dialect.duckdb.type(column.shape)))"
        }
    }
}
