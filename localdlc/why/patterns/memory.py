"""Memory that ran out: the replica's, /dev/shm, a tensor too large."""

from localdlc.why.patterns.row import Pattern

__all__ = ["MEMORY"]

LARGER = (
    "Give the role more in ResourceConfig.Memory or by a larger EcsSpec, or use less: a smaller "
    "batch, fewer data loader workers."
)
LARGER_SHM = (
    "Raise ResourceConfig.SharedMemory of the role, or let the data loader have fewer workers."
)

MEMORY = (
    Pattern(
        name="out-of-memory",
        ended="oom",
        says="The kernel killed it for want of memory: its limit is {memory}[, the most that was "
        "sampled is {peak}].",
        do=LARGER,
    ),
    Pattern(
        name="process-out-of-memory",
        ended="oom of a process",
        says="The kernel killed a process of it for want of memory: its limit is {memory}[, the "
        "most that was sampled is {peak}].",
        do=LARGER,
    ),
    Pattern(
        name="shm-full",
        text=(
            r"DataLoader worker \(pid.*killed by signal: Bus error"
            r"|unable to (?:allocate shared memory\(shm\)|write to file) .*No space left"
            r"|No space left on device: '/dev/shm|/dev/shm/.*: No space left on device"
            r"|Error while creating shared memory segment /dev/shm"
        ),
        says="The shared memory, /dev/shm, is full. The replica has {shm} of it.",
        do=LARGER_SHM,
    ),
    Pattern(
        name="bus-error",
        ended="SIGBUS",
        says="A bus error: most often /dev/shm is full, of which the replica has {shm}.",
        do=LARGER_SHM,
    ),
    Pattern(
        name="allocation",
        text=(
            r"DefaultCPUAllocator: can't allocate memory: you tried to allocate (?P<size>\d+ bytes)"
            r"|ArrayMemoryError: Unable to allocate (?P<size2>[\d.]+ \w+)"
            r"|^MemoryError\b"
            r"|ResourceExhaustedError: .*OOM when allocating tensor with shape(?P<size3>\[[\d,]*\])"
            r".*device:CPU"
            r"|terminate called after throwing an instance of 'std::bad_alloc'"
        ),
        says="It asked for more memory at once[, {size},] than it can have: {memory}.",
        do="See whether that size is what you meant. " + LARGER,
    ),
)
