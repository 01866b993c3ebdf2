"""Get the samples' data: the digits that scikit-learn's wheel carries, by the host's pip.

Usage: python tools/digits.py FILE
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

MEMBER = "sklearn/datasets/data/digits.csv.gz"


def main(target: Path) -> None:
    """Write the digits to ``target``."""
    with tempfile.TemporaryDirectory() as folder:
        download = (sys.executable, "-m", "pip", "download", "--quiet", "--dest", folder)
        subprocess.run((*download, "--only-binary=:all:", "--no-deps", "scikit-learn"), check=True)
        (wheel,) = Path(folder).glob("*.whl")
        target.parent.mkdir(parents=True, exist_ok=True)
        with ZipFile(wheel) as archive:
            partial = target.with_suffix(".partial")
            partial.write_bytes(archive.read(MEMBER))
            partial.rename(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
