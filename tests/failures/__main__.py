"""Brings failures about once more, all or those that are named, and writes down what they say."""

from __future__ import annotations

import sys

from .cases import FAILURES

if __name__ == "__main__":
    for failure in FAILURES:
        if not sys.argv[1:] or failure.name in sys.argv[1:]:
            text, code = failure.run()
            failure.file.write_text(f"{text.rstrip()}\nexit {code}\n")
            sys.stderr.write(f"{failure.name}: exit code {code}\n")
