"""The fidelity table as a page.

Usage: python tools/compatibility.py [FILE]

Writes it to FILE; without one it prints it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from localdlc.spec.fields import ROWS, SUBJECTS, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD = """\
# What localdlc makes of a CreateJob request

Made from `localdlc/spec/fields/` by `make docs`; do not edit.

Every member of the request is accepted, and each is one of these here:

- **honoured**: it does what it does in the cloud;
- **approximated**: it does something close, and the row says what;
- **ignored**: it is kept with the job and has no effect (with `--strict` it is an error);
- **refused**: without it the job would not be the same job, so it does not start.

`localdlc validate` prints the rows that a request touches, and `localdlc run` at its end.
"""


def page() -> str:
    """The whole of it."""
    return "\n".join([HEAD, counted(), *map("\n".join, map(section, SUBJECTS.items())), ""])


def counted() -> str:
    treatments = [row.treatment for row in ROWS.values()]
    counts = [f"{treatments.count(each)} {each}" for each in sorted(set(treatments))]
    return f"{len(ROWS)} members: {', '.join(counts)}.\n"


def section(subject: tuple[str, Iterable[Row]]) -> Iterator[str]:
    title, table = subject
    yield f"## {title}\n"
    yield "| member | here | why |"
    yield "|---|---|---|"
    for row in table:
        yield f"| `{row.path}` | {row.treatment} | {cell(row.why)} |"
        for case in row.cases:
            yield f"| … {case.given} | {case.treatment} | {cell(case.why)} |"
    yield ""


def cell(text: str) -> str:
    return text.replace("{path}: ", "").replace("{path}", "the member").replace("|", "\\|")


if __name__ == "__main__":
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(page())
    else:
        sys.stdout.write(page())
