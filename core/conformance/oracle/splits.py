"""Which rows to train on and which to test on, written over dictionaries of users and items."""

import math

import xxhash


def hashed(seed, user="", item=""):
    return xxhash.xxh3_64_intdigest(user.encode() + b"\xff" + item.encode(), seed)


def split(events, options):
    """{"train", "test", "history", "left_out"}: row numbers, ascending."""
    method, seed, share = options["method"], options.get("seed", 0), options.get("share", 0.2)
    rows = list(zip(events["user_id"], events["item_id"], events.get("timestamp") or [0] * len(events["user_id"])))
    timed = "timestamp" in events
    came = {}
    for user, item, time in rows:
        items = came.setdefault(user, {})
        items[item] = min(time, items.get(item, math.inf))
    in_order = {user: sorted(items, key=lambda i: (items[i], i.encode())) for user, items in came.items()}
    by_hash = {user: sorted(items, key=lambda i: (hashed(seed, user, i), i.encode())) for user, items in came.items()}
    # Python's round goes half to even.
    fewest = lambda names, key: set(sorted(names, key=lambda n: (key(n), n.encode()))[: round(share * len(names))])  # noqa: E731

    place = {}
    if method == "leave_last_out":
        for user, items in in_order.items():
            place |= {(user, i): "test" for i in items[1:][-options.get("n", 1):]}
    elif method == "random":
        for user, items in by_hash.items():
            place |= {(user, i): "test" for i in items[: min(round(share * len(items)), len(items) - 1)]}
    elif method == "cold_user":
        for user in fewest(list(came), lambda u: hashed(seed, user=u)):
            items = (in_order if timed else by_hash)[user]
            given = min(math.floor(options.get("history_share", 0.5) * len(items)), len(items) - 1)
            place |= {(user, i): "history" if n < given else "test" for n, i in enumerate(items)}
    elif method == "cold_item":
        cold = fewest(list({item for _, item, _ in rows}), lambda i: hashed(seed, item=i))
        place |= {(user, item): "test" for user, item, _ in rows if item in cold}

    out = {"train": [], "test": [], "history": [], "left_out": []}
    if method == "time":
        cut = options.get("at")
        if cut is None:
            times = sorted(time for _, _, time in rows)
            last = round(share * len(times))
            cut = times[-last] if last else math.inf
        for row, (user, item, time) in enumerate(rows):
            name = "train" if time < cut else "left_out" if came[user][item] < cut else "test"
            out[name].append(row)
        return out
    for row, (user, item, _) in enumerate(rows):
        out[place.get((user, item), "train")].append(row)
    return out
