"""Opening files: good ones, cut ones, changed ones, and forged ones with good checksums."""

import json
import struct

import fixtures
import snapshot as s
from suite import Suite

FORGED = {}


def base():
    """A model that has every kind of section, as small as it gets."""
    return s.build(s.Description(
        items=["a", "bb", "é"], kinds={"view": 1.0, "no": -1.0},
        graph={"a": {"bb": 5, "é": 7}, "bb": {"a": 5}, "é": {"a": 7, "bb": 1}},
        popularity={"a": 2, "é": 3}, columns={
            "n": ("number", {"a": 1.0, "é": 2.0}), "o": ("bool", {"a": True}), "p": ("place", {"bb": (1.0, 2.0)}),
            "t": ("text", {"a": "é", "bb": "x"}), "w": ("tags", {"a": ["q", "r"], "é": ["r"]}),
        },
        histories={
            "u": [(1, "a", "view", 1), (2, "bb", "no", 0.5)], "v": [(3, "é", "view", 2)],
        },
    ))


def files():
    forged()
    return dict(FORGED)


def suites(models):
    forged()
    suite = Suite("snapshots", source="core/conformance/oracle/snapshot.py")
    for name, make in fixtures.MODELS.items():
        data = s.write(make())
        users = len(models[name].histories)
        suite.case(f"{name} opens", "open", {"snapshot": f"snapshots/{name}.tm"}, {
            "item_count": len(models[name].ids), "user_count": users, "hash": s.model_hash(data),
        })
    contents(suite, models)
    damaged(suite)
    headers(suite)
    for path in sorted(FORGED):
        name = path.removeprefix("snapshots/forged/").removesuffix(".tm").replace("-", " ")
        suite.fails(f"forged: {name}", "open", {"snapshot": path}, "corrupt_snapshot")
    allowed(suite)
    return [suite]


def contents(suite, models):
    """What a reader sees in the files, item by item."""
    import profile
    import serve

    for name in ("small", "decay", "large", "extreme-high", "extreme-low", "one"):
        model = models[name]
        ids = model.ids[:14]
        unit = 2.0 ** -model.scale
        rows = {}
        for item in ids:
            row = sorted(model.rows[model.index[item]].items(), key=lambda e: (-e[1], e[0]))
            rows[item] = [{"item_id": model.ids[to], "weight": w * unit} for to, w in row]
        users = sorted(model.histories)[:8]
        suite.case(f"{name}: neighbours, attributes and histories", "model", {
            "snapshot": f"snapshots/{name}.tm", "neighbors": [*ids, "no such item"], "attributes": [*ids, ""],
            "profiles": [*users, "no such user"],
        }, {
            "neighbors": rows | {"no such item": None},
            "attributes": dict(zip(ids, model.attributes)) | {"": None},
            "profiles": {u: profile.hexed(serve.stored(model, u)) for u in users} | {"no such user": None},
        })


def damaged(suite):
    file = {"snapshot": "snapshots/one.tm"}
    data = s.write(fixtures.one())
    for length in sorted({0, 1, 7, 8, 9, 11, 12, 55, 63, 64, 65, 95, 96, 127, 128, 576, 640, len(data) - 65, len(data) - 64, len(data) - 1}):
        code = "not_a_snapshot" if length < 8 else "corrupt_snapshot"
        suite.fails(f"cut to {length} bytes", "open", file | {"mutate": {"truncate": length}}, code)
    suite.fails("one byte more", "open", file | {"mutate": {"append": "00"}}, "corrupt_snapshot")
    suite.fails("64 bytes more", "open", file | {"mutate": {"append": "00" * 64}}, "corrupt_snapshot")
    suite.fails("the file twice", "open", file | {"mutate": {"append": data.hex()}}, "corrupt_snapshot")
    for at in range(64):
        code = "not_a_snapshot" if at < 8 else "unsupported_version" if at < 12 else "corrupt_snapshot"
        suite.fails(f"header: bit {at % 8} of byte {at}", "open", file | {"mutate": {"flip": [at, at % 8]}}, code)
    for at in [*range(64, 96), *range(96, len(data), 53), len(data) - 1]:
        suite.fails(f"bit {(at * 5) % 8} of byte {at}", "open", file | {"mutate": {"flip": [at, (at * 5) % 8]}}, "corrupt_snapshot")
    suite.case("a byte set to what it is", "open", file | {"mutate": {"set": [0, 84]}}, {"item_count": 1})


