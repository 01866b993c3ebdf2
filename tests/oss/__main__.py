"""``python -m tests.oss --folder DIR [--port N]``: serves each subfolder as a bucket.

Prints, as soon as it answers, the variables by which clients find it, as JSON. Ends on SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path

from .server import OssServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.oss", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="default: a free one")
    asked = parser.parse_args()
    ends = {signal.SIGTERM, signal.SIGINT}
    # Blocked before there are threads, so that none of them is ended by one.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with OssServer(asked.port) as oss:
        for folder in sorted(asked.folder.iterdir()):
            oss.bucket(folder.name).serve(folder)
        print(json.dumps(oss.account.variables(oss.endpoint)), flush=True)  # noqa: T201 - whoever started us reads it
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
