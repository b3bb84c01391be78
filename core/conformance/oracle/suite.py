"""Collects cases and writes them, one a line, so that a change is a change of lines."""

import json


class Suite:
    def __init__(self, name, **header):
        self.name, self.header, self.cases = name, header, []

    def case(self, name, op, input, expect):
        if any(case["name"] == name for case in self.cases):
            raise ValueError(f"{self.name}: {name} comes twice")
        self.cases.append({"name": name, "op": op, "input": input, "expect": expect})

    def fails(self, name, op, input, code):
        self.case(name, op, input, {"error": code})

    def text(self):
        dump = lambda value: json.dumps(value, ensure_ascii=False, allow_nan=False)  # noqa: E731
        head = "".join(f" {dump(k)}: {dump(v)},\n" for k, v in {"suite": self.name, **self.header}.items())
        body = ",\n".join(f"  {dump(case)}" for case in self.cases)
        # U+2028 and U+2029 end a line for some tools that read line by line.
        body = body.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        return "{\n" + head + ' "cases": [\n' + body + "\n ]\n}\n"
