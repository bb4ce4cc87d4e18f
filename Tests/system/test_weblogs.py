"""Real access logs land per day as an independent count says, and what is no row is in quarantine."""
import collections
import csv
import gzip
import lzma

import configs
from harness import SHARED, Skip, Workspace, audit, check, count, entry_bytes, quarantine, query, run, source

WEBLOGS = SHARED / "data" / "weblogs"


def expected_days(name, kind):
    with open(WEBLOGS / "expected_days.csv") as file:
        return [row for row in csv.DictReader(file) if row["file"] == name and row["day_kind"] == kind]


def take_in(space, name, opener, zone="UTC"):
    if not WEBLOGS.exists():
        raise Skip("no ../shared/data/weblogs")
    data = opener(next(WEBLOGS.glob(f"{name}*")), "rb").read()
    space.write("logs/access.log", data)
    config = configs.embedded(space, [("access", "access", f"{space.path}/logs/*.log")], configs.COMBINED.format(zone=zone))
    output = run("millrace", "run", "--once", "--config", config).stdout
    return config, data, output


def compare(space, config, name, data, output):
    """Rows, statuses and bytes per day; every other line whole in quarantine; the balance."""
    table = source(space / "warehouse", "web.access")
    found = {
        str(day): numbers for day, *numbers in query(f"""
            SELECT dt, count(*), count(*) FILTER (status BETWEEN 200 AND 299), count(*) FILTER (status BETWEEN 300 AND 399),
                count(*) FILTER (status BETWEEN 400 AND 499), count(*) FILTER (status >= 500), coalesce(sum(bytes), 0)
            FROM {table} GROUP BY dt""")}
    wanted = {
        row["date"]: [int(row[key]) for key in (
            "matched_common_or_combined", "status_2xx", "status_3xx", "status_4xx", "status_5xx", "sum_bytes")]
        for row in expected_days(name, "utc")}
    check(found == wanted, f"per day: found {found}, expected {wanted}")
    lines = collections.Counter(data.split(b"\n")[:-1])
    refused = collections.Counter(entry_bytes(entry) for entry in quarantine(space / "warehouse"))
    check(sum(refused.values()) == sum(int(row["unmatched"]) for row in expected_days(name, "utc")), f"quarantine: {refused}")
    check(not refused - lines, "quarantine holds bytes that are no line of the input")
    report = audit(config, code=0)
    balance = report["pipelines"][0]["balance"]
    check(balance["holds"] and balance["received"] == sum(lines.values()), f"balance {balance}")
    check(balance["written"] + balance["quarantined"] == balance["received"], f"balance {balance}")
    check(str(balance["received"]) in output, f"run --once does not print the balance: {output}")


def test_ten_thousand_apache_lines_land_per_day_as_expected():
    with Workspace("apache") as space:
        config, data, output = take_in(space, "apache_combined_10k.log", lzma.open)
        compare(space, config, "apache_combined_10k.log", data, output)


def test_fifty_thousand_nasa_lines_land_per_day_as_expected():
    with Workspace("nasa") as space:
        config, data, output = take_in(space, "nasa-http-50k.log", gzip.open)
        compare(space, config, "nasa-http-50k.log", data, output)


def test_running_again_takes_in_nothing_twice_and_then_only_what_is_new():
    with Workspace("again") as space:
        config, data, _ = take_in(space, "apache_combined_10k.log", lzma.open)
        rows = count(space / "warehouse", "web.access")
        run("millrace", "run", "--once", "--config", config)
        check(count(space / "warehouse", "web.access") == rows, "the second run added rows")
        with open(space / "logs/access.log", "ab") as file:
            file.write(data.split(b"\n")[0] + b"\n")
        run("millrace", "run", "--once", "--config", config)
        check(count(space / "warehouse", "web.access") == rows + 1, "a line that was appended is one more row")
        check(audit(config, code=0)["is_sound"], "the audit is not sound")
