"""Holds out the last movies of each person on MovieLens, trains two models, measures them with
intervals, compares them on the same people, and asks how well people are served whom training
never saw.

usage: python evaluate.py [FOLDER FOR CHARTS]
"""

from __future__ import annotations

import sys
from pathlib import Path

from quickstart import DATA, heading, read_movies, read_ratings

import tastemaker as tm


def main(charts: Path | None) -> None:
    ratings, movies = read_ratings(DATA), read_movies(DATA)

    # 1. Hold out the three movies that each person came to last.
    parts = tm.split(ratings, "leave_last_out", n=3, timestamp_unit="s")
    train, test, _ = parts.of(ratings)
    heading(f"1. Held out: {parts}")

    # 2. Measure, beside plain popularity. The interval says how far chance goes.
    model = tm.train(train, movies, timestamp_unit="s", progress=False)
    evaluation = tm.evaluate(model, test, k=[20, 5], diversity=["genres"], auc=True)
    heading("2. A model")
    print(evaluation)

    # 3. For whom is it good? By how much they have rated, and by any label that you have.
    heading("3. Recall by length of history")
    for group in evaluation.to_dict()["history_lengths"]:
        at_20 = group["cutoffs"][-1]["model"]
        low, high = at_20["low"]["recall"], at_20["high"]["recall"]
        print(f"  {group['label']:>5} ratings: {at_20['recall']:.3f} [{low:.3f}, {high:.3f}] of {group['users']} people")

    # 4. Is another model better? Compare them person by person.
    other = tm.train(train, movies, options={"trainer": "cooccurrence"}, timestamp_unit="s", progress=False)
    comparison = tm.compare(model, other, test, k=20)
    heading("4. Beside plain co-occurrence")
    print(comparison)

    # 5. People whom training never saw, answered from the first half of what they rated.
    train, test, history = tm.split(ratings, "cold_user", timestamp_unit="s").of(ratings)
    stranger = tm.train(train, movies, timestamp_unit="s", progress=False)
    cold = tm.evaluate(stranger, test, history=history, timestamp_unit="s")
    heading(f"5. {cold.users} people whom training never saw")
    print(f"  recall@20 {cold.model['recall']:.3f}, popularity {cold.popularity['recall']:.3f}")

    if charts is not None:
        import matplotlib

        matplotlib.use("agg")
        charts.mkdir(parents=True, exist_ok=True)
        for name, axes in (
            ("metrics", evaluation.plot()),
            ("history", evaluation.plot("recall", by="history")),
            ("comparison", comparison.plot()),
        ):
            axes.figure.savefig(charts / f"{name}.png", dpi=150)
        print(f"\nCharts in {charts}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
