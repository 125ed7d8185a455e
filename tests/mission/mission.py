#!/usr/bin/env python3
"""Counts the rows of docs/mission.tsv by group and fails when a proof it names does not exist.

A line of docs/mission.tsv: <inventory id> TAB <kind> TAB <proof> TAB <what is proven>
kind and proof:  ctest <registered test name>[:<GoogleTest filter, Suite.Name>] | command <./dev ... or holdfast ...>
"""
import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "docs" / "mission.tsv"


def registered_tests():
    build = ROOT / "build" / "dev"
    if not (build / "CTestTestfile.cmake").exists():
        return None
    out = subprocess.run(["ctest", "--test-dir", str(build), "-N"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"Test\s+#\d+: (\S+)", out))


def claimed_in_sources(claim):
    """Whether a GoogleTest with this Suite.Name stands in tests/."""
    suite, _, name = claim.partition(".")
    pattern = re.compile(r"TEST(?:_F|_P)?\(\s*%s\s*,\s*%s\s*\)" % (re.escape(suite), re.escape(name)))
    return any(pattern.search(path.read_text(errors="replace")) for path in (ROOT / "tests").rglob("*.cc"))


def problem_of(kind, proof, tests):
    if kind == "command":
        return None if proof.startswith(("./dev ", "holdfast ")) else "a command begins with ./dev or holdfast"
    if kind != "ctest":
        return f"kind '{kind}' is not ctest or command"
    test, _, claim = proof.partition(":")
    if tests is not None and test not in tests:
        return f"no test '{test}' is registered"
    if claim and not claimed_in_sources(claim):
        return f"no TEST({claim.replace('.', ', ')}) in tests/"
    return None


def main():
    tests = registered_tests()
    groups, problems, seen = collections.Counter(), [], set()
    for number, line in enumerate(TABLE.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 4 or not re.fullmatch(r"M\d\d-\d+|[CW]\d\d", fields[0]):
            problems.append(f"docs/mission.tsv:{number}: expected <id> TAB <kind> TAB <proof> TAB <what>, got: {line[:80]}")
            continue
        row, kind, proof, _ = fields
        if row in seen:
            problems.append(f"docs/mission.tsv:{number}: {row} stands twice")
        seen.add(row)
        problem = problem_of(kind, proof, tests)
        if problem:
            problems.append(f"docs/mission.tsv:{number}: {row}: {problem}")
        else:
            groups[row.split("-")[0]] += 1
    for group, count in sorted(groups.items()):
        print(f"{group}\t{count} proven")
    print(f"all\t{sum(groups.values())} proven")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


sys.exit(main())
