"""A cached dataset of 10 GiB in eight replicas that may write there: what it takes on the disk.

The dataset is fetched by a first job, off the clock. Counted is what the home and the replicas'
own file systems have more than before while all eight of them run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.case import Case, Target
from benchmarks.oss import HUGE, served
from benchmarks.workbench import Broken, Workbench, docker
from localdlc.record.store import home_digest

REPLICAS = 8
END = "/mnt/data/end"
# Every replica says how many files it sees, and stays until there is a file that all of them see.
LOOK = f"""\
find /mnt/data -name "*.bin" | wc -l
until [ -e {END} ]; do sleep 0.1; done"""


def grown(bench: Workbench) -> float:
    """Kilobytes."""
    bench = replace(bench, variables=served(bench.folder / f"oss-{HUGE.name}", HUGE))
    bench.localdlc("run", str(request(bench, 1, "true")))
    before = used(bench.home)
    shown = bench.folder / "shown.log"
    with (
        shown.open("wb") as out,
        bench.running(request(bench, REPLICAS, LOOK), out) as process,
    ):
        wait(process, shown)
        running = containers(bench)
        after = used(bench.home) + sum(map(written, running))
        docker("exec", running[0], "touch", END)
    return (after - before) / 1000


def request(bench: Workbench, replicas: int, command: str) -> Path:
    path = bench.request(replicas, command)
    sources = [{"Uri": HUGE.uri, "MountPath": "/mnt/data"}]
    path.write_text(json.dumps({**json.loads(path.read_text()), "DataSources": sources}))
    return path


def wait(process: subprocess.Popen[bytes], shown: Path) -> None:
    """Until all replicas have seen everything."""
    while len(re.findall(rf"\| {HUGE.files}$", shown.read_text(), re.MULTILINE)) < REPLICAS:
        if process.poll() is not None:
            raise Broken(f"localdlc ended before its replicas saw {HUGE}:\n{shown.read_text()}")
        time.sleep(0.1)


def used(folder: Path) -> int:
    """Bytes on the disk, each file once however many names it has."""
    blocks = {}
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            status = Path(place, name).lstat()
            blocks[status.st_ino] = status.st_blocks
    return 512 * sum(blocks.values())


def containers(bench: Workbench) -> list[str]:
    return docker(
        "ps", "--quiet", "--filter", f"label=localdlc.home={home_digest(bench.home)}"
    ).split()


def written(container: str) -> int:
    """Bytes in a container's own layer."""
    return int(docker("inspect", "--size", "--format", "{{.SizeRw}}", container))


CASE = Case(
    name="mount",
    title="10 GiB in the cache, mounted into 8 replicas",
    unit="kB",
    ours=grown,
    targets=(Target(1000.0),),
    most=2,
)
