"""The Python side of `cargo xtask conformance`; the forms are told in `answers.rs`.

answers.py train DIR OUTPUT.tm     trains from train.json
answers.py dump SNAPSHOT DIR       prints what it answers
"""

import json
import pathlib
import struct
import sys

import tastemaker as tm


def bits(value):
    return struct.pack(">d", value).hex()


def shown(reasons):
    return ",".join(
        f"{reason.item_id}:{bits(reason.contribution)}:{bits(reason.share)}"
        + "".join(f":{member}" for member in reason.members)
        for reason in reasons
    )


def train(folder, output):
    data = json.loads((folder / "train.json").read_text())
    catalog = tm.Catalog(data["catalog"]["schema"])
    for item in data["catalog"]["items"]:
        catalog.add(item["id"], item["attributes"])
    model = tm.train(data["events"], catalog, data["options"], progress=False)
    model.save(output)


def dump(snapshot, folder):
    model = tm.Model.open(snapshot)
    engine = tm.Engine(model)
    users = []
    out = []
    for row, line in enumerate((folder / "requests.jsonl").read_text().splitlines()):
        request = json.loads(line)
        user = request.get("user_id")
        if user is not None and users[-1:] != [user]:
            users.append(user)
        answer = engine.recommend(**request)
        items = ",".join(f"{item.item_id}:{bits(item.score)}:{item.source}" for item in answer.items)
        reasons = ";".join(shown(item.reasons) for item in answer.items)
        out.append(f"{row}\t{items}\t{reasons}\t{','.join(answer.ignored)}")
    for row, line in enumerate((folder / "questions.jsonl").read_text().splitlines()):
        question, request = json.loads(line)
        answer = getattr(engine, question)(**request)
        ignored = ",".join(answer.ignored)
        if question == "similar_users":
            users_like = ",".join(f"{user.user_id}:{bits(user.similarity)}" for user in answer.users)
            out.append(f"{question} {row}\t{users_like}\t{ignored}")
            continue
        if question == "score_items":
            last = [f"{item.known:d}{item.seen:d}" for item in answer.items]
        else:
            last = [item.source for item in answer.items]
        items = ",".join(f"{item.item_id}:{bits(item.score)}:{end}" for item, end in zip(answer.items, last))
        reasons = ";".join(shown(item.reasons) for item in answer.items)
        out.append(f"{question} {row}\t{items}\t{reasons}\t{ignored}")
    lists = {}
    batch = model.recommend(users, k=20)
    for user, item, score in zip(batch.user_id, batch.item_id, batch.score):
        lists.setdefault(user, []).append(f"{item}:{bits(score)}")
    out.extend(f"batch {user}\t{','.join(items)}" for user, items in lists.items())
    print("\n".join(out))


if __name__ == "__main__":
    command, first, second = sys.argv[1:]
    if command == "train":
        train(pathlib.Path(first), second)
    else:
        dump(first, pathlib.Path(second))
