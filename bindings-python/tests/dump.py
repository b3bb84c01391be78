"""Prints what a snapshot recommends to each of its users, bit by bit.

``python dump.py SNAPSHOT K`` prints a line a user, users in the order of their ids' bytes: the id,
a tab, then ``item:score`` pairs with commas between them, best first; the score is the 16
hexadecimal digits of its bits. The other languages print the same lines.
"""

from __future__ import annotations

import struct
import sys
from itertools import groupby

import tastemaker as tm


def main(path: str, k: str) -> None:
    model = tm.Model.open(path)
    users = sorted((str(user) for user in model.user_ids), key=str.encode)
    rows = {
        user: ",".join(f"{row.item_id}:{struct.pack('>d', row.score).hex()}" for row in group)
        for user, group in groupby(model.recommend(users, k=int(k)), key=lambda row: row.user_id)
    }
    sys.stdout.write("".join(f"{user}\t{rows.get(user, '')}\n" for user in users))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: dump.py SNAPSHOT K")
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    main(sys.argv[1], sys.argv[2])
