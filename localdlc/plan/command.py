"""What a replica's container is told to run."""

from __future__ import annotations

from dataclasses import dataclass

from localdlc.plan.files import File

# The first word is the shell's name for itself; the text arrives as $1 and is evaluated with an
# empty argument list, just as `sh -c TEXT` would.
#
# The trap makes the shell wait for its child: the engine's init signals the whole process group,
# so the training gets SIGTERM and its grace period. Without it the shell of a compound command
# (`cd code && python train.py`) dies first and takes the training with it, unasked.
EVALUATE = """\
trap 'exit 143' TERM
{prologue}eval "shift
$1"
"""

# sh is what every image must have; bash is what people write for.
PICK_SHELL = """\
shell=$(command -v bash || command -v sh)
exec "$shell" -c "$0" "${shell##*/}" "$1"
"""


@dataclass(frozen=True, slots=True)
class Script:
    """What a replica runs: ``text`` as a shell does, after the shell lines of ``prologue``.

    The text is UserCommand, or what the job type has this replica run in its place; ``files`` are
    what both find in the container. ``dashboard`` is the port where the replica shows one.
    """

    text: str
    prologue: str = ""
    files: tuple[File, ...] = ()
    dashboard: int | None = None


def command(
    text: str,
    *,
    shell: str | None = None,
    prologue: str = "",
    gate: str = "",
) -> tuple[str, ...]:
    """The argument vector; its last item is always ``text``, untouched: UserCommand.

    Without a ``shell`` (``Settings.Shell``) it is bash where the image has it, else sh; ``-c``,
    and no ``-e``, because DLC documents none. ``gate`` is a pipe to wait at first, for credentials;
    ``prologue`` is shell lines that come next.
    """
    script = EVALUATE.format(prologue=waiting(gate) + prologue)
    if shell:
        return (shell, "-c", script, shell.rsplit("/", 1)[-1], text)
    return ("/bin/sh", "-c", PICK_SHELL, script, text)


def waiting(gate: str) -> str:
    """What comes through the gate is evaluated: the variables to export, or nothing."""
    return f'eval "$(cat {gate})"\n' if gate else ""