def headers(suite):
    sections = base()
    for name, text in (
        ("nothing", b""), ("a text", b"hello"), ("JSON", b'{"items": []}'), ("lower case", s.lay_out(sections, magic=b"tastemkr")),
        ("a PNG", b"\x89PNG\r\n\x1a\n" + bytes(120)), ("zeros", bytes(256)), ("a profile", b"TMPF\x01\0\0\0" + bytes(64)),
        ("a snapshot behind a byte", b"\0" + s.lay_out(sections)), ("a byte order mark", b"\xef\xbb\xbfTASTEMKR" + bytes(64)),
    ):
        suite.fails(f"foreign: {name}", "open", {"snapshot": text.hex()}, "not_a_snapshot")
    suite.fails("foreign: the magic alone", "open", {"snapshot": b"TASTEMKR".hex()}, "corrupt_snapshot")
    suite.fails("foreign: the magic and noise", "open", {"snapshot": (b"TASTEMKR" + struct.pack("<I", s.VERSION) + b"\x5a" * 500).hex()}, "corrupt_snapshot")
    small = {key: sections[key] for key in list(sections)[:3]}
    for version in (0, 3, 4, 255, 256, 65536, 2**31, 2**32 - 1):
        suite.fails(f"version {version}, good checksums", "open", {"snapshot": s.lay_out(small, version=version).hex()}, "unsupported_version")

    def sealed(name, count, length, table=b"", rest=b""):
        padded = s.padded(table)
        data = s.header(count, length, padded) + padded + rest
        suite.fails(f"sealed header: {name}", "open", {"snapshot": data.hex()}, "corrupt_snapshot")

    sealed("no sections", 0, 64)
    sealed("the largest count", 2**32 - 1, 64)
    sealed("65,537 sections", 65537, 64)
    sealed("65,536 sections", 65536, 64)
    sealed("a length of 0", 0, 0)
    sealed("the largest length", 0, 2**64 - 1)
    entry = lambda *fields: struct.pack("<IIQQQ", *fields)  # noqa: E731
    blank = bytes(64)
    sealed("a section over itself", 1, 192, entry(1, 0, 64, 64, s.h64(blank)), blank)
    sealed("a section beyond the end", 1, 192, entry(1, 0, 128, 65, s.h64(blank)), blank)
    sealed("the largest offset", 1, 192, entry(1, 0, 2**64 - 1, 64, s.h64(blank)), blank)
    sealed("the largest length of a section", 1, 192, entry(1, 0, 128, 2**64 - 1, s.h64(blank)), blank)
    sealed("a length that wraps with padding", 1, 192, entry(1, 0, 128, 2**64 - 63, s.h64(blank)), blank)
    sealed("a gap before a section", 1, 256, entry(1, 0, 192, 64, s.h64(blank)), blank * 2)
    sealed("a section twice", 2, 256, entry(1, 0, 128, 64, s.h64(blank)) + entry(1, 0, 192, 64, s.h64(blank)), blank * 2)
    sealed("sections in reverse", 2, 256, entry(2, 0, 128, 64, s.h64(blank)) + entry(1, 0, 192, 64, s.h64(blank)), blank * 2)
    sealed("a wrong checksum", 1, 192, entry(1, 0, 128, 64, 1), blank)


def forge(name, change, entries=None):
    sections = base()
    change(sections)
    FORGED[f"snapshots/forged/{name}.tm"] = s.lay_out(sections, entries=entries)


def setter(code, data, index=0):
    return lambda sections: sections.__setitem__((code, index), data)


def dropper(*codes):
    return lambda sections: [sections.pop(key) for key in list(sections) if key[0] in codes]


