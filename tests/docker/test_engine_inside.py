"""What a replica finds inside its container is what the plan says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engines import BASE, CommandLine, Done, as_json, job, job_with

from localdlc.run.docker_engine import connect

pytestmark = pytest.mark.engine

LIMITS = """\
c=/sys/fs/cgroup
cat $c/memory.max $c/memory/memory.limit_in_bytes 2>/dev/null
cat $c/cpu.max $c/cpu/cpu.cfs_quota_us 2>/dev/null
df --output=size -k /dev/shm | tail -1
cat /proc/1/comm
pwd
"""

# Set by the engine, the shell or the image, not by the plan.
STRANGERS = {"HOSTNAME", "HOME", "PATH", "PWD", "OLDPWD", "SHLVL", "_"}
IMAGES = {"LANG", "PIP_ROOT_USER_ACTION", "PIP_DISABLE_PIP_VERSION_CHECK"}


def test_limits_hold_and_init_is_on(localdlc: CommandLine) -> None:
    asked = {"CPU": "0.5", "Memory": "256Mi", "SharedMemory": "128Mi"}
    done = localdlc.run(job_with(asked, LIMITS), "-q")
    memory, cpu, shm, first, folder = [line.partition(" | ")[2].strip() for line in done.lines]
    assert memory == str(256 << 20)
    assert cpu in {"50000", "50000 100000"}
    assert shm == str(128 << 10)
    assert first in {"docker-init", "tini"}
    assert folder == "/"


INSIDE = """\
c=/sys/fs/cgroup
set -- $(cat $c/cpu.max 2>/dev/null || cat $c/cpu/cpu.cfs_quota_us $c/cpu/cpu.cfs_period_us)
echo cpus $1 $2
echo memory $(cat $c/memory.max 2>/dev/null || cat $c/memory/memory.limit_in_bytes)
# The first counts swap alone, the second memory and swap.
echo swap $(cat $c/memory.swap.max 2>/dev/null || cat $c/memory/memory.memsw.limit_in_bytes)
echo shm $(df --output=size -B1 /dev/shm | tail -1)
for each in n l s; do echo ulimit $(ulimit -S$each) $(ulimit -H$each); done
"""


def test_an_instance_type_is_shared_out_as_the_plan_says(localdlc: CommandLine) -> None:
    """128 cores and 512 GiB a replica: no machine of ours has three of them."""
    body = job(INSIDE, {"Master": 1, "Worker": 2})
    for spec in body["JobSpecs"]:
        spec["EcsSpec"] = "ecs.g7.32xlarge"
    done = localdlc.run(body, "--job-id", "dlcshared", "-o", "json")
    assert done.code == 0
    plan = json.loads((localdlc.home / "jobs" / "dlcshared" / "plan.json").read_text())
    facts = {pod: found for pod, found in said(done).items() if found}
    assert len(facts) == len(plan["replicas"]) == 3
    for replica in plan["replicas"]:
        limits, inside = replica["resources"], facts[replica["pod_id"]]
        quota, period = map(int, inside["cpus"].split())
        assert abs(quota / period - limits["cpus"]) < 0.001
        assert inside["memory"] == str(limits["memory"])
        assert inside["swap"] in {"0", inside["memory"]}
        assert abs(int(inside["shm"]) - limits["shm"]) < os.sysconf("SC_PAGE_SIZE")
        assert inside["ulimit"] == ulimits(limits["ulimits"])
    total = sum(replica["resources"]["memory"] for replica in plan["replicas"])
    assert total <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert [note for note in plan["notes"] if "each Worker asks for 128 cores" in note]


def said(done: Done) -> dict[str, dict[str, str]]:
    """What each replica wrote: the first word of a line, and the rest of those that begin so."""
    facts: dict[str, dict[str, str]] = {}
    for log in done.of("Log"):
        word, _, rest = log["text"].partition(" ")
        of = facts.setdefault(log["pod_id"], {})
        of[word] = f"{of[word]} {rest}" if word in of else rest
    return facts


def ulimits(asked: dict[str, int]) -> str:
    """As a shell tells them, soft and hard: files, and KiB."""
    units = {"nofile": 1, "memlock": 1024, "stack": 1024}
    told = ["unlimited" if n < 0 else str(n // units[name]) for name, n in asked.items()]
    return " ".join(f"{one} {one}" for one in told)


def test_exact_starts_nothing_where_the_machine_has_less(localdlc: CommandLine) -> None:
    body = job("true", {"Master": 1})
    body["JobSpecs"][0]["EcsSpec"] = "ecs.g6a.64xlarge"
    done = localdlc.run(body, "--resources", "exact")
    assert done.code == 3
    assert "256 cores are asked for at the same time (1 Master of 256 cores)" in done.err
    assert not (localdlc.home / "jobs").exists()


@pytest.mark.parametrize(
    "request_",
    [
        job("", {"Master": 1, "Worker": 1}, Envs={"A": "one", "B": "two words=x"}),
        job(
            "",
            {"Chief": 1, "PS": 1, "Worker": 1},
            JobType="TFJob",
            CustomEnvs=[{"Key": "C", "Value": "three", "Visible": "public"}],
        ),
    ],
    ids=["PyTorchJob", "TFJob"],
)
def test_the_environment_inside_is_that_of_the_plan(
    localdlc: CommandLine, request_: dict[str, Any]
) -> None:
    dump = "import json, os; print(json.dumps(dict(os.environ)))"
    request_ = {**request_, "UserCommand": f"python3 -c '{dump}'"}
    done = localdlc.run(request_, "--job-id", "dlcenv", "-o", "json")
    inside = {log["pod_id"]: json.loads(log["text"]) for log in done.of("Log")}
    plan = localdlc("plan", "-", "-o", "json", "--job-id", "dlcenv", stdin=as_json(request_))
    for replica in json.loads(plan.out)["replicas"]:
        seen = inside[replica["pod_id"]]
        assert {k: v for k, v in seen.items() if k not in STRANGERS | IMAGES} == replica["env"]
        assert seen["HOSTNAME"] == replica["pod_id"]


def test_a_secret_arrives_and_is_shown_nowhere(localdlc: CommandLine) -> None:
    secret = "s3cret-value"
    request = job(
        "echo $API_TOKEN $PASS; echo $API_TOKEN | rev",
        Envs={"API_TOKEN": secret},
        CustomEnvs=[{"Key": "PASS", "Value": "hidden-one", "Visible": "private"}],
    )
    done = localdlc.run(request, "--job-id", "dlcsecret")
    assert done.lines == ["master-0 | *** ***", f"master-0 | {secret[::-1]}"]
    stored = [path.read_bytes() for path in localdlc.home.rglob("*") if path.is_file()]
    assert not any(secret.encode() in data or b"hidden-one" in data for data in stored)


def test_each_role_may_have_a_command_of_its_own(localdlc: CommandLine) -> None:
    request = job("echo of the job", {"Master": 1, "Worker": 1})
    request["JobSpecs"][1]["UserCommand"] = "echo of the role"
    assert set(localdlc.run(request).lines) == {"master-0 | of the job", "worker-0 | of the role"}


@pytest.mark.parametrize(
    ("settings", "shell"), [({}, "bash"), ({"Shell": "/bin/sh"}, "sh"), ({"Shell": "bash"}, "bash")]
)
def test_the_shell_is_the_settings_or_bash(
    localdlc: CommandLine, settings: dict[str, str], shell: str
) -> None:
    request = job("echo $0 ${BASH:+is bash}", Settings=settings)
    expected = {"bash": "master-0 | bash is bash", "sh": "master-0 | sh"}
    assert localdlc.run(request).lines == [expected[shell]]


def test_quotes_newlines_and_dollars_of_a_command_arrive_untouched(localdlc: CommandLine) -> None:
    command = "printf '%s\\n' \"a'b\" 'c\"d' '$HOME' `echo e`\nfalse\necho $? $#"
    lines = ["a'b", 'c"d', "$HOME", "e", "1 0"]
    assert localdlc.run(job(command)).lines == [f"master-0 | {line}" for line in lines]


@pytest.fixture(scope="module")
def odd_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image without bash, with an entry point, a command and a working folder of its own."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "Dockerfile").write_text(
        f"FROM {BASE}\nRUN rm -f /bin/bash /usr/bin/bash\nWORKDIR /srv/own\n"
        'ENTRYPOINT ["/bin/echo", "entry point"]\nCMD ["of the image"]\nENV OWN=kept\n'
    )
    name = "localdlc-test/odd:1"
    with closing(connect(os.environ)) as engine:
        list(engine.build_image(folder, name, {}))
        yield name
        engine.remove_image(name)


def test_an_image_without_bash_runs_with_sh_in_its_own_folder(
    localdlc: CommandLine, docker_client: object, odd_image: str
) -> None:
    done = localdlc.run(job("echo $0 $PWD $OWN", image=odd_image))
    assert done.lines == ["master-0 | sh /srv/own kept"]


def test_a_shell_that_is_not_in_the_image_fails_the_replica(
    localdlc: CommandLine, docker_client: object, odd_image: str
) -> None:
    done = localdlc.run(job("true", image=odd_image, Settings={"Shell": "/bin/bash"}))
    assert done.code == 1
    assert "/bin/bash failed: No such file or directory" in done.err


def test_an_engine_that_refuses_a_profile_is_quoted(localdlc: CommandLine, tmp_path: Path) -> None:
    body = job("true")
    file = tmp_path / "profile.json"
    file.write_text('{"defaultAction": 7}')
    profile = {"Type": "Localhost", "LocalhostProfile": str(file)}
    rights = {"MainContainerSecurityContext": {"SeccompProfile": profile}}
    body["JobSpecs"][0]["ExtraPodSpec"] = rights
    done = localdlc.run(body)
    assert done.code == 3
    assert "seccomp" in done.err.lower()
    assert "master-0" in done.err


def test_a_request_file_and_a_mapped_image_are_taken(localdlc: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_bytes(as_json(job("echo hi", image="cloud/image:9")))
    done = localdlc("run", "job.json", "--image-map", f"cloud/image:9={BASE}")
    assert (done.code, done.lines) == (0, ["master-0 | hi"])
