"""The check before a replica's command, in every shell: has it the GPUs that it is to have?"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from given import cards, planned, request

from localdlc.plan.gpu_environment import check

SHELLS = [shell for shell in ("sh", "bash", "dash", "busybox") if shutil.which(shell)]
TWO = "GPU 0: T4 (UUID: GPU-a)\nGPU 1: T4 (UUID: GPU-b)"
PARTS = "GPU 0: A100 (UUID: GPU-a)\n  MIG 3g.40gb Device 0: (UUID: MIG-1)"


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    return ["busybox", "sh"] if request.param == "busybox" else [request.param]


def checked(
    shell: list[str],
    folder: Path,
    expected: str,
    visible: str | None,
    listed: str | None = None,
    code: int = 0,
    *,
    observed: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Runs the check in a container's place, with this `nvidia-smi -L`, if any."""
    if listed is not None:
        smi = folder / "nvidia-smi"
        smi.write_text(f"#!/bin/sh\ncat <<'END'\n{listed}\nEND\nexit {code}\n")
        smi.chmod(0o755)
    env = {"PATH": f"{folder}:/usr/bin:/bin", "LOCALDLC_GPUS": expected}
    env |= {} if visible is None else {"NVIDIA_VISIBLE_DEVICES": visible}
    text = check(observed=observed) + 'echo "runs, $LOCALDLC_GPUS$ids$id"'
    return subprocess.run(
        [*shell, "-c", text], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("expected", "visible", "listed"),
    [
        ("GPU-a,GPU-b", "GPU-a,GPU-b", None),
        ("GPU-a,GPU-b", "GPU-a,GPU-b", TWO),
        ("GPU-a,GPU-b", "void", TWO),
        ("MIG-1", "MIG-1", PARTS),
    ],
)
def test_who_has_its_own_goes_on(
    shell: list[str], tmp_path: Path, expected: str, visible: str, listed: str | None
) -> None:
    done = checked(shell, tmp_path, expected, visible, listed)
    assert (done.returncode, done.stdout, done.stderr) == (0, "runs, \n", "")


@pytest.mark.parametrize(
    ("expected", "visible", "listed", "says"),
    [
        ("GPU-a", None, None, "the engine has given it none"),
        ("GPU-a", "all", None, "NVIDIA_VISIBLE_DEVICES is all"),
        ("GPU-a", "GPU-b", None, "NVIDIA_VISIBLE_DEVICES is GPU-b"),
        ("GPU-a", "GPU-a", TWO, "nvidia-smi lists GPU 0: T4 (UUID: GPU-a)\nGPU 1: T4"),
        ("GPU-a,GPU-c", "GPU-a,GPU-c", TWO, "nvidia-smi lists GPU 0: T4"),
        ("MIG-2", "MIG-2", PARTS, "nvidia-smi lists GPU 0: A100"),
    ],
)
def test_who_has_others_ends_with_a_sentence(
    shell: list[str],
    tmp_path: Path,
    expected: str,
    visible: str | None,
    listed: str | None,
    says: str,
) -> None:
    done = checked(shell, tmp_path, expected, visible, listed)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"localdlc: this replica is to have {expected}, but {says}")


def test_a_driver_that_does_not_answer_is_told(shell: list[str], tmp_path: Path) -> None:
    done = checked(shell, tmp_path, "GPU-a", "GPU-a", "Failed to initialize NVML", code=9)
    assert done.returncode == 1
    assert "but nvidia-smi says: Failed to initialize NVML" in done.stderr


def test_gpus_that_nvml_has_seen_must_be_there(shell: list[str], tmp_path: Path) -> None:
    done = checked(shell, tmp_path, "GPU-a", "GPU-a", observed=True)
    assert done.returncode == 1
    assert "there is neither nvidia-smi nor /dev/nvidiactl in it" in done.stderr
    assert checked(shell, tmp_path, "GPU-a", "GPU-a", TWO.splitlines()[0], observed=True).stdout


def test_only_replicas_with_gpus_are_checked() -> None:
    body = request({"Master": 1, "Worker": 1})
    body["JobSpecs"][1]["ResourceConfig"] = {"GPU": "1"}
    master, worker = planned(body, here=cards(1)).replicas
    assert "LOCALDLC_GPUS" not in "".join(master.command)
    assert "LOCALDLC_GPUS" in "".join(worker.command)
