"""UserCommand through the shells of this machine, exactly as a container would run it."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from localdlc.plan.command import command
from localdlc.plan.libraries import WHEELS, prologue

SHELLS = ["bash", "dash"]
Ran = tuple[int, str, str]


def arguments(shell: str | None, text: str) -> tuple[str, ...]:
    found = shutil.which(shell) if shell else None
    if shell and not found:
        pytest.skip(f"no {shell} on this machine")
    return command(text, shell=found)


def ran(argv: tuple[str, ...], **env: str) -> Ran:
    done = subprocess.run(
        argv, capture_output=True, text=True, env={"PATH": os.environ["PATH"], **env}, check=False
    )
    return done.returncode, done.stdout, done.stderr


CASES: dict[str, tuple[str, int, str]] = {
    "its code is the replica's": ("echo a; exit 7", 7, "a\n"),
    "the last command decides": ("false; true", 0, ""),
    "no -e": ("false; echo on", 0, "on\n"),
    "its own -e": ("set -e; false; echo on", 1, ""),
    "no arguments": ('echo "$#" "$@"', 0, "0\n"),
    "no such command": ("no-such-program-1", 127, ""),
    "quotes": ("""echo 'a "b"' "c 'd'" \\$x""", 0, "a \"b\" c 'd' $x\n"),
    "a variable of the replica": ('echo "$COLOUR"', 0, "blue sky\n"),
    "lines": ("cd /\npwd\n", 0, "/\n"),
    "a comment at the end": ("echo a # end", 0, "a\n"),
    "a heredoc": ("cat <<EOF\n$COLOUR 'x'\nEOF", 0, "blue sky 'x'\n"),
    "a quoted heredoc": ("cat <<'EOF'\n$COLOUR\nEOF\n", 0, "$COLOUR\n"),
    "a pipe": ("printf 'b\\na\\n' | sort", 0, "a\nb\n"),
    "a function": ("f() { return 5; }\nf", 5, ""),
    "exec": ("exec sh -c 'exit 9'", 9, ""),
    "a trap of its own": ("trap 'echo bye' EXIT; exit 4", 4, "bye\n"),
    "braces and percent": ("echo {prologue} %s $((1+1))", 0, "{prologue} %s 2\n"),
    "a signal": ("kill -KILL $$", -9, ""),
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", CASES)
def test_a_command_does_what_a_shell_does(shell: str, name: str) -> None:
    text, code, output = CASES[name]
    assert ran(arguments(shell, text), COLOUR="blue sky")[:2] == (code, output)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_syntax_error_is_a_failure_with_words(shell: str) -> None:
    code, output, error = ran(arguments(shell, "echo never; if"))
    assert (code, output) == (2, "")
    assert "yntax error" in error


def test_bash_is_picked_where_there_is_one() -> None:
    code, output, _ = ran(arguments(None, 'a=(1 2); echo "$0" "${a[1]}" "$#"'))
    assert (code, output) == (0, "bash 2 0\n")


def test_sh_is_picked_where_there_is_no_bash(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to(shutil.which("dash") or "/bin/sh")
    code, output, _ = ran(arguments(None, 'echo "$0" "$#"; exit 3'), PATH=str(tmp_path))
    assert (code, output) == (3, "sh 0\n")


def test_settings_shell_is_used_as_given() -> None:
    assert command("x", shell="/opt/bin/zsh")[:2] == ("/opt/bin/zsh", "-c")
    assert command("x", shell="/opt/bin/zsh")[3:] == ("zsh", "x")
    assert command("x", shell="")[0] == "/bin/sh"


# SIGTERM: the engine's init signals the whole process group

TIDY = """cd / && python3 -c '
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("ready", flush=True)
signal.sigwait({signal.SIGTERM})
print("saved", flush=True)
'; echo never"""


@pytest.mark.parametrize("shell", [*SHELLS, None])
def test_the_training_of_a_compound_command_gets_sigterm_and_its_time(shell: str | None) -> None:
    with subprocess.Popen(
        arguments(shell, TIDY), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGTERM)
        assert process.stdout.read() == "saved\n"
        assert process.wait() == 143


# libraries

PIP = '#!/bin/sh\nfor word in "$@"; do echo "<$word>"; done\nexit "${PIP_CODE:-0}"\n'


@pytest.fixture
def stub(tmp_path: Path) -> str:
    """A PATH whose pip says what it was given, and ends with PIP_CODE."""
    pip = tmp_path / "pip"
    pip.write_text(PIP)
    pip.chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


def with_libraries(
    wheels: Path, listed: str = "", *, install: str = "a.whl\n", shell: str | None = None
) -> tuple[str, ...]:
    """`echo train` in a replica whose wheels are in a folder of the test's own."""
    (wheels / "install.txt").write_text(install)
    (wheels / "satisfied.txt").write_text("Requirement already satisfied: numpy\n")
    lines = prologue(wanted=True, listed=listed).replace(WHEELS, str(wheels))
    return command("echo train", shell=shell and shutil.which(shell), prologue=lines)


INSTALL = "<install>\n<--no-index>\n<--no-deps>\n<--no-compile>\n<-r>\n"


@pytest.mark.parametrize("shell", [*SHELLS, None])
def test_libraries_come_before_the_command(shell: str | None, stub: str, tmp_path: Path) -> None:
    done = ran(with_libraries(tmp_path, shell=shell), PATH=stub)
    told = f"Requirement already satisfied: numpy\n{INSTALL}<{tmp_path}/install.txt>\ntrain\n"
    assert done[:2] == (0, told)


@pytest.mark.parametrize("shell", [*SHELLS, None])
def test_a_failing_pip_is_the_end_of_the_replica_with_its_code(
    shell: str | None, stub: str, tmp_path: Path
) -> None:
    code, out, _ = ran(with_libraries(tmp_path, shell=shell), PATH=stub, PIP_CODE="13")
    assert code == 13
    assert "train" not in out


def test_pip_is_left_alone_where_the_image_has_everything(stub: str, tmp_path: Path) -> None:
    done = ran(with_libraries(tmp_path, install=""), PATH=stub, PIP_CODE="13")
    assert done[:2] == (0, "Requirement already satisfied: numpy\ntrain\n")


def test_in_a_ready_image_pip_has_said_its_lines_before(stub: str, tmp_path: Path) -> None:
    argv = with_libraries(tmp_path)
    (tmp_path / "installed.txt").write_text("Successfully installed package-2\n")
    lines = ran(argv, PATH=stub, PIP_CODE="13")[1].splitlines()
    assert lines[1:] == ["Successfully installed package-2", "train"]


def test_a_missing_requirements_file_only_warns(stub: str, tmp_path: Path) -> None:
    listed = tmp_path / "my libs" / "requirements.txt"
    argv = with_libraries(tmp_path, str(listed))
    assert ran(argv, PATH=stub)[2] == "WARN: requirements.txt not found\n"
    listed.parent.mkdir()
    listed.touch()
    assert ran(argv, PATH=stub)[2] == ""


@pytest.mark.parametrize("text", ["x", "", "a\n'b' \"c\" $d {e} %s", "ü"])
def test_the_last_word_is_the_users_text_untouched(text: str) -> None:
    assert command(text)[-1] == text
    assert command(text, shell="/bin/sh", prologue="true\n")[-1] == text


def test_a_shell_reads_the_command_as_one_word() -> None:
    assert shlex.join(command("echo $HOME")).endswith("'echo $HOME'")
