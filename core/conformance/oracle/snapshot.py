"""A reader and a writer of the snapshot format, from docs/snapshot-format.md alone.

Not the library: nothing here is shared with it but the page. `lay_out` makes a file of given
sections and fixes every checksum, which is also how the forged files are made; `build` makes the
sections of a model that is described in Python; `read` and `parse` go the other way.
"""

import json
import struct
from dataclasses import dataclass, field

import xxhash

MAGIC = b"TASTEMKR"
VERSION = 2
READABLE = (1, 2)

MANIFEST, ITEM_OFFSETS, ITEM_BYTES, ITEM_SLOTS = 1, 2, 3, 4
POPULARITY, POPULAR_ORDER, ACTIVE = 5, 6, 7
GRAPH_OFFSETS, GRAPH_IDS, GRAPH_WEIGHTS = 8, 9, 10
USER_OFFSETS, USER_BYTES, USER_SLOTS = 11, 12, 13
PROFILE_OFFSETS, PROFILE_ITEMS, PROFILE_KINDS, PROFILE_WEIGHTS, PROFILE_TIMES = 14, 15, 16, 17, 18
GRAPH_NARROW_IDS = 19
PRESENT, NUMBERS, BOOLS, TEXT_OFFSETS, TEXT_BYTES = 32, 33, 34, 35, 36
TAG_ROWS, TAG_IDS, TAG_OFFSETS, TAG_BYTES, PLACES = 37, 38, 39, 40, 41
INDEX_FIRST_COLUMN, INDEX_LAST = 63, 127

DEFAULT_KINDS = {
    "view": 1.0, "click": 1.0, "like": 2.0, "save": 2.0, "share": 2.0, "inquire": 3.0,
    "purchase": 4.0, "book": 4.0, "dismiss": -1.0, "dislike": -2.0,
    "rate": {"weight": 1.0, "neutral": 2.5, "scale": 2.5},
}


class Refused(Exception):
    """A file that a reader must refuse; the argument is the stable code."""


def h64(data):
    return xxhash.xxh3_64_intdigest(data)


def padded(data):
    return data + bytes(-len(data) % 64)


def u32(values):
    return struct.pack(f"<{len(values)}I", *values)


def u16(values):
    return struct.pack(f"<{len(values)}H", *values)


def f32(values):
    return struct.pack(f"<{len(values)}f", *values)


def f64(values):
    return struct.pack(f"<{len(values)}d", *values)


def i64(values):
    return struct.pack(f"<{len(values)}q", *values)