def forged():
    """Files whose checksums are all good and whose content is not."""
    if FORGED:
        return
    for code in (1, 2, 3, 4, 5, 6, 7, 8, 10, 19):
        forge(f"without-section-{code}", dropper(code))
    manifests()
    tables()
    forge("graph-neighbour-out-of-range", setter(s.GRAPH_NARROW_IDS, s.u16([1, 2, 0, 0, 3])))
    forge("graph-neighbour-largest", setter(s.GRAPH_NARROW_IDS, s.u16([1, 2, 0, 0, 2**16 - 1])))
    forge("graph-neighbours-out-of-order", setter(s.GRAPH_NARROW_IDS, s.u16([2, 1, 0, 0, 1])))
    forge("graph-neighbour-twice", setter(s.GRAPH_NARROW_IDS, s.u16([1, 1, 0, 0, 1])))
    good = s.numbers("H", base()[s.GRAPH_NARROW_IDS, 0])
    forge("graph-neighbours-too-few", setter(s.GRAPH_NARROW_IDS, s.u16(good[:-1])))
    forge("graph-neighbours-odd-length", setter(s.GRAPH_NARROW_IDS, s.u16(good) + b"\0"))
    forge("graph-neighbours-32-bits", setter(s.GRAPH_NARROW_IDS, s.u32(good)))
    forge("graph-neighbours-in-both-widths", setter(s.GRAPH_IDS, s.u32(good)))
    forge("graph-neighbours-as-in-version-1", lambda sections: sections.update(
        {(s.GRAPH_NARROW_IDS, 0): b"", (s.GRAPH_IDS, 0): s.u32(good)}))
    forge("graph-offsets-fall", setter(s.GRAPH_OFFSETS, s.u32([0, 3, 2, 5])))
    forge("graph-offsets-start-late", setter(s.GRAPH_OFFSETS, s.u32([1, 2, 3, 5])))
    forge("graph-offsets-end-early", setter(s.GRAPH_OFFSETS, s.u32([0, 2, 3, 4])))
    forge("graph-offsets-end-late", setter(s.GRAPH_OFFSETS, s.u32([0, 2, 3, 6])))
    forge("graph-offsets-one-missing", setter(s.GRAPH_OFFSETS, s.u32([0, 2, 5])))
    forge("graph-offsets-one-more", setter(s.GRAPH_OFFSETS, s.u32([0, 2, 3, 5, 5])))
    forge("graph-offsets-odd-length", setter(s.GRAPH_OFFSETS, s.u32([0, 2, 3, 5]) + b"\0"))
    forge("graph-weights-too-few", setter(s.GRAPH_WEIGHTS, s.u16([5, 7, 5, 7])))
    forge("graph-weights-too-many", setter(s.GRAPH_WEIGHTS, s.u16([5, 7, 5, 7, 1, 1])))
    forge("graph-weights-odd-length", setter(s.GRAPH_WEIGHTS, s.u16([5, 7, 5, 7, 1]) + b"\0"))
    forge("popularity-too-short", setter(s.POPULARITY, s.f32([1, 2])))
    forge("popularity-too-long", setter(s.POPULARITY, s.f32([1, 2, 3, 4])))
    forge("popularity-NaN", setter(s.POPULARITY, s.f32([1, float("nan"), 3])))
    forge("order-item-twice", setter(s.POPULAR_ORDER, s.u32([0, 0, 2])))
    forge("order-out-of-range", setter(s.POPULAR_ORDER, s.u32([0, 1, 3])))
    forge("order-too-short", setter(s.POPULAR_ORDER, s.u32([0, 1])))
    forge("order-too-long", setter(s.POPULAR_ORDER, s.u32([0, 1, 2, 2])))
    forge("active-too-long", setter(s.ACTIVE, struct.pack("<2Q", 7, 0)))
    forge("active-too-short", setter(s.ACTIVE, bytes(4)))
    histories()
    columns()


def tables():
    for first, name in ((s.ITEM_OFFSETS, "items"), (s.USER_OFFSETS, "users")):
        ids = ["a", "bb", "é"] if name == "items" else ["u", "v"]
        offsets, text, slots = s.id_table(ids)
        ends = s.numbers("I", offsets)
        of = lambda values: setter(first, s.u32(values))  # noqa: E731, B023
        forge(f"{name}-offsets-fall", of([0, 3, 1, 5] if name == "items" else [0, 3, 2]))
        forge(f"{name}-offsets-repeat", of([0, 1, 1, 5] if name == "items" else [0, 0, 2]))
        forge(f"{name}-offsets-start-late", of([1, *ends[1:]]))
        forge(f"{name}-offsets-end-late", of([*ends[:-1], ends[-1] + 1]))
        forge(f"{name}-offsets-end-early", of([*ends[:-1], ends[-1] - 1]))
        forge(f"{name}-offsets-largest", of([*ends[:-1], 2**32 - 1]))
        forge(f"{name}-offsets-empty", of([]))
        forge(f"{name}-not-utf8", setter(first + 1, b"\xff" * len(text)))
        forge(f"{name}-surrogate", setter(first + 1, (b"\xed\xa0\x80" + text)[: len(text)]))
        forge(f"{name}-out-of-order", setter(first + 1, b"z" + text[1:]))
        forge(f"{name}-twice", setter(first + 1, b"abbbb" if name == "items" else b"uu"))
        forge(f"{name}-bytes-longer", setter(first + 1, text + b"z"))
        count = len(s.numbers("I", slots))
        forge(f"{name}-slot-beyond", setter(first + 2, s.u32([len(ids) + 1, *s.numbers("I", slots)[1:]])))
        forge(f"{name}-slots-not-a-power-of-two", setter(first + 2, slots + s.u32([0])))
        forge(f"{name}-slots-too-few", setter(first + 2, s.u32([1, 2] if name == "items" else [1])))
        forge(f"{name}-slots-empty-table", setter(first + 2, s.u32([0] * count)))
        forge(f"{name}-slots-one-id-twice", setter(first + 2, s.u32([1 if v else 0 for v in s.numbers("I", slots)])))
        swapped = [0, 2, 1, 3][: len(ids) + 1]
        forge(f"{name}-slots-swapped", setter(first + 2, s.u32([swapped[v] for v in s.numbers("I", slots)])))
        forge(f"{name}-slots-odd-length", setter(first + 2, slots + b"\0"))
    forge("items-inside-a-character", setter(s.ITEM_OFFSETS, s.u32([0, 1, 4, 5])))
    forge("items-one-more-offset", setter(s.ITEM_OFFSETS, s.u32([0, 1, 3, 4, 5])))
    for code in (s.USER_OFFSETS, s.USER_BYTES, s.USER_SLOTS):
        forge(f"users-without-section-{code}", dropper(code))


