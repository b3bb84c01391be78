"""Our own Python package, driven by the figures: overhead_driver.py SNAPSHOT USERS

Answers each line of standard input with the median time of one `recommend` over
all users: {"p50": … µs, "items": …}. The ids and scores of each answer are read.
"""

import json
import statistics
import sys
import time

import tastemaker as tm


def main():
    engine = tm.Engine(tm.Model.open(sys.argv[1]))
    with open(sys.argv[2]) as file:
        users = file.read().split()
    clock = time.perf_counter_ns
    recommend = engine.recommend
    for _ in sys.stdin:
        items = 0
        times = []
        for user in users:
            start = clock()
            answer = recommend(user, 10)
            for item in answer.items:
                item.item_id, item.score
            times.append(clock() - start)
            items += len(answer)
        print(json.dumps({"p50": statistics.median(times) / 1e3, "items": items}), flush=True)


if __name__ == "__main__":
    main()
