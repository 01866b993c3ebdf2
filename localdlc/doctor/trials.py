"""What the engine does for real containers: limits, folders of this machine, a network, GPUs.

All on a network of their own, with the labels of this home and under a lock as a job has, so that
no sweep takes them for a wreck while they run, and the next one finds what a kill has left.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

from localdlc.config import Config
from localdlc.config.gpus import Gpu
from localdlc.doctor.check import Check
from localdlc.doctor.gpus import TOOLKIT_MEND
from localdlc.errors import LocaldlcError
from localdlc.plan.model import Mount, Resources
from localdlc.plan.network import choose_subnet
from localdlc.record.store import Store, home_digest
from localdlc.run.engine import ContainerSpec, Engine, Exit, SubnetTaken

__all__ = ["GPU_SCRIPT", "LIMITS", "PORT", "Ground", "ground", "trials"]

MIB = 1 << 20
MEMORY, SHM = 64 * MIB, 32 * MIB
PREFIX = "doctor-"
PORT = 7077
TRIES = 20

# One container tells all that can be read inside.
LIMITS = """\
echo memory $(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null)
echo shm $(df -Pk /dev/shm | tail -n 1)
echo mount $(cat /mnt/probe/asked) && echo "$1" >/mnt/probe/answered
"""
# Twice its limit, and no more: where there is no limit the machine stays as it was.
EATER = f"b = bytearray({2 * MEMORY}); print('alive')"
LISTENER = f"""\
import socket
listening = socket.create_server(("", {PORT}))
print("listening", flush=True)
listening.settimeout(30)
listening.accept()[0].sendall(b"hello")
"""
CALLER = f"""\
import socket
print(socket.create_connection(("doctor-peer", {PORT}), 10).recv(5).decode())
"""
# NVIDIA's GPUs by its own program or by their files; others by the files that were written down.
# And what the engine says that it has given.
GPU_SCRIPT = """\
echo "told $NVIDIA_VISIBLE_DEVICES"
[ $# -gt 0 ] || { nvidia-smi -L 2>&1; set -- /dev/nvidia[0-9]*; }
for file; do if [ -e "$file" ]; then echo "there $file"; fi; done
"""
LIMITS_MEND = "`docker info` warns of what is missing; the kernel needs cgroups for cpu and memory."
MOUNT_MEND = "Run localdlc on the machine of the engine, or share this folder with it."
NETWORK_MEND = "See whether a firewall drops what bridges forward, and restart the engine."


@dataclass(frozen=True, slots=True)
class Ground:
    """Where trials take place: an engine, a network of it, a folder of this machine."""

    engine: Engine
    image: str
    labels: dict[str, str]
    network: str
    subnet: IPv4Network
    folder: Path

    def spec(self, place: int, command: Sequence[str]) -> ContainerSpec:
        return ContainerSpec(
            name=f"{self.labels['localdlc.job']}-{place}",
            hostname="doctor-peer" if place else "doctor",
            image=self.image,
            command=tuple(command),
            env={},
            network=self.network,
            ip=str(self.subnet.network_address + 2 + place),
            hosts=(("doctor-peer", str(self.subnet.network_address + 3)),) if not place else (),
            mounts=(),
            resources=Resources(memory=MEMORY, shm=SHM),
            labels=self.labels,
        )

    def run(self, spec: ContainerSpec) -> tuple[Exit, str]:
        """How it ended, and all that it wrote."""
        with self.started(spec) as (container, output):
            text = b"".join(block for _, block in output).decode(errors="replace")
            return self.engine.wait(container), text

    @contextmanager
    def started(self, spec: ContainerSpec) -> Iterator[tuple[str, Iterator[tuple[str, bytes]]]]:
        container = self.engine.create(spec)
        try:
            with closing(self.engine.attach(container)) as output:
                self.engine.start(container)
                yield container, iter(output)
        finally:
            self.engine.remove(container)


@contextmanager
def ground(engine: Engine, config: Config, image: str) -> Iterator[Ground]:
    """Raises `LocaldlcError` where there can be none. Leaves nothing."""
    job_id = f"{PREFIX}{uuid.uuid4().hex[:12]}"
    labels = {"localdlc.job": job_id, "localdlc.home": home_digest(config.home)}
    with ExitStack() as after:  # what comes last here is done first
        store = Store(config.home)
        after.callback(store.close)
        log = store.open_job(job_id)
        after.callback(shutil.rmtree, log.folder, ignore_errors=True)
        after.callback(log.close)
        # Who sweeps what a kill has left asks for the image of the job.
        log.write_document("plan.json", {"replicas": [{"pod_id": job_id, "image": image}]})
        after.callback(clear, engine, labels)
        subnet = network(engine, config, f"localdlc-{job_id}", labels)
        yield Ground(engine, image, labels, f"localdlc-{job_id}", subnet, log.folder)


def clear(engine: Engine, labels: dict[str, str]) -> None:
    """Whatever carries these labels; containers come first, and hold the network until then."""
    for left in engine.leftovers(labels["localdlc.home"]):
        if left.labels.get("localdlc.job") == labels["localdlc.job"]:
            remove = engine.remove_network if left.kind == "network" else engine.remove
            remove(left.id)


def network(engine: Engine, config: Config, name: str, labels: dict[str, str]) -> IPv4Network:
    for _ in range(TRIES):
        subnet = choose_subnet(name, 2, config.subnets, engine.taken_subnets())
        with suppress(SubnetTaken):
            engine.create_network(name, subnet, labels)
            return subnet
    raise SubnetTaken(f"no free subnet after {TRIES} tries")


def trials(place: Ground, gpus: Sequence[Gpu], *, observed: bool) -> Iterator[Check]:
    """Each stands alone: one that breaks is a problem, and the next is tried.

    GPUs that were ``observed`` must be seen in a container; others were written down.
    """
    steps: list[tuple[str, Callable[[Ground], Iterator[Check]], str]] = [
        ("limits", inside, LIMITS_MEND),
        ("out of memory", eaten, LIMITS_MEND),
        ("network", called, NETWORK_MEND),
    ]
    give = partial(given, observed=observed)
    steps += [(f"gpu {gpu.index}", partial(give, gpu=gpu), TOOLKIT_MEND) for gpu in gpus]
    yield Check("subnet", "ok", f"{place.subnet} is clear of the engine's networks and of routes")
    for name, step, mend in steps:
        try:
            yield from step(place)
        except LocaldlcError as error:
            yield Check(name, "problem", str(error), mend)


def inside(place: Ground) -> Iterator[Check]:
    """Limits as a container sees them, and a folder of this machine in it."""
    probe = place.folder / "shared" / "probe"  # where a sweep clears up after a kill
    probe.mkdir(parents=True)
    probe.chmod(0o777)  # whoever the image's user is
    (probe / "asked").write_text("seen")
    spec = place.spec(0, ("/bin/sh", "-c", LIMITS, "sh", "written"))
    _, text = place.run(replace(spec, mounts=(Mount(str(probe), "/mnt/probe", False),)))
    told = {line.split(" ", 1)[0]: line.split(" ", 1)[-1] for line in text.splitlines()}
    memory, shm = told.get("memory", ""), told.get("shm", "")
    yield limit("memory limit", str(MEMORY) in memory.split(), "64 MiB", memory)
    yield limit("shm", str(SHM // 1024) in shm.split(), "32 MiB", shm)
    answered = probe / "answered"
    back = answered.exists() and answered.read_text() == "written\n"
    yield mounted(place.folder, read=told.get("mount") == "seen", written=back)


def limit(name: str, given: bool, wanted: str, told: str) -> Check:
    if given:
        return Check(name, "ok", f"a container has the {wanted} that it was given")
    says = f"a container was to have {wanted} and says: {told or 'nothing'}"
    return Check(name, "problem", says, LIMITS_MEND)


def mounted(folder: Path, *, read: bool, written: bool) -> Check:
    if read and written:
        return Check("mounts", "ok", f"containers read and write folders below {folder.parents[1]}")
    what = "what they write does not arrive" if read else "they do not see what is in them"
    says = f"containers are given folders below {folder.parents[1]}, but {what}"
    return Check("mounts", "problem", says, MOUNT_MEND)


def eaten(place: Ground) -> Iterator[Check]:
    """A container that takes more than its limit must be killed, and the engine must say so."""
    end, text = place.run(place.spec(0, ("python3", "-c", EATER)))
    if "alive" in text:
        says = f"a container took {2 * MEMORY // MIB} MiB with a limit of {MEMORY // MIB} MiB"
        yield Check("out of memory", "problem", says, LIMITS_MEND)
    elif end.oom:
        yield Check("out of memory", "ok", "what takes more than its limit is killed, and told so")
    else:
        says = (
            f"what takes more than its limit ends with exit code {end.code}, and nobody is told why"
        )
        yield Check("out of memory", "warning", says, "Take a newer engine.")


def called(place: Ground) -> Iterator[Check]:
    """One container calls another by its name."""
    with place.started(place.spec(1, ("python3", "-c", LISTENER))) as (_, output):
        first = next(output, ("", b""))[1]
        if b"listening" not in first:
            yield Check("network", "skipped", f"nobody listens: {first.decode(errors='replace')}")
            return
        _, text = place.run(place.spec(0, ("python3", "-c", CALLER)))
    if text.strip() == "hello":
        yield Check("network", "ok", "containers of one network reach each other by name")
    else:
        said = (text.strip().splitlines() or ["nothing"])[-1]
        yield Check(
            "network", "problem", f"containers cannot reach each other: {said}", NETWORK_MEND
        )


def given(place: Ground, gpu: Gpu, *, observed: bool) -> Iterator[Check]:
    """A container that is given one GPU must see that one alone.

    Of one that was written down it may see nothing: the engine's word is enough, as for replicas.
    """
    spec = place.spec(0, ("/bin/sh", "-c", GPU_SCRIPT, "sh", *gpu.devices))
    _, text = place.run(replace(spec, gpus=(gpu,), resources=Resources()))
    seen = re.findall(r"UUID: (\S+)\)", text)
    files = re.findall(r"^there (\S+)$", text, re.MULTILINE)
    alone = seen == [gpu.uuid] or (not seen and len(files) == 1)
    if files == [*gpu.devices] if gpu.devices else alone:
        yield Check(f"gpu {gpu.index}", "ok", f"a container that is given {gpu} sees it alone")
    elif not (observed or seen or files) and f"told {gpu.uuid}" in text.splitlines():
        yield Check(f"gpu {gpu.index}", "ok", f"the engine says that a container has {gpu} alone")
    else:
        said = "; ".join(text.strip().splitlines()[:3])
        says = f"a container that is given {gpu} says: {said or 'nothing'}"
        yield Check(f"gpu {gpu.index}", "problem", says, TOOLKIT_MEND)
