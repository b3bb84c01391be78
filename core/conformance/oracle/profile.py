"""Profiles: the set of events, its canonical order, its bytes (docs/snapshot-format.md)."""

import struct

import xxhash

from snapshot import to_f32

MAX_EVENTS = 2048


def key(event):
    time, item, kind, _ = event
    return time, item.encode(), kind.encode()


def union(*lists):
    """One list of (time, item, kind, weight): ordered, no event twice, the newest 2,048."""
    best = {}
    for event in (e for events in lists for e in events):
        time, item, kind, weight = event
        weight = to_f32(weight) + 0.0
        known = best.get(key(event))
        if known is None or weight > known[3]:
            best[key(event)] = (time, item, kind, weight)
    return [best[k] for k in sorted(best)][-MAX_EVENTS:]


def event(given):
    return given.get("timestamp", 0), given["item_id"], given.get("kind", "view"), float(given.get("weight", 1.0))


def to_json(events):
    return [{"item_id": i, "kind": k, "weight": w, "timestamp": t} for t, i, k, w in events]


def seal(content):
    return content + struct.pack("<Q", xxhash.xxh3_64_intdigest(content))


def pack(events, count=None, version=1, magic=b"TMPF"):
    """The bytes of a list of events, as it is: also of one that no profile has."""
    out = magic + struct.pack("<HH", version, len(events) if count is None else count)
    for time, item, kind, weight in events:
        item = item if isinstance(item, bytes) else item.encode()
        kind = kind if isinstance(kind, bytes) else kind.encode()
        out += struct.pack("<qfBH", time, weight, len(kind), len(item)) + kind + item
    return seal(out)


def hexed(events):
    return pack(events).hex()
