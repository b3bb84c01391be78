"""The worked example of docs/snapshot-format.md, from the file snapshots/example.tm."""

import struct

import profile
import serve
import snapshot as s

START, END = "<!-- made by core/conformance/oracle/generate.py -->\n", "<!-- end of what generate.py makes -->\n"


def description():
    return s.Description(
        items=["a", "bé"], graph={"a": {"bé": 3}, "bé": {"a": 3}}, scale=1, popularity={"a": 2, "bé": 1}, kinds={"view": 1.0},
        columns={"price": ("number", {"a": 1.5})},
    )


def line(at, data, meaning):
    digits = " ".join(f"{byte:02x}" for byte in data)
    return f"{at:04x}  {digits:<24} {meaning}".rstrip()


def lines(at, data, meaning):
    """Eight bytes a line, the meaning behind the first."""
    for start in range(0, len(data), 8):
        yield line(at + start, data[start:start + 8], meaning if start == 0 else "")


NAMES = {
    1: "manifest", 2: "item offsets", 3: "item bytes", 4: "item slots", 5: "popularity", 6: "popular order", 7: "active",
    8: "graph offsets", 10: "graph weights", 19: "graph ids", 32: "column 0: present", 33: "column 0: numbers",
}
VALUES = {
    2: "0, 1, 4", 3: '"a" "bé"', 4: None, 5: "2.0, 1.0", 6: "0, 1", 7: "items 0 and 1", 8: "0, 1, 2", 10: "3, 3: times 2^-1", 19: "of item 0: 1; of item 1: 0",
    32: "item 0", 33: "1.5, and 0 for the absent one",
}


def text():
    data = s.write(description())
    sections = s.read(data)
    out = [*lines(0, data[:8], '"TASTEMKR"')]
    out.append(line(8, data[8:12], "version 2"))
    out.append(line(12, data[12:16], f"{len(sections)} sections"))
    out.append(line(16, data[16:24], f"{len(data)} bytes"))
    out.append(line(24, data[24:32], "xxh3_64 of the table"))
    out.append(line(32, data[32:40], "zeros, to byte 55"))
    out.append(line(56, data[56:64], "xxh3_64 of bytes 0 to 55"))
    for n, (code, _) in enumerate(sorted(sections)):
        at = 64 + 32 * n
        start, length = struct.unpack_from("<QQ", data, at + 8)
        if n < 2:
            out.append(line(at, data[at:at + 8], f"entry {n}: code {code}, index 0"))
            out.append(line(at + 8, data[at + 8:at + 16], f"starts at {start:04x}"))
            out.append(line(at + 16, data[at + 16:at + 24], f"{length} bytes"))
            out.append(line(at + 24, data[at + 24:at + 32], "xxh3_64 of the padded section"))
        elif n == 2:
            out.append(f"....  {len(sections) - 2} more entries, then zeros to the multiple of 64")
    for n, (code, index) in enumerate(sorted(sections)):
        at = struct.unpack_from("<Q", data, 72 + 32 * n)[0]
        content = sections[code, index]
        if code == s.MANIFEST:
            out += [*lines(at, content[:16], NAMES[code]), f"....  {content.decode()}"]
            continue
        value = VALUES[code] or ", ".join(map(str, s.numbers("I", content)))
        out += lines(at, content, f"{NAMES[code]}: {value}")
    model = s.parse(data)
    answer = serve.answer(model, {"history": [{"item_id": "a"}]})["items"]
    assert (answer[0]["item_id"], answer[0]["score"]) == ("bé", 1.5)
    event = profile.pack([(1000, "a", "view", 1.0)])
    fields = (
        (0, 4, '"TMPF"'), (4, 6, "version 1"), (6, 8, "1 event"), (8, 16, "timestamp 1000"), (16, 20, "weight 1.0"),
        (20, 21, "a kind of 4 bytes"), (21, 23, "an id of 1 byte"), (23, 27, '"view"'), (27, 28, '"a"'), (28, 36, "xxh3_64 of bytes 0 to 27"),
    )
    inner = "\n".join(line(a, event[a:b], meaning) for a, b, meaning in fields)
    return f"""```
{chr(10).join(out)}
```

Its hash is `{s.model_hash(data)}`. The history `view a`, with weight 1, has total = 1 and room = 32767 − 1 = 32766, so shift = 14 and q = 16384. The integer score of `bé` is 16384 · 3 = 49152, its score 49152 · 2^−(1 + 14) = 1.5, and its one reason is `a`, with all of it.

A profile of that event at time 1000:

```
{inner}
```
"""


def inserted(page):
    """The page with the example as it must be."""
    head, rest = page.split(START)
    _, tail = rest.split(END)
    return head + START + "\n" + text() + "\n" + END + tail
