"""The sitecustomize of a replica that is debugged: the first Python program waits for a debugger.

It runs in the replica's Python, which may be 3.8 or later, before the program; here only its text
is read. What goes wrong must not keep the program from running.
"""

from __future__ import annotations

import os
import sys

HOOK, LIBRARY, PORT, MARK = "/localdlc-debug/hook", "/localdlc-debug/lib", 5678, "LOCALDLC_DEBUGGED"
# Programs that nobody means to debug, by module or by the name of a script.
TOOLS = ("pip", "ensurepip", "venv", "virtualenv", "site", "conda", "multiprocessing")


def program(line: list[str]) -> str:
    """What Python was told to run, by its command line: a module, a file or a piece of code."""
    rest = line[1:]
    while rest and rest[0].startswith("-") and rest[0] != "-":
        option = rest.pop(0)
        if not option.startswith("--") and option[-1] in "cm":
            break
        if option in ("-W", "-X") and rest:
            rest.pop(0)
    return rest[0] if rest else ""


def is_tool(name: str) -> bool:
    words = name.rpartition("/")[2].replace("from ", "").split()
    first = (words or [""])[0].split(".")[0].rstrip("0123456789")
    return first in TOOLS


def wait() -> None:
    with open("/proc/self/cmdline", "rb") as file:  # noqa: PTH123 - pathlib would slow every start
        line = file.read().decode("utf-8", "replace").split("\0")[:-1]
    name = program(line)
    if not name or is_tool(name) or os.environ.get(MARK):
        return
    os.environ[MARK] = "1"  # for the debugger's own process, and for children, which it brings
    sys.path.insert(0, LIBRARY)
    try:
        import debugpy
    finally:
        sys.path.remove(LIBRARY)
    debugpy.listen(("0.0.0.0", PORT))  # noqa: S104 - in the container; this machine maps it to 127.0.0.1
    sys.stderr.write("localdlc: %s waits for a debugger\n" % name.split("\n")[0][:60])  # noqa: UP031
    sys.stderr.flush()
    debugpy.wait_for_client()


def give_way() -> None:
    """The image's own sitecustomize, which this one stands before."""
    sys.path[:] = [folder for folder in sys.path if folder != HOOK]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        if ours is not None:
            sys.modules["sitecustomize"] = ours


if __name__ == "sitecustomize":
    try:
        wait()
    except Exception as error:  # noqa: BLE001 - another process holds the port, say
        sys.stderr.write("localdlc: runs without a debugger: %s\n" % error)  # noqa: UP031
    give_way()
