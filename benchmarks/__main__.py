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
    cases = [case for case in CASES if not asked.only or case.name in asked.only]
    before = observe()
    with workbench() as bench, torchx.own_network():
        rows, broken = run(cases, bench, asked.rounds)
    foot = report.surroundings(before, observe(), asked.rounds)
    print(f"\n{foot}")
    if asked.write and not broken:
        report.store(report.whole(rows, foot))
    return 0 if all(row.met for row in rows) and not broken else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure localdlc.")
    names = [case.name for case in CASES]
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="default: 7")
    parser.add_argument("--only", action="append", choices=names, help="may be repeated")
    parser.add_argument("--write", action="store_true", help="keep the table in README.md")
    asked = parser.parse_args()
    if asked.rounds < 1:
        parser.error("at least one round")
    if asked.write and asked.only:
        parser.error("--write keeps the whole table, so it does not go with --only")
    return asked


def run(cases: Sequence[Case], bench: Workbench, rounds: int) -> tuple[list[Row], bool]:
    """The rows, printed as they come, and whether a case broke; the others go on."""
    print(report.HEAD, flush=True)
    rows = []
    broken = False
    for case in cases:
        try:
            for row in measured(case, bench, rounds):
                print(report.line(row), flush=True)
                rows.append(row)
        except Broken as error:
            broken = True
            print(f"{case.name}: {error}", file=sys.stderr, flush=True)
    return rows, broken


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as error:
        sys.exit(str(error))
