"""GPUs: memory, drivers, builds that do not fit."""

from localdlc.why.patterns.row import Pattern

__all__ = ["GPU"]

GPU = (
    Pattern(
        name="cuda-out-of-memory",
        text=(
            r"CUDA out of memory\. Tried to allocate (?P<size>[\d.]+ \w+)"
            r"|CUDA error: out of memory"
            r"|CUDA_ERROR_OUT_OF_MEMORY"
            r"|OOM when allocating tensor with shape(?P<size2>\[[\d,]*\]).*device:GPU"
        ),
        says="The memory of the GPU is used up[: {size} more did not fit].",
        do="Use a smaller batch or checkpoint activations. GPUs here may be smaller than those of "
        "the EcsSpec; `nvidia-smi` shows whether something else holds some of the memory.",
    ),
    Pattern(
        name="cuda-without-driver",
        text=(
            r"Found no NVIDIA driver on your system"
            r"|No CUDA GPUs are available"
            r"|CUDA driver initialization failed"
            r"|ProcessGroupNCCL is only supported with GPUs, no GPUs found"
            r"|CUDA error: no CUDA-capable device is detected"
            r"|libcuda\.so\.1: cannot open shared object file"
        ),
        says="It wants a GPU, and this replica sees none.",
        do="Ask for GPUs in the request (ResourceConfig.GPU or an EcsSpec with some) on a machine "
        "that has them, or let the code fall back to the CPU.",
    ),
    Pattern(
        name="cuda-driver-too-old",
        text=(
            r"The NVIDIA driver on your system is too old"
            r"|CUDA driver version is insufficient for CUDA runtime version"
        ),
        says="The image's CUDA is newer than this machine's driver can serve.",
        do="Use an image with an older CUDA, or a newer driver.",
    ),
    Pattern(
        name="cuda-not-built-in",
        text=(
            r"Torch not compiled with CUDA enabled"
            r"|Distributed package doesn't have NCCL built in"
            r"|Attempting to deserialize object on a CUDA device but torch\.cuda\.is_available"
        ),
        says="The image's PyTorch is a build without CUDA.",
        do="Use an image with a CUDA build ([image_map] names another), or the CPU: "
        'device "cpu", backend "gloo", map_location="cpu".',
    ),
    Pattern(
        name="cuda-device-ordinal",
        text=r"CUDA error: invalid device ordinal|Invalid device id",
        says="It chose a GPU that it has not been given.",
        do="Count from 0 inside each replica: LOCAL_RANK, not RANK, chooses the GPU.",
    ),
    Pattern(
        name="cuda-no-kernel",
        text=r"no kernel image is available for execution on the device",
        says="The image's CUDA code was not built for this machine's GPU.",
        do="Use an image whose framework supports this GPU's architecture.",
    ),
    Pattern(
        name="nccl-timeout",
        text=r"Watchdog caught collective operation timeout: .*OpType=(?P<op>\w+)",
        says="A collective ({op}) did not come to its end in time: another rank is not in it.",
        do="See what the other ranks do: `localdlc run --hang-timeout 60s` shows all their stacks.",
        echo=True,
    ),
    Pattern(
        name="nccl-peer-gone",
        text=r"ncclRemoteError: .*|NCCL error.*remote process exited or there was a network error",
        says="NCCL lost a peer.",
        do="Look at the replica that ended first.",
        echo=True,
    ),
    Pattern(
        name="nccl",
        text=r"(?:ncclSystemError|ncclUnhandledCudaError|ncclInternalError|ncclInvalidUsage): .*"
        r"|DistBackendError: NCCL error in: (?!.*remote process exited).*",
        says="NCCL failed.",
        do="Run again with NCCL_DEBUG=INFO in Envs. Often it is a small /dev/shm ({shm} here), a "
        "NCCL_SOCKET_IFNAME of the cloud, or two ranks on one GPU.",
    ),
)
