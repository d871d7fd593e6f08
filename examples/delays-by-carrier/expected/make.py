"""Works out what the job prints, without Sandbar: python3 make.py, in this folder.

Groups the rows by day in New York; writes carriers.jsonl and delays.jsonl, sorted by line.
"""

import collections
import csv
import datetime
import json
import math

ZONE = datetime.timedelta(hours=-5)


def delay(row):
    return None if row["dep_delay"] == "NA" else int(row["dep_delay"])


def day(row):
    hour = datetime.datetime.strptime(row["time_hour"], "%Y-%m-%dT%H:%M:%SZ")
    departed = hour + datetime.timedelta(minutes=int(row["minute"]) + (delay(row) or 0))
    return str((departed + ZONE).date())


def mean(numbers):
    """To one place behind the point, halves away from zero; None of none."""
    if not numbers:
        return None
    tenths = sum(numbers) / len(numbers) * 10
    return math.copysign(math.floor(abs(tenths) + 0.5), tenths) / 10


def write(path, records):
    lines = sorted(json.dumps(record, separators=(",", ":")) for record in records)
    with open(path, "w") as out:
        out.writelines(line + "\n" for line in lines)


def main():
    carriers, airports = collections.defaultdict(list), collections.defaultdict(list)
    for row in csv.DictReader(open("../data/flights.csv")):
        carriers[day(row), row["carrier"]].append(row)
        if delay(row) is not None:
            airports[day(row), row["origin"]].append(row)
    write("carriers.jsonl", [
        {
            "day": date,
            "carrier": carrier,
            "flights": len(rows),
            "cancelled": sum(delay(row) is None for row in rows),
            "airports": len({row["dest"] for row in rows}),
            "delay": mean([delay(row) for row in rows if delay(row) is not None]),
        }
        for (date, carrier), rows in carriers.items()
    ])
    write("delays.jsonl", [
        {
            "day": date,
            "airport": airport,
            "rank": rank,
            "flight": row["carrier"] + row["flight"],
            "to": row["dest"],
            "delay": delay(row),
        }
        for (date, airport), rows in airports.items()
        for rank, row in enumerate(sorted(rows, key=delay, reverse=True)[:3], start=1)
    ])


main()
