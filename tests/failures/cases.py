"""One row a failure: the image and the command that bring it about, and the pattern that knows it.

``python -m tests.failures`` runs them all and writes down what they say.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

MESSAGES = Path(__file__).parent / "messages"


@dataclass(frozen=True)
class Failure:
    """``script`` is run by bash in ``localdlc/<image>:latest``, with these flags of docker's.

    Without a network: other people's names and servers are no part of it.
    """

    name: str
    pattern: str
    script: str
    image: str = "base"
    flags: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        return MESSAGES / f"{self.name}.txt"

    def run(self) -> tuple[str, int]:
        """What it writes, and its exit code."""
        name = f"localdlc-failure-{uuid4().hex[:12]}"
        image = f"localdlc/{self.image}:latest"
        line = ["docker", "run", "--rm", "--name", name, "--network", "none", *self.flags]
        try:
            done = subprocess.run(
                [*line, "--entrypoint", "bash", image, "-c", self.script],
                capture_output=True,
                timeout=120,
            )
        except subprocess.TimeoutExpired:
            subprocess.run(["docker", "rm", "--force", name], capture_output=True, timeout=60)
            raise
        return (done.stdout + done.stderr).decode("utf-8", "backslashreplace"), done.returncode

    def recorded(self) -> tuple[str, int]:
        """The same as it once was; the last line of the file is the exit code."""
        text, _, code = self.file.read_text().rstrip("\n").rpartition("\nexit ")
        return text, int(code)


def python(code: str) -> str:
    return f"python3 - <<'EOF'\n{code}\nEOF"


def torch(code: str, rank: int = 0, size: int = 2) -> str:
    """A rank of a rendezvous at this machine."""
    place = f"MASTER_ADDR=127.0.0.1 MASTER_PORT=29501 RANK={rank} WORLD_SIZE={size}"
    return f"GLOO_SOCKET_IFNAME=lo {place} python3 - <<'EOF'\n{BEGINNING}{code}\nEOF"


BEGINNING = """\
import datetime, os, time, torch, torch.distributed as dist
soon = datetime.timedelta(seconds=3)
"""
DATASET = """\
import torch
from torch.utils.data import DataLoader, Dataset
class Items(Dataset):
    def __len__(self): return 8
    def __getitem__(self, index): return {item}
for batch in DataLoader(Items(), 2, num_workers=2): pass
"""
# Two ranks: the second does ``{second}`` instead of the second all_reduce.
PAIR = """\
cat >/pair.py <<'END'
import datetime, os, time, torch, torch.distributed as dist
dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=3))
ones = torch.ones(1)
dist.all_reduce(ones)
if dist.get_rank() == 1:
    {second}