def bits(flags):
    words = [0] * (-(-len(flags) // 64))
    for i, flag in enumerate(flags):
        words[i // 64] |= int(bool(flag)) << (i % 64)
    return struct.pack(f"<{len(words)}Q", *words)


def to_f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def header(count, length, table, version=VERSION, magic=MAGIC):
    start = magic + struct.pack("<IIQQ", version, count, length, h64(table)) + bytes(24)
    return start + struct.pack("<Q", h64(start))


def lay_out(sections, version=VERSION, magic=MAGIC, entries=None):
    """The file of {(code, index): bytes}. `entries` changes the table before it is sealed."""
    keys = sorted(sections)
    at = 64 + len(padded(bytes(32 * len(keys))))
    table, body = [], b""
    for code, index in keys:
        data = padded(sections[code, index])
        table.append([code, index, at, len(sections[code, index]), h64(data)])
        body += data
        at += len(data)
    if entries:
        entries(table)
    packed = padded(b"".join(struct.pack("<IIQQQ", *entry) for entry in table))
    return header(len(table), at, packed, version, magic) + packed + body


def read(data):
    """The sections of a file, all checksums verified."""
    if data[:8] != MAGIC:
        raise Refused("not_a_snapshot")
    if len(data) < 64:
        raise Refused("corrupt_snapshot")
    version, count, length, table_sum = struct.unpack_from("<IIQQ", data, 8)
    if version not in READABLE:
        raise Refused("unsupported_version")
    end = 64 + len(padded(bytes(32 * min(count, 65536))))
    sound = (
        h64(data[:56]) == struct.unpack_from("<Q", data, 56)[0]
        and length == len(data)
        and count <= 65536
        and end <= len(data)
        and h64(data[64:end]) == table_sum
    )
    if not sound:
        raise Refused("corrupt_snapshot")
    sections, expected, last = {}, end, None
    for n in range(count):
        code, index, at, size, check = struct.unpack_from("<IIQQQ", data, 64 + 32 * n)
        stop = at + -(-size // 64) * 64
        if at != expected or stop > len(data) or h64(data[at:stop]) != check:
            raise Refused("corrupt_snapshot")
        if last is not None and last >= (code, index):
            raise Refused("corrupt_snapshot")
        sections[code, index] = data[at:at + size]
        last, expected = (code, index), stop
    if expected != len(data):
        raise Refused("corrupt_snapshot")
    return sections


def model_hash(data):
    count = struct.unpack_from("<I", data, 12)[0]
    end = 64 + len(padded(bytes(32 * count)))
    return f"{xxhash.xxh3_128_intdigest(data[:end]):032x}"


def concatenated(texts):
    offsets, joined = [0], b""
    for text in texts:
        joined += text.encode()
        offsets.append(len(joined))
    return u32(offsets), joined


def id_table(ids):
    """Offsets, bytes and slots of ids that ascend by their bytes."""
    size = 1
    while size < 2 * max(len(ids), 1):
        size *= 2
    slots = [0] * size
    for index, name in enumerate(ids):
        slot = h64(name.encode()) % size
        while slots[slot]:
            slot = (slot + 1) % size
        slots[slot] = index + 1
    return *concatenated(ids), u32(slots)


def by_bytes(ids):
    return sorted(set(ids), key=str.encode)


@dataclass
class Description:
    """A model in Python's terms; ids everywhere, indices nowhere."""

    items: list
    graph: dict = field(default_factory=dict)  # id -> {id: u16}
    scale: int = 10
    popularity: dict = field(default_factory=dict)
    inactive: set = field(default_factory=set)
    kinds: dict = field(default_factory=lambda: dict(DEFAULT_KINDS))
    half_life_ms: float | None = None
    columns: dict = field(default_factory=dict)  # name -> (type, {id: value})
    histories: dict | None = None  # user -> [(time, item, kind, weight)] in any order
    manifest: dict = field(default_factory=dict)  # more keys, or other values
    write_kinds: bool | None = None  # section 16 although one kind would do


def column_sections(number, kind, values, ids):
    there = [name in values for name in ids]
    out = {(PRESENT, number): bits(there)}
    get = lambda name, absent: values.get(name, absent)  # noqa: E731
    if kind in ("number", "time"):
        out[NUMBERS, number] = f64([get(n, 0.0) for n in ids])
    elif kind == "bool":
        out[BOOLS, number] = bits([get(n, False) for n in ids])
    elif kind == "text":
        out[TEXT_OFFSETS, number], out[TEXT_BYTES, number] = concatenated([get(n, "") for n in ids])
    elif kind == "tags":
        words = by_bytes(tag for n in ids for tag in get(n, []))
        rows, tags = [0], []
        for n in ids:
            tags += [words.index(tag) for tag in get(n, [])]
            rows.append(len(tags))
        out[TAG_ROWS, number], out[TAG_IDS, number] = u32(rows), u32(tags)
        out[TAG_OFFSETS, number], out[TAG_BYTES, number] = concatenated(words)
    elif kind == "place":
        out[PLACES, number] = f64([x for n in ids for x in get(n, (0.0, 0.0))])
    return out


def graph_sections(items, offsets, edges, weights):
    """Version 2: the neighbours take 16 bits where the items allow it."""
    ids = ((GRAPH_NARROW_IDS, 0), u16(edges)) if items <= 65536 else ((GRAPH_IDS, 0), u32(edges))
    return {(GRAPH_OFFSETS, 0): u32(offsets), ids[0]: ids[1], (GRAPH_WEIGHTS, 0): u16(weights)}


def graph_ids(data, sections, items):
    """The neighbours, in the section that the version and the number of items call for."""
    narrow, wide = sections.get((GRAPH_NARROW_IDS, 0), b""), sections.get((GRAPH_IDS, 0), b"")
    if struct.unpack_from("<I", data, 8)[0] == 1:
        return numbers("I", wide)
    if wide if items <= 65536 else narrow:
        raise Refused("corrupt_snapshot")
    return numbers("H", narrow) if items <= 65536 else numbers("I", wide)


def build(d):
    """The sections of a description, as a trainer writes them."""
    ids = by_bytes(d.items)
    index = {name: i for i, name in enumerate(ids)}
    out = dict(zip([(ITEM_OFFSETS, 0), (ITEM_BYTES, 0), (ITEM_SLOTS, 0)], id_table(ids)))
    popularity = [to_f32(d.popularity.get(name, 0.0)) for name in ids]
    out[POPULARITY, 0] = f32(popularity)
    out[POPULAR_ORDER, 0] = u32(sorted(range(len(ids)), key=lambda i: (-popularity[i], i)))
    out[ACTIVE, 0] = bits([name not in d.inactive for name in ids])
    offsets, edges, weights = [0], [], []
    for name in ids:
        row = sorted((index[to], w) for to, w in d.graph.get(name, {}).items())
        edges += [to for to, _ in row]
        weights += [w for _, w in row]
        offsets.append(len(edges))
    out |= graph_sections(len(ids), offsets, edges, weights)
    listed = []
    for number, (name, (kind, values)) in enumerate(sorted(d.columns.items(), key=lambda c: c[0].encode())):
        listed.append({"name": name, "type": kind})
        out |= column_sections(number, kind, values, ids)
    profiles = None
    if d.histories is not None:
        added, profiles = history_sections(d, index)
        out |= added
    manifest = {
        "kinds": d.kinds, "half_life_ms": d.half_life_ms, "graph": {"scale": d.scale},
        "columns": listed, "profiles": profiles, "item_id_type": "string", "user_id_type": "string",
        "library": "tastemaker", "version": "0.1.0",
    } | d.manifest
    out[MANIFEST, 0] = compact(manifest).encode()
    return out


def history_sections(d, index):
    users = by_bytes(d.histories)
    names = sorted(d.kinds, key=str.encode)
    offsets, events = [0], []
    for user in users:
        events += sorted(d.histories[user], key=lambda e: (e[0], index[e[1]], names.index(e[2])))
        offsets.append(len(events))
    out = dict(zip([(USER_OFFSETS, 0), (USER_BYTES, 0), (USER_SLOTS, 0)], id_table(users)))
    out[PROFILE_OFFSETS, 0] = u32(offsets)
    out[PROFILE_ITEMS, 0] = u32([index[e[1]] for e in events])
    kinds = {e[2] for e in events}
    one = kinds.pop() if len(kinds) == 1 and not d.write_kinds else None
    if one is None and events:
        out[PROFILE_KINDS, 0] = bytes(names.index(e[2]) for e in events)
    if any(e[3] != 1 for e in events):
        out[PROFILE_WEIGHTS, 0] = f32([e[3] for e in events])
    if any(e[0] != 0 for e in events):
        out[PROFILE_TIMES, 0] = i64([e[0] for e in events])
    return out, {"events": len(events), "kind": one}


def write(description):
    return lay_out(build(description))


def edge(data, neighbors=32, attributes=None):
    """What export_edge writes: the strongest neighbours, chosen columns, no histories."""
    sections = read(data)
    model = parse(data)
    out = {key: value for key, value in sections.items() if key[0] < USER_OFFSETS}
    offsets, edges, weights = [0], [], []
    for row in model.rows:
        strongest = sorted(row.items(), key=lambda e: (-e[1], e[0]))[:neighbors]
        for to, weight in sorted(strongest):
            edges.append(to)
            weights.append(weight)
        offsets.append(len(edges))
    out.pop((GRAPH_IDS, 0), None)
    out |= graph_sections(len(model.ids), offsets, edges, weights)
    listed = []
    for old, column in enumerate(model.manifest["columns"] or []):
        if attributes is None or column["name"] in attributes:
            for (code, index), value in sections.items():
                if code >= PRESENT and index == old:
                    out[code, len(listed)] = value
            listed.append(column)
    manifest = model.manifest | {
        "columns": listed, "profiles": None, "edge": {"of": model_hash(data), "neighbors": neighbors},
    }
    out[MANIFEST, 0] = compact(manifest).encode()
    return lay_out(out)


def with_index(data, index=None):
    """A model's file with the sections of an index's file, in the place of those that it had."""
    sections = read(data)
    columns = len(json.loads(sections[MANIFEST, 0])["columns"] or [])
    column = lambda code: PRESENT <= code <= PLACES  # noqa: E731
    own = lambda code: INDEX_FIRST_COLUMN <= code <= INDEX_LAST  # noqa: E731
    out = {(c, n): value for (c, n), value in sections.items() if not own(c) and (not column(c) or n < columns)}
    if index is not None:
        for (code, number), value in read(index).items():
            out[code, number + columns if column(code) else number] = value
        if columns:
            out[INDEX_FIRST_COLUMN, 0] = u32([columns])
    return lay_out(out, struct.unpack_from("<I", data, 8)[0])


@dataclass
class Parsed:
    """A model as it is read: indices, plain lists."""

    manifest: dict
    ids: list
    index: dict
    rows: list  # of {neighbour: u16}
    scale: int
    popularity: list
    order: list
    active: list
    kinds: dict
    half_life_ms: float | None
    max_history_items: int | None
    attributes: list  # of {name: value}
    histories: dict  # user -> [(time, item index, kind, weight)]


def numbers(form, data):
    return list(struct.unpack(f"<{len(data) // struct.calcsize(form)}{form}", data))


def cut(data, offsets):
    return [data[a:b] for a, b in zip(offsets, offsets[1:])]


def flags(data, count):
    words = numbers("Q", data)
    return [bool(words[i // 64] >> (i % 64) & 1) for i in range(count)]


def texts(sections, offsets, data, index=0):
    parts = cut(sections.get((data, index), b""), numbers("I", sections.get((offsets, index), b"")))
    return [part.decode() for part in parts]


def parse(data):
    s = read(data)
    manifest = json.loads(s[MANIFEST, 0])
    ids = texts(s, ITEM_OFFSETS, ITEM_BYTES)
    n = len(ids)
    starts = numbers("I", s[GRAPH_OFFSETS, 0])
    edges = cut(graph_ids(data, s, n), starts)
    weights = cut(numbers("H", s.get((GRAPH_WEIGHTS, 0), b"")), starts)
    attributes = [{} for _ in ids]
    for number, column in enumerate(manifest["columns"] or []):
        for row, value in enumerate(column_values(s, number, column["type"], n)):
            if value is not None:
                attributes[row][column["name"]] = value
    kinds = {name: rule if isinstance(rule, dict) else {"weight": rule} for name, rule in manifest["kinds"].items()}
    names = sorted(kinds, key=str.encode)
    histories = {}
    if (PROFILE_OFFSETS, 0) in s:
        items = numbers("I", s.get((PROFILE_ITEMS, 0), b""))
        one = (manifest["profiles"] or {}).get("kind")
        of_kind = [names[k] for k in s.get((PROFILE_KINDS, 0), b"")] or [one] * len(items)
        of_weight = numbers("f", s.get((PROFILE_WEIGHTS, 0), b"")) or [1.0] * len(items)
        times = numbers("q", s.get((PROFILE_TIMES, 0), b"")) or [0] * len(items)
        events = list(zip(times, items, of_kind, of_weight))
        users = texts(s, USER_OFFSETS, USER_BYTES)
        histories = dict(zip(users, cut(events, numbers("I", s[PROFILE_OFFSETS, 0]))))
    return Parsed(
        manifest, ids, {name: i for i, name in enumerate(ids)},
        [dict(zip(e, w)) for e, w in zip(edges, weights)], manifest["graph"]["scale"],
        numbers("f", s.get((POPULARITY, 0), b"")), numbers("I", s.get((POPULAR_ORDER, 0), b"")),
        flags(s.get((ACTIVE, 0), b""), n), kinds, manifest["half_life_ms"], manifest.get("max_history_items"), attributes, histories,
    )


def column_values(s, number, kind, n):
    there = flags(s[PRESENT, number], n)
    if kind in ("number", "time"):
        values = numbers("d", s[NUMBERS, number])
    elif kind == "bool":
        values = flags(s[BOOLS, number], n)
    elif kind == "text":
        values = texts(s, TEXT_OFFSETS, TEXT_BYTES, number)
    elif kind == "tags":
        words = texts(s, TAG_OFFSETS, TAG_BYTES, number)
        rows = cut(numbers("I", s.get((TAG_IDS, number), b"")), numbers("I", s[TAG_ROWS, number]))
        values = [[words[t] for t in row] for row in rows]
    else:
        flat = numbers("d", s[PLACES, number])
        values = [{"lat": a, "lon": b} for a, b in zip(flat[::2], flat[1::2])]
    return [value if flag else None for value, flag in zip(values, there)]
