"""What replicas run around UserCommand, or in its place: by real shells, with a Ray that tells."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from given import JOB_ID, plan_of, planned, request, short

from localdlc.plan.jobtypes.data_juicer import CONFIG

RAY = """\
#!/bin/sh
echo "ray $1 $2"
case "$1$PWD" in
  health-check*) echo asked >>"$TOLD"; [ "$(wc -l <"$TOLD")" -ge 3 ];;
  *) exit "${RAY_CODE:-0}";;
esac
"""
DJ_PROCESS = '#!/bin/sh\necho "dj-process $*"\nexit "${DJ_CODE:-0}"\n'
# As many nodes as it has been asked for them, one of them dead.
RAY_MODULE = """\
asked = []
def init(address, **options): print("connected to", address)
def nodes():
    asked.append(1)
    return [{"Alive": False}] + [{"Alive": True} for _ in asked]
"""


@pytest.fixture
def image(tmp_path: Path) -> dict[str, str]:
    """The variables of a place with a Ray and a Data-Juicer, where nobody has to wait."""
    programs = {"ray": RAY, "dj-process": DJ_PROCESS, "sleep": "#!/bin/sh\n"}
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "python").mkdir()
    (tmp_path / "python/ray.py").write_text(RAY_MODULE)
    return {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "TOLD": str(tmp_path / "told"),
        "PYTHONPATH": str(tmp_path / "python"),
    }


def ran(pod: str, image: dict[str, str], **asked: Any) -> subprocess.CompletedProcess[str]:
    """What ``pod`` of a job runs, as its container would."""
    plan = plan_of(asked.pop("roles"), asked.pop("job_type"), **asked)
    [replica] = [r for r in plan.replicas if short(r.pod_id) == pod]
    return subprocess.run(
        replica.command, env=image, capture_output=True, text=True, check=False, timeout=60
    )


def ray_job(pod: str, image: dict[str, str], command: str) -> subprocess.CompletedProcess[str]:
    return ran(pod, image, roles={"Worker": 3}, job_type="RayJob", UserCommand=command)


def test_a_head_waits_for_every_node_before_its_command_and_ends_as_that_does(
    image: dict[str, str],
) -> None:
    done = ray_job("head-0", image, "echo trains; exit 7")
    assert done.stdout.splitlines() == [
        "connected to 127.0.0.1:6379",
        "Ray has its 3 nodes",
        "trains",
    ]
    assert done.returncode == 7


def test_a_head_without_a_ray_ends_with_rays_code(image: dict[str, str]) -> None:
    done = ray_job("head-0", {**image, "RAY_CODE": "3"}, "echo trains")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "ray start --head\n")


def test_an_image_without_ray_says_so(image: dict[str, str]) -> None:
    bare = {**image, "PATH": os.environ["PATH"]}
    for pod in ("head-0", "worker-0"):
        done = ray_job(pod, bare, "echo trains")
        assert (done.returncode, done.stdout) == (127, "")
        assert done.stderr.startswith("the image has no ray: install the package")


def test_a_worker_waits_for_the_head_and_runs_a_node_in_place_of_the_command(
    image: dict[str, str],
) -> None:
    done = ray_job("worker-1", image, "echo trains")
    assert done.stdout == f"ray start --address={JOB_ID}-head-0:6379\n"
    assert Path(image["TOLD"]).read_text() == "asked\n" * 3


def with_own(command: str, pod: str, image: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A RayJob whose Workers have a command of their own, and whose Head has the job's."""
    specs = [{"Type": "Head", "Image": "i"}, {"Type": "Worker", "Image": "i"}]
    specs[1]["UserCommand"] = command
    body = request({}, "RayJob", UserCommand="echo trains") | {"JobSpecs": specs}
    [replica] = [r for r in planned(body).replicas if short(r.pod_id) == pod]
    return subprocess.run(
        replica.command, env=image, capture_output=True, text=True, check=False, timeout=60
    )


def test_what_a_worker_is_told_itself_comes_before_its_node_and_must_end_well(
    image: dict[str, str],
) -> None:
    done = with_own("export RAY_CODE=4 # why\necho mine", "worker-0", image)
    node = f"ray start --address={JOB_ID}-head-0:6379\n"
    assert (done.returncode, done.stdout) == (4, f"mine\n{node}")
    done = with_own("echo mine; false", "worker-0", image)
    assert (done.returncode, done.stdout) == (1, "mine\n")
    assert with_own("echo mine", "head-0", image).stdout.splitlines()[-1] == "trains"