dist.all_reduce(ones)
END
export MASTER_ADDR=127.0.0.1 MASTER_PORT=29501 WORLD_SIZE=2 GLOO_SOCKET_IFNAME=lo
RANK=1 python3 /pair.py >/dev/null 2>&1 & RANK=0 python3 /pair.py
"""
POINTER = "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:4d7a\\nsize 9\\n' >m;"

SHELL = (
    Failure("bash-no-program", "command-not-found", "torchrun --nproc_per_node 2 train.py"),
    Failure("sh-no-program", "command-not-found", "sh -c 'torchrun train.py'"),
    Failure("bash-syntax", "shell-syntax", "bash -c 'if true; then echo )'"),
    Failure("bash-open-quote", "shell-syntax", "bash -c 'echo \"abc'"),
    Failure("sh-syntax", "shell-syntax", "sh -c 'if true; then echo )'"),
    Failure("bash-cd", "folder-not-found", "cd /root/code/mycode && python3 train.py"),
    Failure("bash-head", "file-not-found", "head -1 /mnt/data/train.csv"),
    Failure("bash-permission", "permission-denied", "touch /run.sh; /run.sh"),
    Failure(
        "bash-architecture",
        "exec-format",
        r"printf '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0\x01\0\0\0' >/train;"
        " head -c 200 /dev/zero >>/train; chmod +x /train; /train",
    ),
    Failure(
        "bash-windows",
        "carriage-return",
        r"printf '#!/bin/bash\r\necho hi\r\n' >r.sh; chmod +x r.sh; ./r.sh",
    ),
    Failure("bash-windows-cd", "carriage-return", r"printf 'cd /tmp\r\nls\r\n' >r; bash r"),
    Failure("bash-unbound", "variable-missing", "set -u; echo $OUTPUT_DIR"),
    Failure(
        "bash-fork",
        "too-many-processes",
        "for n in 1 2 3 4 5; do sleep 1 & done; wait",
        flags=("--pids-limit", "3"),
    ),
    Failure(
        "bash-segfault",
        "segmentation-fault",
        "python3 -c 'import ctypes; ctypes.string_at(0)'; exit $?",
    ),
    Failure(
        "git-name",
        "name-unknown",
        "git clone https://code.example.invalid/x.git",
    ),
    Failure(
        "git-owner",
        "dubious-ownership",
        "mkdir /g; git -C /g init -q; chown -R 1000 /g; git -C /g status",
    ),
    Failure("pip-no-version", "pip", "pip install --no-index localdlc-nothing==99"),
    Failure(
        "pip-other-python",
        "python-version",
        'mkdir /p && printf \'[project]\\nname="p"\\nversion="1"\\nrequires-python=">=3.99"\\n\''
        " >/p/pyproject.toml; pip install --no-index --no-build-isolation /p",
    ),
)
PYTHON = (
    Failure("python-module", "module-missing", python("import flash_attn")),
    Failure("python-script", "script-not-found", "python3 train.py"),
    Failure("python-file", "file-not-found", python("open('/mnt/data/train.csv')")),
    Failure(
        "python-port",
        "address-in-use",
        python("import socket\na = socket.create_server(('', 29))\nsocket.create_server(('', 29))"),
    ),
    Failure(
        "python-disk",
        "no-space",
        python("open('/mnt/out/x', 'wb').write(bytes(1 << 20))"),
        flags=("--tmpfs", "/mnt/out:size=64k"),
    ),
    Failure(
        "dd-shm",
        "shm-full",
        "dd if=/dev/zero of=/dev/shm/x bs=1M count=2",
        flags=("--shm-size", "1m"),
    ),
    Failure(
        "python-permission",
        "permission-denied",
        python("open('/root/x', 'w')"),
        flags=("--user", "1000"),
    ),
    Failure(
        "python-read-only",
        "read-only",
        python("open('/mnt/data/out.pt', 'w')"),
        flags=("--tmpfs", "/mnt/data:ro"),
    ),
    Failure(
        "python-library",
        "library-missing",
        python("import ctypes\nctypes.CDLL('libGL.so.1')"),
    ),
    Failure(
        "python-name",
        "name-unknown",
        python("import urllib.request as u\nu.urlopen('http://bucket-internal.example.invalid')"),
    ),
    Failure(
        "python-segfault",
        "segmentation-fault",
        "exec python3 -X faulthandler -c 'import ctypes; ctypes.string_at(0)'",
    ),
    Failure(
        "python-files",
        "open-files",
        python("k = [open('/dev/null') for _ in range(99)]"),
        flags=("--ulimit", "nofile=32"),
    ),
    Failure(
        "python-threads",
        "too-many-processes",
        python(
            "import threading, time\n"
            "for _ in range(20): threading.Thread(target=time.sleep, args=(1,)).start()"
        ),
        flags=("--pids-limit", "8"),
    ),
    Failure("python-variable", "variable-missing", python("import os\nos.environ['OUTPUT_DIR']")),
    Failure(
        "python-arguments",
        "arguments",
        "python3 -c 'import argparse; argparse.ArgumentParser().parse_args()' --local-rank=0",
    ),
    Failure("python-memory", "allocation", python("bytearray(1 << 50)")),
    Failure(
        "python-refused",
        "connection-refused",
        python("import socket\nsocket.create_connection(('127.0.0.1', 23456))"),
    ),
    Failure("python-moved", "versions-conflict", python("from collections import Mapping")),
    Failure("python-2", "python-syntax", "printf 'print \"hello\"\\n' >t.py; python3 t.py"),
    Failure("python-newer", "python-syntax", "printf 'type X = int\\n' >t.py; python3 t.py"),
    Failure(
        "python-lfs",
        "lfs-pointer",
        POINTER + python("import pickle\npickle.load(open('m', 'rb'))"),
    ),
    Failure(
        "python-certificate",
        "certificate",
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -days 1 -subj /CN=localhost "
        "2>/dev/null; openssl s_server -quiet -key k -cert c -accept 4433 & "
        "until openssl s_client -connect localhost:4433 </dev/null >/dev/null 2>&1; do :; done; "
        + python("import urllib.request as u\nu.urlopen('https://localhost:4433')")
        + "\ne=$?; kill %1; exit $e",
    ),
    Failure("python-unknown", "exception", python("raise ValueError('the loss is NaN')")),
)
TORCH = (
    Failure(
        "torch-port",
        "address-in-use",
        torch(
            "import socket\na = socket.create_server(('', 29501))\n"
            "dist.init_process_group('gloo', timeout=soon)"
        ),
        "pytorch",
    ),
    Failure(
        "torch-alone",
        "rendezvous-timeout",
        torch("dist.init_process_group('gloo', timeout=soon)"),
        "pytorch",
    ),
    Failure(
        "torch-no-master",
        "rendezvous-timeout",
        torch("dist.init_process_group('gloo', timeout=soon)", rank=1),
        "pytorch",
    ),
    Failure("gloo-closed", "peer-closed", PAIR.format(second="os._exit(3)"), "pytorch"),
    Failure(
        "gloo-timeout", "gloo-timeout", PAIR.format(second="time.sleep(7); os._exit(0)"), "pytorch"
    ),
    Failure(
        "gloo-mismatch",
        "collective-mismatch",
        PAIR.format(second="ones = torch.ones(2)"),
        "pytorch",
        ("-e", "TORCH_DISTRIBUTED_DEBUG=DETAIL"),
    ),
    Failure(
        "torch-no-nccl",
        "cuda-not-built-in",
        torch("dist.init_process_group('nccl')", size=1),
        "pytorch",
    ),
    Failure(
        "torch-no-cuda",
        "cuda-not-built-in",
        python("import torch\ntorch.ones(1).cuda()"),
        "pytorch",
    ),
    Failure(
        "torch-load-cuda",
        "cuda-not-built-in",
        python("import torch.serialization as s\ns._validate_device('cuda:0', 'cuda')"),
        "pytorch",
    ),
    Failure(
        "torch-shm",
        "shm-full",
        python(DATASET.format(item="torch.ones(1000000)")),
        "pytorch",
        ("--shm-size", "1m"),
    ),
    Failure("torch-memory", "allocation", python("import torch\ntorch.ones(1 << 50)"), "pytorch"),
    Failure(
        "torch-loader",
        "file-not-found",
        python(DATASET.format(item="open(f'/mnt/data/{index}.jpg')")),
        "pytorch",
    ),
    Failure(
        "torch-lfs", "lfs-pointer", POINTER + python("import torch\ntorch.load('m')"), "pytorch"
    ),
    Failure(
        "torchrun",
        "module-missing",
        "echo 'import flash_attn' >t.py; python3 -m torch.distributed.run "
        "--master_addr 127.0.0.1 --local_addr 127.0.0.1 t.py",
        "pytorch",
    ),
    Failure("numpy-memory", "allocation", python("import numpy\nnumpy.ones(1 << 47)"), "pytorch"),
    Failure("numpy-float", "versions-conflict", python("import numpy\nnumpy.float(1)"), "pytorch"),
)
STRATEGY = "import tensorflow as tf\ntf.distribute.MultiWorkerMirroredStrategy()"
CLUSTER = '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 3}}'
OTHERS = (
    Failure("tensorflow-json", "tf-config", "TF_CONFIG='{bad' " + python(STRATEGY), "tensorflow"),
    Failure(
        "tensorflow-index",
        "tf-config",
        f"TF_CONFIG='{CLUSTER}' " + python(STRATEGY),
        "tensorflow",
    ),
    Failure(
        "tensorflow-port",
        "address-in-use",
        python(
            "import socket\na = socket.create_server(('', 2222))\nimport tensorflow as tf\n"
            "tf.distribute.Server({'worker': ['localhost:2222']}, job_name='worker', task_index=0)"
        ),
        "tensorflow",
    ),
    Failure(
        "tensorflow-memory",
        "allocation",
        python("import tensorflow as tf\ntf.ones((1 << 20, 1 << 20))"),
        "tensorflow",
    ),
    Failure(
        "mpi-slots",
        "mpi-slots",
        "mpirun --allow-run-as-root -np 64 --host localhost hostname",
        "mpi",
    ),
    Failure("mpi-root", "mpi-root", "mpirun -np 1 hostname", "mpi"),
    Failure(
        "mpi-host",
        "mpi-unreachable",
        "mpirun --allow-run-as-root -np 2 --host nosuchhost:2 hostname",
        "mpi",
    ),
    Failure(
        "mpi-program",
        "command-not-found",
        "mpirun --allow-run-as-root -np 1 nosuchprogram",
        "mpi",
    ),
    Failure("ray-absent", "ray-absent", python("import ray\nray.init(address='auto')"), "ray"),
    Failure(
        "ray-task",
        "file-not-found",
        python(
            "import ray\nray.init(num_cpus=1)\n@ray.remote\ndef read(): open('/mnt/data/x')\n"
            "ray.get(read.remote())"
        ),
        "ray",
    ),
    Failure(
        "xgboost-tracker",
        "xgboost-tracker",
        python(
            "import xgboost\nxgboost.collective.init(dmlc_tracker_uri='127.0.0.1', "
            "dmlc_tracker_port=9091, dmlc_timeout=2, dmlc_retry=1)"
        ),
        "xgboost",
    ),
    Failure(
        "xgboost-file",
        "file-not-found",
        python("import xgboost\nxgboost.DMatrix('/mnt/data/train.libsvm?format=libsvm')"),
        "xgboost",
    ),
)

FAILURES = (*SHELL, *PYTHON, *TORCH, *OTHERS)
