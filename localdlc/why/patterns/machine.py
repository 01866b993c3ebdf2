"""Limits of the system, and processes that the kernel ended."""

from localdlc.why.patterns.row import Pattern

__all__ = ["MACHINE"]

MACHINE = (
    Pattern(
        name="open-files",
        text=r"\[Errno 24\] Too many open files|Too many open files",
        says="It has opened more files and sockets at once than it may.",
        do="Close what is not needed, fewer data loader workers, or "
        'torch.multiprocessing.set_sharing_strategy("file_system").',
    ),
    Pattern(
        name="too-many-processes",
        text=r"can't start new thread|fork: (?:retry: )?Resource temporarily unavailable"
        r"|OpenBLAS blas_thread_init: pthread_create failed|BlockingIOError: \[Errno 11\]",
        says="It may not start more processes or threads.",
        do="Lower the number of workers, and OMP_NUM_THREADS in Envs.",
    ),
    Pattern(
        name="illegal-instruction",
        ended="SIGILL",
        text=r"was compiled to use (?P<set>.*) instructions, but these aren't available"
        r"|Illegal instruction",
        says="A binary uses instructions that this machine's processor does not have[: {set}].",
        do="Use a build for an older processor, or another machine.",
    ),
    Pattern(
        name="segmentation-fault",
        ended="SIGSEGV",
        text=r"Fatal Python error: Segmentation fault|\bSegmentation fault\b.*",
        says="A segmentation fault, in code that is not Python's own.",
        do="PYTHONFAULTHANDLER=1 in Envs prints the Python stack at that moment. Often two "
        "packages were built against different libraries.",
    ),
    Pattern(
        name="aborted",
        ended="SIGABRT",
        text=r"terminate called after throwing an instance of '(?P<error>[^']*)'.*"
        r"|Fatal Python error: Aborted",
        says="A library gave up and aborted the process[: {error}].",
        do="What it wrote just before says why.",
    ),
    Pattern(
        name="rehearsed",
        ended="a rehearsed fault",
        says="It was rehearsed: --fault {fault}.",
        do="A RestartPolicy of the role, or AIMaster, lets it begin anew, as in the cloud.",
    ),
    Pattern(
        name="killed",
        ended="SIGKILL",
        says="Something killed it (SIGKILL) that was not localdlc: the kernel for want of memory "
        "on this machine, or somebody.",
        do="`dmesg` on this machine tells whether the kernel did.",
    ),
)