def test_a_promoted_worker_runs_its_roles_command_for_all(image: dict[str, str]) -> None:
    specs = [{"Type": "Worker", "Image": "i", "PodCount": 2, "UserCommand": "echo all"}]
    for job_type, other in (("RayJob", "--block"), ("MPIJob", "-D"), ("SlurmJob", "-D")):
        body = request({}, job_type, UserCommand="never") | {"JobSpecs": specs}
        first, second = (replica.command[-1] for replica in planned(body).replicas)
        assert first == "echo all"
        assert "echo all" not in second
        assert other in second


@pytest.mark.parametrize("job_type", ["MPIJob", "SlurmJob"])
def test_what_others_are_told_runs_beside_what_the_first_one_needs_of_them(job_type: str) -> None:
    specs = [{"Type": "Master", "Image": "i"}, {"Type": "Worker", "Image": "i"}]
    specs[1]["UserCommand"] = "watch me"
    body = request({}, job_type, UserCommand="srun x") | {"JobSpecs": specs}
    first, second = planned(body).replicas
    assert (first.command[-1], second.command[-1]) == ("srun x", "watch me")
    assert {"MPIJob": '("$sshd" -D', "SlurmJob": "slurmd -L"}[job_type] in second.command[3]


# Data-Juicer

YAML = "project_name: it's\nprocess:\n  - text_length_filter: {min_len: 10}\n"


def data_juicer(
    pod: str, image: dict[str, str], command: str, mode: str, kind: str
) -> subprocess.CompletedProcess[str]:
    asked = {"DataJuicerConfig": {"ExecutionMode": mode, "CommandType": kind}}
    roles = {"Worker": 2}
    return ran(
        pod, image, roles=roles, job_type="DataJuicerJob", UserCommand=command, Settings=asked
    )


def test_shell_is_run_as_it_stands(image: dict[str, str]) -> None:
    done = data_juicer("worker-1", image, "echo $((1 + 1)); exit 4", "standalone", "shell")
    assert (done.returncode, done.stdout) == (4, "2\n")


def test_a_configuration_is_what_data_juicer_reads(image: dict[str, str]) -> None:
    done = data_juicer("worker-0", {**image, "DJ_CODE": "5"}, YAML, "standalone", "config")
    assert (done.returncode, done.stdout) == (5, f"dj-process --config {CONFIG}\n")
    asked = {"DataJuicerConfig": {"CommandType": "config"}}
    plan = plan_of({"Worker": 2}, "DataJuicerJob", UserCommand=YAML, Settings=asked)
    for replica in plan.replicas:
        assert [(file.path, file.text) for file in replica.files] == [(CONFIG, f"{YAML}\n")]
        assert [m.target for m in replica.mounts if m.read_only] == [CONFIG]


@pytest.mark.parametrize(
    ("configuration", "executor"),
    [
        (YAML, " --executor_type ray"),
        (f"executor_type: ray_partitioned\n{YAML}", ""),
        (f"# executor_type: ray\n{YAML}", " --executor_type ray"),
    ],
)
def test_distributed_is_on_ray_whether_or_not_the_configuration_says_so(
    image: dict[str, str], configuration: str, executor: str
) -> None:
    done = data_juicer("head-0", image, configuration, "distributed", "config")
    assert done.stdout.splitlines()[1:3] == [
        "Ray has its 2 nodes",
        f"dj-process --config {CONFIG}{executor}",
    ]
    worker = data_juicer("worker-0", image, configuration, "distributed", "config")
    assert worker.stdout == f"ray start --address={JOB_ID}-head-0:6379\n"


def test_distributed_promotes_whoever_leads() -> None:
    settings = {"DataJuicerConfig": {"ExecutionMode": "distributed"}}
    for roles in ({"Worker": 2}, {"Worker": 1, "Master": 1}, {"Head": 1, "Worker": 1}):
        plan = plan_of(roles, "DataJuicerJob", Settings=settings)
        assert [short(r.pod_id) for r in plan.replicas] == ["head-0", "worker-0"]
        assert [short(r.pod_id) for r in plan.replicas if r.decides] == ["head-0"]
        assert plan.replicas[1].env["RAY_ADDRESS"] == f"{JOB_ID}-head-0:6379"
