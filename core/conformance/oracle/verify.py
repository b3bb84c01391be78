"""Checks a file that the library wrote against the page of the format, more strictly than a
reader must: order, padding, what a writer leaves out. `verify.py FILE…`; prints what is wrong.
"""

import json
import math
import pathlib
import sys

import snapshot as s


def problems(data):
    sections = s.read(data)
    if s.lay_out(sections) != data:
        yield "header, table or padding are not as a writer makes them"
    manifest = json.loads(sections[s.MANIFEST, 0])
    if s.compact(manifest).encode() != sections[s.MANIFEST, 0]:
        yield "the manifest is not in canonical form"
    model = s.parse(data)
    items = len(model.ids)
    yield from table(sections, s.ITEM_OFFSETS, model.ids, "items")
    if not all(a < b for a, b in zip(map(str.encode, model.ids), map(str.encode, model.ids[1:]))):
        yield "items are out of order"
    ids = s.graph_ids(data, sections, items)
    weights = s.numbers("H", sections.get((s.GRAPH_WEIGHTS, 0), b""))
    for item, row in enumerate(s.cut(ids, s.numbers("I", sections[s.GRAPH_OFFSETS, 0]))):
        if sorted(set(row)) != row or item in row or any(to >= items for to in row):
            yield f"row {item} of the graph"
    if 0 in weights:
        yield "an edge of weight 0"
    if weights and not 32767 <= max(weights) and model.scale < 64:
        yield f"the scale {model.scale} wastes the range of the weights"
    order = sorted(range(items), key=lambda i: (-model.popularity[i], i))
    if order != model.order:
        yield "popular order"
    if any(not math.isfinite(p) or math.copysign(1, p) < 0 for p in model.popularity):
        yield "popularity"
    yield from columns(sections, model)
    yield from histories(sections, model)


def table(sections, code, ids, name):
    for offset, expected in enumerate(s.id_table(ids)):
        if sections.get((code + offset, 0), b"") != expected:
            yield f"section {code + offset} of the {name}"


def columns(sections, model):
    listed = model.manifest["columns"] or []
    known = set()
    for number, column in enumerate(listed):
        values = {
            model.ids[row]: (v["lat"], v["lon"]) if isinstance(v := a[column["name"]], dict) else v
            for row, a in enumerate(model.attributes) if column["name"] in a
        }
        for key, expected in s.column_sections(number, column["type"], values, model.ids).items():
            known.add(key)
            if sections.get(key, b"") != expected:
                yield f"section {key} of column {column['name']}"
    if {key for key in sections if key[0] >= s.PRESENT} - known:
        yield "sections of columns that the manifest does not list"


def histories(sections, model):
    if (s.PROFILE_OFFSETS, 0) not in sections:
        return
    yield from table(sections, s.USER_OFFSETS, list(model.histories), "users")
    names = sorted(model.kinds, key=str.encode)
    for user, events in model.histories.items():
        keys = [(t, i, names.index(k)) for t, i, k, _ in events]
        if sorted(set(keys)) != keys or len(keys) > 2048:
            yield f"the history of {user!r}"
    every = [e for events in model.histories.values() for e in events]
    for code, needed in (
        (s.PROFILE_KINDS, len({e[2] for e in every}) > 1), (s.PROFILE_WEIGHTS, any(e[3] != 1 for e in every)),
        (s.PROFILE_TIMES, any(e[0] != 0 for e in every)),
    ):
        if ((code, 0) in sections) != needed:
            yield f"section {code} is {'missing' if needed else 'superfluous'}"
    if model.manifest["profiles"]["events"] != len(every):
        yield "the manifest's number of events"


def main():
    failed = False
    for name in sys.argv[1:]:
        for problem in problems(pathlib.Path(name).read_bytes()):
            print(f"{name}: {problem}")
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
