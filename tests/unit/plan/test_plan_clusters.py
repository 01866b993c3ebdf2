"""MPIJob and SlurmJob: the files of their clusters, and what their replicas run around them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from given import JOB_ID, cards, plan_of, planned, request, short

from localdlc.plan.files import PRIVATE
from localdlc.plan.model import Plan, ReplicaPlan

Roles = dict[str, int | None]


def text(replica: ReplicaPlan, path: str) -> str:
    [file] = [file for file in replica.files if file.path == path]
    return file.text


def mpi(roles: Roles, **members: Any) -> Plan:
    return plan_of(roles, "MPIJob", **members)


# files


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ({"Master": 1, "Worker": 2}, "worker-0 worker-1"),
        ({"Worker": 3, "Launcher": 1}, "worker-0 worker-1 worker-2"),
        ({"Worker": 3}, "worker-0 worker-1"),
        ({"Master": 1}, "master-0"),
        ({"Worker": 1}, "master-0"),
    ],
)
def test_the_hostfile_lists_workers_and_the_master_only_when_it_is_alone(
    roles: Roles, expected: str
) -> None:
    for replica in mpi(roles).replicas:
        hosts = [f"{JOB_ID}-{name}" for name in expected.split()]
        assert text(replica, "/etc/mpi/hostfile") == "".join(f"{h} slots=1\n" for h in hosts)
        assert text(replica, "/etc/mpi/machinefile") == "".join(f"{h}:1\n" for h in hosts)


def test_a_worker_has_a_slot_for_each_gpu() -> None:
    body = request({"Master": 1, "Worker": 1}, "MPIJob")
    body["JobSpecs"][1]["ResourceConfig"] = {"GPU": "4"}
    master = planned(body, here=cards(4)).replicas[0]
    assert text(master, "/etc/mpi/hostfile") == f"{JOB_ID}-worker-0 slots=4\n"
    assert text(master, "/etc/mpi/machinefile") == f"{JOB_ID}-worker-0:4\n"
    assert master.env["I_MPI_PERHOST"] == "4"


def test_every_file_is_mounted_read_only_and_lies_in_the_jobs_own_folder() -> None:
    for replica in mpi({"Master": 1, "Worker": 1}).replicas:
        mounts = {mount.target: mount for mount in replica.mounts}
        for file in replica.files:
            mount = mounts[file.path]
            assert mount.read_only
            assert mount.source.endswith(f"jobs/{JOB_ID}/files/{replica.pod_id}{file.path}")


@pytest.mark.parametrize("job_type", ["MPIJob", "SlurmJob"])
def test_a_plan_names_its_secrets_and_holds_none(job_type: str) -> None:
    shown = plan_of({"Worker": 2}, job_type).to_json()
    for replica in shown["replicas"]:
        made = {file["path"]: file["text"] for file in replica["files"] if file["made"]}
        assert made
        assert all(text in ("{}", f"{JOB_ID}-* {{}}") for text in made.values())


def test_only_the_launcher_is_told_how_to_launch() -> None:
    launcher, worker = mpi({"Launcher": 1, "Worker": 1}).replicas
    for name, value in {
        "OMPI_MCA_plm_rsh_agent": "/etc/mpi/ssh",
        "OMPI_MCA_orte_default_hostfile": "/etc/mpi/hostfile",
        "HYDRA_LAUNCHER_EXEC": "/etc/mpi/ssh",
        "HYDRA_HOST_FILE": "/etc/mpi/machinefile",
        "I_MPI_HYDRA_BOOTSTRAP_EXEC": "/etc/mpi/ssh",
        "I_MPI_HYDRA_HOST_FILE": "/etc/mpi/machinefile",
    }.items():
        assert launcher.env[name] == value
        assert name not in worker.env


def test_slurms_nodes_have_what_their_replicas_are_given_else_all_of_the_machine() -> None:
    body = request({"Worker": 1, "Big": 1}, "SlurmJob")
    body["JobSpecs"][0]["ResourceConfig"] = {"CPU": "1500m", "Memory": "2Gi"}
    conf = text(planned(body).replicas[0], "/etc/slurm/slurm.conf").splitlines()
    assert f"NodeName={JOB_ID}-worker-0 CPUs=2 RealMemory=2048" in conf
    assert f"NodeName={JOB_ID}-big-0 CPUs=8 RealMemory=16384" in conf
    assert f"SlurmctldHost={JOB_ID}-worker-0" in conf


def test_all_nodes_of_slurm_read_the_same() -> None:
    replicas = plan_of({"Worker": 3}, "SlurmJob").replicas
    assert len({text(replica, "/etc/slurm/slurm.conf") for replica in replicas}) == 1
    assert [replica.files for replica in replicas] == [replicas[0].files] * 3


# what runs, by real shells in a place like an image

SSH = """\
#!/bin/sh
echo "$1" >>"$TOLD"
[ "$(grep -c "^$1$" "$TOLD")" -ge 3 ] || { echo "refused by $1" >&2; exit 255; }
"""
# Every look at it is a thousand seconds later.
HURRIED = '#!/bin/sh\necho >>"$TOLD.date"; wc -l <"$TOLD.date" | sed "s/$/000/"\n'
SSHD = '#!/bin/sh\necho "sshd $*"\n'
SLURM = '#!/bin/sh\necho "${0##*/} $1" | sed "s: .*/: :"\n'
SINFO = '#!/bin/sh\necho asked >>"$TOLD"\nsed "s/asked/node/" "$TOLD"\n'


NEEDED = ("sh", "bash", "cat", "mkdir", "date", "grep", "sed", "wc", "id", "chown", "chmod")


class Image:
    """A folder that stands for the file system of a replica, and its only programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = folder / "told"
        self.told.touch()
        self.private = folder / "private"
        # Apart: who writes a program through a link has written one of this machine's.
        (folder / "bin").mkdir()
        (folder / "links").mkdir()
        for name in NEEDED:
            (folder / "links" / name).symlink_to(self.found(name))
        self.has("sleep", "#!/bin/sh\n")

    @staticmethod
    def found(name: str) -> str:
        paths = (Path(place, name) for place in os.environ["PATH"].split(":"))
        return str(next(path for path in paths if path.exists()))

    def has(self, name: str, program: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(program)
        path.chmod(0o755)

    def runs(self, plan: Plan, pod: str, **env: str) -> subprocess.CompletedProcess[str]:
        [replica] = [r for r in plan.replicas if short(r.pod_id) == pod]
        for file in replica.files:
            path = Path(f"{self.folder}{file.path}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(SSH if file.path == "/etc/mpi/ssh" else file.text)
            path.chmod(0o755)
        command = [self.inside(word) for word in replica.command]
        variables = {
            "PATH": f"{self.folder}/bin:{self.folder}/links",
            "TOLD": str(self.told),
            **env,
        }
        return subprocess.run(
            command, env=variables, capture_output=True, text=True, check=False, timeout=60
        )

    def inside(self, text: str) -> str:
        text = text.replace(PRIVATE, str(self.private)).replace("/usr/", f"{self.folder}/usr/")
        for place in ("/etc/mpi", "/etc/slurm", "/run/", "/var/spool"):
            text = text.replace(place, f"{self.folder}{place}")
        return text


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


TRAINS = mpi({"Master": 1, "Worker": 2}, UserCommand="echo trains; exit 7")


def test_a_master_waits_until_every_worker_accepts_ssh_and_ends_as_its_command_does(
    image: Image,
) -> None:
    image.has("ssh", SSH)
    done = image.runs(TRAINS, "master-0")
    assert (done.stdout, done.returncode) == ("trains\n", 7)
    asked = image.told.read_text().split()
    assert sorted(asked) == [f"{JOB_ID}-worker-{n}" for n in (0, 0, 0, 1, 1, 1)]


def test_a_worker_that_never_accepts_is_named_with_the_words_of_ssh(image: Image) -> None:
    image.has("ssh", SSH)
    image.has("date", HURRIED)
    done = image.runs(TRAINS, "master-0")
    assert done.returncode == 255
    assert "trains" not in done.stdout
    assert "-worker-0 has not accepted ssh for 600 s: refused by" in done.stderr


def test_a_master_alone_needs_no_ssh(image: Image) -> None:
    assert (
        image.runs(mpi({"Master": 1}, UserCommand="echo trains"), "master-0").stdout == "trains\n"
    )


def test_a_worker_serves_ssh_and_keeps_key_and_variables_to_itself(image: Image) -> None:
    image.has("sshd", SSHD)
    done = image.runs(TRAINS, "worker-0", COLOUR="blue 'sky'\n{}")
    assert done.stdout == f"sshd -D -e -f {image.folder}/etc/mpi/sshd_config\n"
    assert done.returncode == 0
    kept = {path.name: path.stat().st_mode & 0o777 for path in image.private.iterdir()}
    assert kept == {"key": 0o600, "environment": 0o600}
    assert image.private.stat().st_mode & 0o777 == 0o700


SESSIONS = {"true": "", 'printf "%s|" "$COLOUR" a  b': "blue 'sky'\n{}|a|b|", "exit 9": ""}


@pytest.mark.parametrize("asked", SESSIONS)
def test_a_session_has_the_variables_of_its_replica(image: Image, asked: str) -> None:
    image.has("sshd", SSHD)
    image.runs(TRAINS, "worker-0", COLOUR="blue 'sky'\n{}")
    session = image.inside(text(TRAINS.replicas[1], "/etc/mpi/session"))
    done = subprocess.run(
        ["sh", "-c", session],
        env={"SSH_ORIGINAL_COMMAND": asked, "SHELL": "/bin/bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == (SESSIONS[asked], 9 if asked == "exit 9" else 0)


@pytest.mark.parametrize(("pod", "package"), [("worker-0", "-server"), ("master-0", "-client")])
def test_an_image_without_ssh_is_told_which_package(image: Image, pod: str, package: str) -> None:
    done = image.runs(TRAINS, pod)
    assert done.returncode == 127
    assert done.stderr.startswith("localdlc: this image has no ssh ")
    assert f"Install openssh{package} (Debian, Ubuntu" in done.stderr


SLURM_JOB = plan_of({"Worker": 2}, "SlurmJob", UserCommand="echo computes; exit 4")


def test_an_image_without_slurm_is_told_which_packages(image: Image) -> None:
    for name in ("munged", "slurmctld"):
        image.has(name, SLURM)
    done = image.runs(SLURM_JOB, "worker-1")
    assert done.returncode == 127
    assert "this image has no slurmd, and" in done.stderr
    assert "Install slurm-wlm and munge (Debian, Ubuntu)" in done.stderr


@pytest.fixture
def slurm(image: Image) -> Image:
    image.has("id", "#!/bin/sh\necho 0\n")
    image.has("chown", "#!/bin/sh\n")
    for name in ("munged", "slurmctld", "slurmd", "srun"):
        image.has(name, SLURM)
    image.has("sinfo", SINFO)
    return image


def test_the_first_replica_waits_for_idle_nodes_and_ends_as_its_command_does(slurm: Image) -> None:
    done = slurm.runs(SLURM_JOB, "worker-0")
    assert done.stdout.splitlines() == ["munged munge.key", "slurmctld ", "slurmd -L", "computes"]
    assert done.returncode == 4
    assert len(slurm.told.read_text().split()) == 2


def test_nodes_that_never_are_idle_end_the_job_with_what_slurm_says(slurm: Image) -> None:
    slurm.has("date", HURRIED)
    slurm.has("sinfo", '#!/bin/sh\n[ "$1" = -h ] || echo "worker-1 down*"\n')
    slurm.has("slurmctld", f"#!/bin/sh\necho no route >{slurm.private}/slurmctld.log\n")
    done = slurm.runs(SLURM_JOB, "worker-0")
    assert (done.returncode, "computes" in done.stdout) == (1, False)
    assert done.stderr == (
        "localdlc: after 600 s not all 2 nodes of Slurm are idle:\nworker-1 down*\nno route\n"
    )


def test_the_others_are_nodes_and_run_no_command(slurm: Image) -> None:
    done = slurm.runs(SLURM_JOB, "worker-1")
    assert (done.stdout, done.returncode) == ("munged munge.key\nslurmd -D\n", 0)
    assert (slurm.private / "munge.key").stat().st_mode & 0o777 == 0o600


def test_a_slurm_for_anybody_but_root_says_so(slurm: Image) -> None:
    slurm.has("id", "#!/bin/sh\necho 1000\n")
    done = slurm.runs(SLURM_JOB, "worker-1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "needs an image whose user is root" in done.stderr
