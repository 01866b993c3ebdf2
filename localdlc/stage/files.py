"""The job's own files, on disk for as long as it runs, and the secrets in them."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock

from localdlc.plan.files import PLACEHOLDER, File

__all__ = ["FilesTask", "discard_files"]

Learn = Callable[[Iterable[str]], None]


class FilesTask:
    """Writes the files of all replicas of one job into a folder of its own."""

    def __init__(self, job: Path, files: Iterable[tuple[str, File]], learn: Learn) -> None:
        """``files`` come with the PodIds of their replicas; ``job`` is the job's folder.

        ``learn`` hears every secret before it is anywhere.
        """
        self._job = job
        self._files = tuple(files)
        self._learn = learn
        self._writing = Lock()
        self._left = False

    def __call__(self, post: object) -> None:
        """Writes nothing for a job that has been left meanwhile."""
        made = secrets_for(file for _, file in self._files)
        self._learn(text for kind, text in made.items() if kind != "ssh-public-key")
        with self._writing:
            if not self._left:
                self._write(made)

    def _write(self, made: dict[str, str]) -> None:
        for pod_id, file in self._files:
            text = file.text.replace(PLACEHOLDER, made[file.made]) if file.made else file.text
            write(self._job / "files" / f"{pod_id}{file.path}", text, file.mode)

    def leave(self) -> None:
        """After the job, however it ended: no key outlives it."""
        with self._writing:
            self._left = True
            discard_files(self._job)


def discard_files(job: Path) -> None:
    shutil.rmtree(job / "files", ignore_errors=True)


def write(path: Path, text: str, mode: int) -> None:
    """The job's folder lets nobody through but its owner, so any mode is safe on this machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def secrets_for(files: Iterable[File]) -> dict[str, str]:
    """What the files ask for, by its kind, new each time."""
    kinds = {file.made for file in files if file.made}
    made = {"munge-key": secrets.token_hex(64)} if "munge-key" in kinds else {}
    if kinds & {"ssh-key", "ssh-public-key"}:
        made["ssh-key"], made["ssh-public-key"] = ssh_pair()
    return made


def ssh_pair() -> tuple[str, str]:
    """A private and a public key as OpenSSH writes them, with their newlines."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    return private.decode(), f"{public.decode()}\n"
