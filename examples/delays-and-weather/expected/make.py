"""Works out what the job prints, without Sandbar: python3 make.py, in this folder.

Looks each departure's last full hour up among the reports; writes days.tsv.
"""

import collections
import csv
import datetime

ZONE = datetime.timedelta(hours=-4)


def hour(row):
    return datetime.datetime.strptime(row["time_hour"], "%Y-%m-%dT%H:%M:%SZ")


def main():
    reports = {
        (row["origin"], hour(row)): float(row["visib"])
        for row in csv.DictReader(open("../data/weather.csv"))
    }
    delays = collections.defaultdict(list)
    for row in csv.DictReader(open("../data/flights.csv")):
        if row["dep_delay"] == "NA":
            continue
        delay = int(row["dep_delay"])
        departed = hour(row) + datetime.timedelta(minutes=int(row["minute"]) + delay)
        miles = reports.get((row["origin"], departed.replace(minute=0)))
        visibility = "unknown" if miles is None else "good" if miles >= 3 else "poor"
        delays[(departed + ZONE).date(), row["origin"], visibility].append(delay)
    with open("days.tsv", "w") as out:
        for (day, origin, visibility), all in sorted(delays.items()):
            mean = sum(all) / len(all)
            out.write(f"{day}\t{origin}\t{visibility}\t{len(all)}\t{mean:.1f}\n")


main()
