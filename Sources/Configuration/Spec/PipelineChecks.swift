internal import Columns
internal import Event

/// What no single setting of a pipeline can tell.
extension PipelineSpecs {
    static func checkColumn(_ column: ColumnSpec, _ node: YAMLNode, _ faults: inout FaultList) {
        // Why: a type that could not be read has its own fault; the default must not make more of them.
        guard let type = node["type"]?.value.scalar, ColumnShape(type) == column.shape, !column.name.isEmpty
        else { return }
        let isNumber = [.int32, .int64, .double, .decimal].contains(column.type)
        let isTime = column.type == .timestamp || column.type == .date
        let hasTime = holds([.timestamp, .date], column.shape)
        func only(_ name: String, _ isRight: Bool, _ types: String) {
            if node[name] != nil, !isRight {
                faults.add(node, name, "\"\(name)\" is for \(types) columns; \"\(column.name)\" is "
                    + "\(column.type.rawValue)")
            }
        }
        only("min", isNumber, "number")
        only("max", isNumber, "number")
        only("pattern", column.type == .string, "string")
        only("max_length", [.string, .json, .bytes].contains(column.type), "string, json and bytes")
        only("encoding", holds([.bytes], column.shape), "bytes")
        only("bloom_filter", !column.type.isNested && column.type != .boolean, "flat and not boolean")
        only("min_length", [.string, .json, .bytes].contains(column.type), "string, json and bytes")
        only("time_format", hasTime, "timestamp and date")
        only("time_zone", hasTime, "timestamp and date")
        only("max_future", isTime, "timestamp and date")
        if let shortest = column.minimumByteCount, let longest = column.maximumByteCount, shortest > longest {
            faults.add(node, "max_length", "\"min_length\" (\(shortest)) is above \"max_length\" (\(longest))")
        }
        if column.defaultText != nil, column.required {
            faults.add(node, "default", "a required column with a default is never missing; take one of the two away")
        }
        only("allowed", [.string, .int32, .int64].contains(column.type), "string and integer")
        if let minimum = column.minimum, let maximum = column.maximum, minimum > maximum {
            faults.add(node, "max", "\"min\" (\(minimum)) is above \"max\" (\(maximum)): no value fits")
        }
        if column.type == .int32 || column.type == .int64 {
            for value in column.allowed ?? [] where Int64(value) == nil {
                faults.add(node, "allowed", "\"\(value.clipped)\" in \"allowed\" is not a whole number")
            }
        }
    }

    /// Whether a shape is of one of the types, or has such inside.
    private static func holds(_ types: [ColumnType], _ shape: ColumnShape) -> Bool {
        types.contains(shape.type) || shape.fields.contains { holds(types, $0.shape) }
    }

    static func checkOutput(_ route: RouteSpec, _ node: YAMLNode, _ faults: inout FaultList) {
        if let level = route.compressionLevel, route.compression == .gzip, level > 9 {
            faults.add(node, "level", "gzip's levels are 1 to 9")
        }
        if route.fileFormat != .delimited, node["delimiter"] != nil {
            faults.add(node, "delimiter", "\"delimiter\" is for the format delimited")
        }
        guard route.fileFormat != .parquet else { return }
        for name in ["level", "timestamps", "pages", "row_group"] where node[name] != nil {
            faults.add(node, name, "\"\(name)\" is for the format parquet")
        }
        if route.compression == .snappy {
            faults.add(node, "compression", "snappy is for the format parquet; use zstd or gzip")
        }
    }