def manifests():
    good = json.loads(base()[s.MANIFEST, 0])

    def with_manifest(name, text):
        forge(f"manifest-{name}", setter(s.MANIFEST, text))

    def changed(name, **keys):
        with_manifest(name, s.compact(good | keys).encode())

    with_manifest("not-json", b"{")
    with_manifest("not-utf8", b'{"kinds":{"\xff":1}}')
    with_manifest("a-list", b"[]")
    with_manifest("null", b"null")
    with_manifest("deep", b"[" * 5000 + b"]" * 5000)
    with_manifest("two-values", s.compact(good).encode() + b"{}")
    with_manifest("with-NUL", s.compact(good).encode() + b"\0")
    for key in ("kinds", "graph"):
        with_manifest(f"without-{key}", s.compact({k: v for k, v in good.items() if k != key}).encode())
    for name, kinds in (
        ("list", ["view"]), ("text", {"view": "1", "no": -1}), ("null", {"view": None, "no": -1}), ("huge", {"view": 1e7, "no": -1}),
        ("scale-0", {"view": {"scale": 0}, "no": -1}), ("unknown-key", {"view": {"wait": 0}, "no": -1}), ("empty-name", {"": 1, "no": -1}),
        ("long-name", {"k" * 65: 1, "no": -1}), ("one-missing", {"view": 1}), ("none", {}),
        ("256", {f"k{i:03}": 1 for i in range(256)}),
    ):
        changed(f"kinds-{name}", kinds=kinds)
    for name, value in (("0", 0), ("negative", -5), ("text", "1"), ("below-1", 0.5), ("list", [])):
        changed(f"half-life-{name}", half_life_ms=value)
    for name, value in (("0", 0), ("negative", -5), ("text", "7"), ("part", 1.5), ("2049", 2049), ("list", [])):
        changed(f"max-history-items-{name}", max_history_items=value)
    for name, value in (("65", 65), ("-65", -65), ("half", 1.5), ("text", "1"), ("null", None), ("huge", 2**63)):
        changed(f"scale-{name}", graph={"scale": value})
    columns = good["columns"]
    changed("column-unknown-type", columns=[{"name": "n", "type": "date"}, *columns[1:]])
    changed("column-without-type", columns=[{"name": "n"}, *columns[1:]])
    changed("column-without-name", columns=[{"type": "number"}, *columns[1:]])
    changed("column-name-twice", columns=[columns[0] | {"name": "o"}, *columns[1:]])
    changed("column-of-another-type", columns=[{"name": "n", "type": "text"}, *columns[1:]])
    changed("column-more-than-sections", columns=[*columns, {"name": "z", "type": "number"}])
    changed("columns-an-object", columns={"n": "number"})
    changed("profiles-kind-unknown", profiles={"events": 3, "kind": "moon"})


