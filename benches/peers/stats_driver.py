"""Our own Python package, driven by the figures: stats_driver.py

Holds 10 million rows of one million users in NumPy columns. Answers each line of standard input:
`units` adds the rows up by user and compares the arms, `rows` takes each row as a unit:
{"seconds": …, "n": units of all arms}.
"""

import json
import sys
import time

import numpy as np

import tastemaker as tm

ROWS, USERS = 10_000_000, 1_000_000


def main():
    dice = np.random.default_rng(1)
    unit = dice.integers(0, USERS, ROWS)
    arm = unit % 2
    value = dice.exponential(3.0, ROWS)
    for line in sys.stdin:
        given = {"unit": unit} if line.strip() == "units" else {}
        start = time.perf_counter()
        summary = tm.stats.summarize("mean", arm, value, **given)
        report = tm.stats.analyze("mean", summary["arms"])
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "n": sum(a["n"] for a in report["arms"])}), flush=True)


if __name__ == "__main__":
    main()
