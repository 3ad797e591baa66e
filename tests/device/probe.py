"""What is installed, and whether numba compiles for the GPU that is here. Exits with 1 if not."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys

PACKAGES = (
    "numba numba-cuda llvmlite cuda-bindings cuda-core cuda-pathfinder nvidia-nvvm "
    "nvidia-nvjitlink nvidia-cuda-nvrtc numpy scipy scikit-image lazy-loader threadpoolctl "
    "hypothesis pytest torch torchvision cupy-cuda13x"
)


def version(package: str) -> str:
    """Return a package with its version, or say that it is not here."""
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package} MISSING"


def main(arguments: list[str]) -> int:
    """Print, and return the exit status; the last line is the summary."""
    print(sys.version.split()[0], sys.executable)
    print(", ".join(map(version, PACKAGES.split())))
    tools = ("nvcc", "ncu", "compute-sanitizer")
    print(", ".join(f"{tool}: {shutil.which(tool) or 'MISSING'}" for tool in tools))
    from adapool.cuda.target import cuda, why_unusable

    reason = why_unusable()
    if reason is not None:
        print(f"{reason[0]}: {reason[1]}")
        return 1
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else device.name
    if name.startswith("null device") and "--null-driver" not in arguments:
        print("the driver is that of tests/null_driver, which runs nothing")
        return 1
    print(f"{name}, compute capability {device.compute_capability}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
