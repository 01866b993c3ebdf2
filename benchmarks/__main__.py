"""``python -m benchmarks [--rounds N] [--only CASE] [--write]``: measures, prints a table.

Exits with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks import report, torchx
from benchmarks.case import Case
from benchmarks.cases import CASES
from benchmarks.machine import observe
from benchmarks.rounds import Row, measured
from benchmarks.workbench import Broken, Workbench, workbench


def main() -> int:
    asked = arguments()
    before = observe()
    try:
        with workbench() as bench, torchx.own_network():
            rows = list(run(asked.only, bench, asked.rounds))
    except Broken as error:
        print(error, file=sys.stderr)
        return 1
    foot = report.surroundings(before, observe(), asked.rounds)
    print(f"\n{foot}")
    if asked.write:
        report.store(report.whole(rows, foot))
    return 0 if all(row.met for row in rows) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure localdlc.")
    names = [case.name for case in CASES]
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="default: 7")
    parser.add_argument("--only", action="append", choices=names, help="may be repeated")
    parser.add_argument("--write", action="store_true", help="keep the table in README.md")
    return parser.parse_args()


def run(only: Sequence[str] | None, bench: Workbench, rounds: int) -> list[Row]:
    print(report.HEAD, flush=True)
    rows = []
    for case in chosen(only):
        for row in measured(case, bench, rounds):
            print(report.line(row), flush=True)
            rows.append(row)
    return rows


def chosen(only: Sequence[str] | None) -> list[Case]:
    return [case for case in CASES if not only or case.name in only]


if __name__ == "__main__":
    sys.exit(main())
