"""Works out what the job prints, without Sandbar: python3 make.py, in this folder.

For each earthquake, looks for the one before it in its square of a degree; writes alerts.tsv.
"""

import datetime
import json
import math

HOUR_MS = 3_600_000


def show(time):
    seconds, millis = divmod(time, 1000)
    shown = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    fraction = f".{millis:03}" if millis else ""
    return shown.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def main():
    quakes = [json.loads(line) for line in open("../data/earthquakes.jsonl")]
    cells, alerts = {}, []
    for quake in sorted(quakes, key=lambda quake: quake["time"]):
        if quake["type"] != "earthquake":
            continue
        cell = math.floor(quake["longitude"]), math.floor(quake["latitude"])
        before = cells.get(cell)
        cells[cell] = quake
        if before is None or quake["time"] - before["time"] > HOUR_MS:
            continue
        if quake["magnitude"] >= before["magnitude"] + 1:
            minutes = (quake["time"] - before["time"]) // 60_000
            magnitudes = f"{before['magnitude']:.2f}\t{quake['magnitude']:.2f}"
            alerts.append(f"{show(quake['time'])}\t{magnitudes}\t{minutes}\t{quake['place']}")
    with open("alerts.tsv", "w") as out:
        out.writelines(line + "\n" for line in sorted(alerts))


main()
