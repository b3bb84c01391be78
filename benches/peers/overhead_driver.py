"""Our own Python package, driven by the figures: overhead_driver.py SNAPSHOT USERS

Answers each line of standard input with the mean time of one `recommend` over
all users: {"mean": … µs, "items": …}. The ids and scores of each answer are read.
"""

import json
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
        spent = 0
        for user in users:
            start = clock()
            answer = recommend(user, 10)
            for item in answer.items:
                item.item_id, item.score
            spent += clock() - start
            items += len(answer)
        print(json.dumps({"mean": spent / len(users) / 1e3, "items": items}), flush=True)


if __name__ == "__main__":
    main()