    static func checkRoute(_ route: RouteSpec, _ node: YAMLNode, _ faults: inout FaultList) {
        guard node["format"]?.value.scalar == route.format.rawValue else { return }
        checkParse(route, node, &faults)
        if route.columns.isEmpty {
            if !route.format.hasStandardColumns {
                faults.add(node, "columns", "the format \(route.format.rawValue) needs \"columns\"")
            }
            return
        }
        guard case .sequence(let items)? = node["columns"]?.value.content else { return }
        checkFields(route, items, &faults)
        var lines: [String: Int] = [:]
        for (column, item) in zip(route.columns, items) where !column.name.isEmpty {
            // Why: Hive folds names to lower case, so two that differ only in case are one.
            let name = column.name.lowercased()
            if let line = lines[name] {
                faults.add(item, "name", "two columns are named \"\(column.name)\", the other on line \(line)")
            } else {
                lines[name] = item["name"]?.mark.line ?? item.mark.line
            }
            if name == route.partitionName.lowercased() {
                faults.add(item, "name", "\"\(column.name)\" is the partition's name too; rename one of them")
            }
        }
        checkTimeColumn(route, node, &faults)
    }

    private static func checkTimeColumn(_ route: RouteSpec, _ node: YAMLNode, _ faults: inout FaultList) {
        let place = node["time"]?.value ?? node
        guard let column = route.columns.first(where: { $0.name == route.timeColumn }) else {
            let guess = NearestName.find(route.timeColumn, in: route.columns.map(\.name))
                .map { "; did you mean \"\($0)\"?" } ?? "; name it in \"time.column\""
            faults.add(place, "column", "there is no column \"\(route.timeColumn)\" for the event time\(guess)")
            return
        }
        if column.type != .timestamp, column.type != .date {
            faults.add(
                place, "column",
                "the event time's column \"\(column.name)\" is \(column.type.rawValue); it must be timestamp or date")
        }
    }

    /// Across routes and pipelines of a file.
    static func check(_ pipelines: [PipelineSpec], _ node: YAMLNode, _ faults: inout FaultList) {
        guard case .sequence(let items)? = node["pipelines"]?.value.content else { return }
        var lines: [String: Int] = [:]
        var tables: [String: (route: RouteSpec, line: Int)] = [:]
        for (pipeline, item) in zip(pipelines, items) {
            if !pipeline.name.isEmpty {
                if let line = lines[pipeline.name] {
                    faults.add(item, "name", "two pipelines are named \"\(pipeline.name)\", the other on line "
                        + "\(line)")
                } else {
                    lines[pipeline.name] = item["name"]?.mark.line ?? item.mark.line
                }
            }
            guard case .sequence(let routes)? = item["routes"]?.value.content else { continue }
            for (route, place) in zip(pipeline.routes, routes) {
                for topic in route.topics where !pipeline.topics.contains(topic) && !pipeline.topics.isEmpty {
                    let guess = NearestName.find(topic, in: pipeline.topics).map { "; did you mean \"\($0)\"?" } ?? ""
                    faults.add(
                        place, "topics", "\"\(topic)\" is not among the topics of pipeline "
                            + "\"\(pipeline.name)\"\(guess)")
                }
                guard !route.table.isEmpty else { continue }
                if let other = tables[route.table] {
                    if !hasSameShape(other.route, route) {
                        faults.add(
                            place, "table",
                            "\"\(route.table)\" has other columns, partition or output on line \(other.line); "
                                + "routes into one table must agree")
                    }
                } else {
                    tables[route.table] = (route, place["table"]?.mark.line ?? place.mark.line)
                }
            }
        }
    }

    /// Whether two routes write files that one table can hold.
    private static func hasSameShape(_ left: RouteSpec, _ right: RouteSpec) -> Bool {
        let isOwn = left.columns.isEmpty && right.columns.isEmpty && left.format == right.format
        let isEqual = !left.columns.isEmpty && left.columns.map(\.name) == right.columns.map(\.name)
            && left.columns.map(\.shape) == right.columns.map(\.shape)
        return (isOwn || isEqual) && left.partitionName == right.partitionName && left.timeZone == right.timeZone
            && left.fileFormat == right.fileFormat && left.timestampLayout == right.timestampLayout
            && left.outputDelimiter == right.outputDelimiter
    }
}
