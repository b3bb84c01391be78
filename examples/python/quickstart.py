"""Trains on MovieLens, recommends to a real person with reasons, records a click and shows what
changed, filters, saves the model, opens it again and checks that it answers the same.

usage: python quickstart.py [FOLDER WITH ratings.csv AND movies.csv]
"""

from __future__ import annotations

import csv
import re
import sys
import tempfile
import time
from pathlib import Path

import tastemaker as tm

USER = 337
DATA = Path(__file__).resolve().parent.parent / "data" / "ml-latest-small"


def read_ratings(folder: Path) -> dict[str, list]:
    """Ratings as `rate` events, a list a column."""
    with open(folder / "ratings.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        "user_id": [int(row["userId"]) for row in rows],
        "item_id": [int(row["movieId"]) for row in rows],
        "kind": ["rate"] * len(rows),
        "weight": [float(row["rating"]) for row in rows],
        "timestamp": [int(row["timestamp"]) for row in rows],
    }


def read_movies(folder: Path) -> dict[int, dict]:
    """Movies by id, with title, year and genres."""
    movies = {}
    with open(folder / "movies.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            title, year = re.fullmatch(r"(.*?)\s*(?:\((\d{4})\))?\s*", row["title"]).groups()
            title = re.sub(r"^(.*), (The|A|An)$", r"\2 \1", title)
            genres = [] if row["genres"].startswith("(no") else row["genres"].split("|")
            movies[int(row["movieId"])] = {"title": title, "year": year and int(year), "genres": genres}
    return movies


def heading(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}")


def main(folder: Path) -> None:
    # 1. Train.
    ratings, movies = read_ratings(folder), read_movies(folder)
    heading(f"Training on {len(ratings['user_id']):,} ratings of {len(movies):,} movies")
    began = time.perf_counter()
    model = tm.train(ratings, catalog=movies, timestamp_unit="s")
    print(f"  done in {time.perf_counter() - began:.1f} s: {model}")

    def name(item_id: int) -> str:
        movie = model.attributes(item_id)
        return f"{movie['title']} ({movie['year']:.0f})" if "year" in movie else movie["title"]

    # 2. Recommend to a person whose ratings the model holds.
    engine = tm.Engine(model)
    history = engine.profile(USER).events
    heading(f"User {USER} rated {len(history)} movies, among them")
    for event in sorted(history, key=lambda event: -event.weight)[:5]:
        print(f"  {'★' * int(event.weight):<5}  {name(event.item_id)}")

    before = engine.recommend(USER, k=8, explain=True)
    heading("and might like")
    for item in before.items:
        because = " and ".join(f"{name(reason.item_id)} {reason.share:.0%}" for reason in item.reasons[:2])
        print(f"  {item.rank:>2}. {name(item.item_id)}, because of {because}")

    # 3. A click changes the next answer; nothing is trained again.
    clicked = before.items[4].item_id
    engine.record(USER, clicked, "click", timestamp=history[-1].timestamp + 60_000)
    after = engine.recommend(USER, k=8, explain=True)
    heading(f"After a click on {name(clicked)}")
    ranks = {item.item_id: item.rank for item in before.items}
    for item in after.items:
        was = ranks.get(item.item_id)
        moved = "new" if was is None else f"was {was}" if was != item.rank else ""
        print(f"  {item.rank:>2}. {name(item.item_id):<50} {moved}")

    # 4. A filter, on the same engine.
    heading("Comedies of the eighties")
    for item in engine.recommend(USER, k=3, filter={"genres": {"$in": ["Comedy"]}, "year": {"$gte": 1980, "$lt": 1990}}).items:
        print(f"  {item.rank:>2}. {name(item.item_id)}")

    # 5. Save, open, and compare.
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "movies.tm"
        model.save(path)
        opened = tm.Engine(tm.Model.open(path))
        assert opened.recommend(USER, k=8, explain=True) == before
        opened.merge_profile(USER, engine.profile(USER))
        assert opened.recommend(USER, k=8, explain=True) == after
        heading("Saved and opened again")
        print(f"  {path.stat().st_size / 1e6:.1f} MB; the same movies with the same scores, to the last bit")
        del opened


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
