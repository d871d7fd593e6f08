"""Works out what the job prints, without Sandbar: python3 make.py, in this folder.

Reads all flights at once, sorts them by departure, and writes hours.tsv and days.tsv.
"""

import collections
import csv
import datetime
import glob

REST = datetime.timedelta(hours=6)
FEWEST = 4


def departed(row):
    hour = datetime.datetime.strptime(row["time_hour"], "%Y-%m-%dT%H:%M:%SZ")
    return hour + datetime.timedelta(minutes=int(row["minute"]) + int(row["dep_delay"]))


def write(path, lines):
    with open(path, "w") as out:
        out.writelines(line + "\n" for line in sorted(lines))


def main():
    rows = [row for path in glob.glob("../data/*.csv") for row in csv.DictReader(open(path))]
    flights = sorted((departed(row), row["tailnum"], int(row["distance"])) for row in rows)
    show = lambda time: time.strftime("%Y-%m-%dT%H:%M:%SZ")

    hours = collections.Counter(
        (show(departed(row).replace(minute=0)), row["origin"]) for row in rows
    )
    write("hours.tsv", [f"{hour}\t{origin}\t{count}" for (hour, origin), count in hours.items()])

    days = collections.defaultdict(list)
    for time, aircraft, miles in flights:
        if not days[aircraft] or time - days[aircraft][-1][-1][0] > REST:
            days[aircraft].append([])
        days[aircraft][-1].append((time, miles))
    write("days.tsv", [
        f"{aircraft}\t{show(day[0][0])}\t{show(day[-1][0])}\t{len(day)}\t{sum(m for _, m in day)}"
        for aircraft, sessions in days.items()
        for day in sessions
        if len(day) >= FEWEST
    ])


main()
