"""Sites are found on the host."""

from __future__ import annotations

from adapool.cuda.arrays import DeviceArray


def find_sites(
    params: DeviceArray, limits: tuple[int, ...]
) -> tuple[DeviceArray, DeviceArray, DeviceArray, DeviceArray]:
    """Find the sites of (1, plane, row, column, 2d) parameters, on the host.

    Whether a pixel is a site depends on all pixels before it. On a device one thread would walk
    them, waiting some 500 ns for each; the host takes about 1 ns. Copied for that are the
    parameters, 16 bytes a pixel in 2-D float32, and the owners, 4 bytes back: 0.4 ns a pixel at
    the 55 GB/s of PCIe 5.
    """
    from adapool import cpu

    host = params.contiguous().to_host(pinned=True)
    host.flags.writeable = False
    positions, sizes, strides, owner = map(params.upload, cpu.find_sites(host, limits))
    return positions, sizes, strides, owner
