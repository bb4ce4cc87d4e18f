/// The words that types begin with.
enum TypeWord {
    static func isKnown(_ word: String) -> Bool { kinds[word] != nil }

    static func kind(_ word: String) -> MySQLType.Kind? { kinds[word] }

    private static let kinds: [String: MySQLType.Kind] = [
        "tinyint": .tinyint, "int1": .tinyint, "bool": .tinyint, "boolean": .tinyint,
        "smallint": .smallint, "int2": .smallint, "mediumint": .mediumint, "int3": .mediumint, "middleint": .mediumint,
        "int": .int, "integer": .int, "int4": .int, "bigint": .bigint, "int8": .bigint, "serial": .bigint,
        "decimal": .decimal, "dec": .decimal, "numeric": .decimal, "fixed": .decimal, "number": .decimal,
        "float": .float, "float4": .float, "double": .double, "float8": .double, "real": .double,
        "bit": .bit, "year": .year, "date": .date, "datetime": .datetime, "timestamp": .timestamp, "time": .time,
        "char": .char, "character": .char, "nchar": .char, "varchar": .varchar, "varcharacter": .varchar,
        "nvarchar": .varchar, "varchar2": .varchar, "national": .char,
        "tinytext": .tinytext, "text": .text, "mediumtext": .mediumtext, "longtext": .longtext, "long": .mediumtext,
        "clob": .longtext, "binary": .binary, "varbinary": .varbinary, "raw": .varbinary,
        "tinyblob": .tinyblob, "blob": .blob, "mediumblob": .mediumblob, "longblob": .longblob,
        "enum": .enum, "set": .set, "json": .json, "uuid": .uuid, "inet4": .inet4, "inet6": .inet6,
        "vector": .vector, "geometry": .geometry, "point": .point, "linestring": .linestring, "polygon": .polygon,
        "multipoint": .multipoint, "multilinestring": .multilinestring, "multipolygon": .multipolygon,
        "geometrycollection": .geometrycollection, "geomcollection": .geometrycollection, "xmltype": .longtext,
    ]
}