def histories():
    forge("profiles-item-out-of-range", setter(s.PROFILE_ITEMS, s.u32([0, 1, 3])))
    forge("profiles-too-few-items", setter(s.PROFILE_ITEMS, s.u32([0, 1])))
    forge("profiles-offsets-fall", setter(s.PROFILE_OFFSETS, s.u32([0, 4, 3])))
    forge("profiles-offsets-start-late", setter(s.PROFILE_OFFSETS, s.u32([1, 2, 3])))
    forge("profiles-offsets-end-late", setter(s.PROFILE_OFFSETS, s.u32([0, 2, 4])))
    forge("profiles-offsets-one-user-more", setter(s.PROFILE_OFFSETS, s.u32([0, 2, 3, 3])))
    forge("profiles-offsets-one-user-less", setter(s.PROFILE_OFFSETS, s.u32([0, 3])))
    forge("profiles-kind-out-of-range", setter(s.PROFILE_KINDS, bytes([1, 0, 2])))
    forge("profiles-too-few-kinds", setter(s.PROFILE_KINDS, bytes([1, 0])))
    forge("profiles-too-few-weights", setter(s.PROFILE_WEIGHTS, s.f32([1, 2])))
    forge("profiles-weight-NaN", setter(s.PROFILE_WEIGHTS, s.f32([1, float("nan"), 2])))
    forge("profiles-weight-infinite", setter(s.PROFILE_WEIGHTS, s.f32([1, float("inf"), 2])))
    forge("profiles-too-few-times", setter(s.PROFILE_TIMES, s.i64([1, 2])))
    forge("profiles-time-before-the-year-1", setter(s.PROFILE_TIMES, s.i64([-62135596800001, 2, 3])))
    forge("profiles-time-largest", setter(s.PROFILE_TIMES, s.i64([1, 2, 2**63 - 1])))
    forge("profiles-events-out-of-order", setter(s.PROFILE_TIMES, s.i64([2, 1, 3])))
    forge("profiles-event-twice", lambda c: (
        setter(s.PROFILE_ITEMS, s.u32([0, 0, 2]))(c), setter(s.PROFILE_TIMES, s.i64([1, 1, 3]))(c),
        setter(s.PROFILE_KINDS, bytes([1, 1, 1]))(c),
    ))
    forge("profiles-without-users", dropper(s.USER_OFFSETS, s.USER_BYTES, s.USER_SLOTS))


def columns():
    n, o, p, t, w = range(5)
    for code, index, name in (
        (s.NUMBERS, n, "numbers"), (s.BOOLS, o, "bools"), (s.PLACES, p, "places"), (s.TEXT_OFFSETS, t, "text-offsets"),
        (s.TAG_ROWS, w, "tag-rows"), (s.PRESENT, n, "present"),
    ):
        forge(f"column-{name}-missing", lambda c, key=(code, index): c.pop(key))
        forge(f"column-{name}-longer", lambda c, key=(code, index): c.__setitem__(key, c[key] + bytes(8)))
    forge("column-text-offsets-fall", setter(s.TEXT_OFFSETS, s.u32([0, 3, 2, 3]), t))
    forge("column-text-inside-a-character", setter(s.TEXT_OFFSETS, s.u32([0, 1, 3, 3]), t))
    forge("column-text-not-utf8", setter(s.TEXT_BYTES, b"\xff\xfex", t))
    forge("column-text-bytes-missing", lambda c: c.pop((s.TEXT_BYTES, t)))
    forge("column-tag-out-of-range", setter(s.TAG_IDS, s.u32([0, 1, 2]), w))
    forge("column-tag-rows-fall", setter(s.TAG_ROWS, s.u32([0, 3, 2, 3]), w))
    forge("column-tag-rows-end-late", setter(s.TAG_ROWS, s.u32([0, 2, 2, 4]), w))
    forge("column-tag-text-not-utf8", setter(s.TAG_BYTES, b"\xc3r", w))
    forge("column-tag-offsets-end-late", setter(s.TAG_OFFSETS, s.u32([0, 1, 3]), w))


def allowed(suite):
    """What must open although the library would not write it so."""
    def opens(name, change, **expect):
        sections = base()
        change(sections)
        data = s.lay_out(sections)
        suite.case(f"allowed: {name}", "open", {"snapshot": data.hex()}, {"item_count": 3, "user_count": 2, "hash": s.model_hash(data)} | expect)

    good = json.loads(base()[s.MANIFEST, 0])
    opens("the base of the forged files", lambda c: None)
    opens("a section of an unknown code", lambda c: c.__setitem__((99, 0), b"later"))
    opens("an unknown index of a known code", lambda c: c.__setitem__((s.NUMBERS, 77), b"x"))
    opens("an empty section", lambda c: c.__setitem__((4_000_000_000, 4_000_000_000), b""))
    opens("an unknown key in the manifest", setter(s.MANIFEST, s.compact(good | {"later": {"x": [1]}}).encode()))
    opens("a manifest with spaces", setter(s.MANIFEST, json.dumps(good, indent=3).encode()))
    opens("bits beyond the items", setter(s.ACTIVE, struct.pack("<Q", 2**64 - 1)))
    opens("no item is active", setter(s.ACTIVE, bytes(8)))
    opens("no histories", dropper(*range(s.USER_OFFSETS, s.PROFILE_TIMES + 1)), user_count=0)
