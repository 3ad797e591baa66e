"""The steps of the check: each starts processes, and reads what they print."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]

# Tests by the kernels that they compile, each group in a process: a kernel takes seconds.
GROUPS = {
    "max": "test_case and max and not gradient and not regions",
    "attention": "test_case and attention and not gradient",
    "dynamic": "test_case and (dynamic or sites) and not gradient",
    "ellipse": "test_case and ellipse",
    "regions": "test_case and regions and not gradient",
    "deform": "test_case and (deform or fused) and not gradient",
    "gradient": "test_case and gradient",
    "rest": "not test_case",
}

TENSORS = {
    "fixed": "test_case and (max or attention) and not regions",
    "dynamic": "test_case and (dynamic or fractional or sites or ellipse)",
    "regions": "test_case and regions",
    "deform": "test_case and (deform or fused or product or float64)",
    "rest": "not test_case",
}

# Counters of the main kernels: time, memory, instructions, how whole the accesses are, registers.
METRICS = (
    "gpu__time_duration.sum",
    "dram__bytes.sum",
    "dram__throughput.avg.pct_of_peak_sustained_elapsed",
    "sm__inst_executed.sum",
    "sm__throughput.avg.pct_of_peak_sustained_elapsed",
    "l1tex__average_t_sectors_per_request_pipe_lsu_mem_global_op_ld.ratio",
    "l1tex__average_t_sectors_per_request_pipe_lsu_mem_global_op_st.ratio",
    "launch__registers_per_thread",
    "sm__warps_active.avg.pct_of_peak_sustained_active",
)


@dataclass
class Result:
    """What came of a step."""

    step: str
    right: bool
    summary: str
    seconds: float = 0


@dataclass
class Machine:
    """Where results go, when all must be done, and what processes need in their environment."""

    out: Path
    scratch: Path
    deadline: float
    dry_run: bool = False
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def limit(self, seconds: float) -> float:
        """Return how long something may take that wants so many seconds."""
        return max(1.0, min(seconds, self.deadline - time.monotonic()))

    def python(self, *arguments: str) -> list[str]:
        """Return a command of the same Python."""
        return [sys.executable, "-W", "ignore", *arguments]

    def start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Start a process whose output is kept."""
        return subprocess.Popen(
            command,
            cwd=PROJECT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that what it starts can be stopped with it
        )

    def finish(self, process: subprocess.Popen[str], seconds: float) -> tuple[int, str]:
        """Wait, at most so long; return the exit status and what was printed."""
        try:
            text, _ = process.communicate(timeout=self.limit(seconds))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            text, _ = process.communicate()
            return 124, text + "\nstopped: it took too long, or all time is over\n"
        return process.returncode, text

    def call(self, command: Sequence[str], seconds: float) -> tuple[int, str]:
        """Run a command."""
        return self.finish(self.start(command), seconds)


def prepare(machine: Machine) -> str:
    """Complete the environment of all steps; return what was found, in words."""
    found = []
    environment = machine.environment
    environment["MPLBACKEND"] = "Agg"
    # Numba's warnings of few blocks are many, and of no use here.
    environment["NUMBA_CUDA_LOW_OCCUPANCY_WARNINGS"] = "0"
    # Packages that were brought along, as wheels in `.whl`, come before those that are installed.
    for path in sorted(PROJECT.glob(".whl/*.whl")):
        zipfile.ZipFile(path).extractall(machine.scratch)
        found.append(f"brought along: {path.name}")
    paths = [str(HERE / "site_start"), str(machine.scratch), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    home = toolkit()
    if home is None:
        found.append("libnvvm: in no toolkit here; numba-cuda looks among the installed packages")
    else:
        found.append(f"libnvvm: {home}/nvvm/lib64")
        environment.setdefault("CUDA_HOME", str(home))
        libraries = [str(home / "nvvm" / "lib64"), environment.get("LD_LIBRARY_PATH", "")]
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, libraries))
    return "\n".join(found)


def toolkit() -> Path | None:
    """Return the folder of a CUDA toolkit that has libnvvm, which comes with nvcc."""
    nvcc = shutil.which("nvcc")
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
    homes += [str(Path(nvcc).resolve().parents[1])] if nvcc else []
    homes += map(str, sorted(Path("/usr/local").glob("cuda-*"), reverse=True))
    for home in filter(None, homes):
        if list(Path(home).glob("nvvm/lib64/libnvvm.so*")):
            return Path(home)
    return None if _installed("nvidia-nvvm") else _searched()


def _searched() -> Path | None:
    """Return the first toolkit that is found anywhere on this file system, in half a minute."""
    command = ["find", "/", "-xdev", "-path", "*/nvvm/lib64/libnvvm.so*", "-print", "-quit"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(found.stdout.strip()).parents[2] if found.stdout.strip() else None


def _installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def probe(machine: Machine) -> Result:
    """Say what is here; the rest needs a GPU that numba compiles for."""
    text = prepare(machine)
    if shutil.which("nvidia-smi"):
        query = "--query-gpu=name,driver_version,clocks.sm,clocks.mem,memory.total"
        text += "\n" + machine.call(["nvidia-smi", query, "--format=csv,noheader"], 20)[1]
    allowed = ["--null-driver"] if machine.dry_run else []
    status, found = machine.call(machine.python("-m", "device.probe", *allowed), 60)
    (machine.out / "probe.txt").write_text(f"{text}\n{found}")
    print(text, found, sep="\n")
    return Result("probe", status == 0, found.strip().splitlines()[-1] if found.strip() else "")


def smoke(machine: Machine) -> Result:
    """One kernel through every door."""
    status, text = machine.call(machine.python("-m", "device.smoke"), 90)
    print(text)
    return Result("smoke", status == 0, text.strip().splitlines()[-1] if text.strip() else "")


def cases(machine: Machine) -> Result:
    """Every case for every library: values, kinds of results, streams, large images."""
    return _tests(machine, "cases", "tests/test_cuda_gpu.py", GROUPS, 200)


def tensors(machine: Machine) -> Result:
    """adapool.torch: calls, gradients, layers, streams, precision, as on the CPU."""
    return _tests(machine, "torch", "tests/bridge/test_gpu.py", TENSORS, 120)


def _tests(
    machine: Machine, step: str, path: str, groups: dict[str, str], seconds: float
) -> Result:
    """Run the tests of a file, each group in a process."""
    options = ["-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default", "-o", "addopts="]
    if machine.dry_run:  # nothing is computed: tests are found, and not run
        options += ["--collect-only"]
        groups = {"all": " or ".join(f"({words})" for words in groups.values())}
    started = {}
    for name, words in groups.items():
        report = machine.out / f".{name}.xml"
        started[name] = report, machine.start(
            machine.python("-m", "pytest", path, *options, "-k", words, f"--junitxml={report}")
        )  # fmt: skip
    begin = time.monotonic()
    outputs, counts = [], dict.fromkeys(("passed", "failed", "skipped"), 0)
    right = True
    for name, (report, process) in started.items():
        status, text = machine.finish(process, seconds - (time.monotonic() - begin))
        outputs.append(f"=== {name}: exit {status}\n{text}")
        right &= status == 0
        found = _collected(text, path) if machine.dry_run else _counts(report)
        for word, number in found.items():
            counts[word] += number
        report.unlink(missing_ok=True)
    (machine.out / f"{step}.txt").write_text("\n".join(outputs))
    summary = ", ".join(f"{number} {word}" for word, number in counts.items())
    # A skip is no pass: where nothing passed, nothing ran.
    return Result(step, right and counts["passed"] > 0 and not counts["failed"], summary)


def _counts(report: Path) -> dict[str, int]:
    """Read a report of pytest; one that is missing, or says nothing, is a failure."""
    if not report.exists():
        return {"failed": 1}
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    total, bad, skipped = (
        sum(int(suite.get(word, 0)) for suite in suites for word in words)
        for words in (("tests",), ("failures", "errors"), ("skipped",))
    )
    return {"passed": total - bad - skipped, "failed": bad, "skipped": skipped}


def _collected(text: str, path: str) -> dict[str, int]:
    return {"passed": len(re.findall(rf"^{re.escape(path)}::", text, re.MULTILINE))}


def speed(machine: Machine) -> Result:
    """Time of kernels, of events and of the host, beside floors and peers."""
    arguments = ["--dry-run"] if machine.dry_run else []
    command = machine.python("-m", "device.speed", str(machine.out), *arguments)
    status, text = machine.call(command, 170)
    (machine.out / "speed.txt").write_text(text)
    wrong = text.count("WRONG")
    summary = f"{len(re.findall('^[a-z].* ms$', text, re.MULTILINE))} rows, {wrong} wrong"
    return Result("speed", status == 0 and not wrong, summary)


def sanitizer(machine: Machine) -> Result:
    """Races in shared memory, and accesses out of bounds, on small inputs."""
    if shutil.which("compute-sanitizer", path=machine.environment.get("PATH")) is None:
        return Result("sanitizer", False, "compute-sanitizer is not on the path")
    small = machine.python("-m", "device.small")
    started = {
        tool: machine.start(["compute-sanitizer", "--tool", tool, "--error-exitcode", "9", *small])
        for tool in ("racecheck", "memcheck")
    }
    begin = time.monotonic()
    right, outputs, words = True, [], []
    for tool, process in started.items():
        status, text = machine.finish(process, 120 - (time.monotonic() - begin))
        # Hazards that are warnings leave the exit status as it is.
        done = "small: done" in text and not re.search(r"SUMMARY: [1-9]", text)
        right &= status == 0 and done
        outputs.append(f"=== {tool}: exit {status}\n{text}")
        words.append(f"{tool} {'clean' if status == 0 and done else f'not clean, exit {status}'}")
    (machine.out / "sanitizer.txt").write_text("\n".join(outputs))
    return Result("sanitizer", right, ", ".join(words))


def counters(machine: Machine) -> Result:
    """Counters of the main kernels, by ncu."""
    if shutil.which("ncu", path=machine.environment.get("PATH")) is None:
        return Result("counters", False, "ncu is not on the path")
    command = ["ncu", "--clock-control", "none", "--csv", "--launch-count", "40"]
    command += ["--kernel-name-base", "mangled", "--kernel-name", "regex:adapool"]
    command += ["--metrics", ",".join(METRICS)]
    status, text = machine.call([*command, *machine.python("-m", "device.one_each")], 80)
    (machine.out / "ncu.csv").write_text(text)
    rows = sum("gpu__time_duration" in line for line in text.splitlines())
    return Result("counters", status == 0 and rows > 0, f"exit {status}, {rows} launches")


STEPS: dict[str, Callable[[Machine], Result]] = {
    "probe": probe,
    "smoke": smoke,
    "cases": cases,
    "torch": tensors,
    "speed": speed,
    "sanitizer": sanitizer,
    "counters": counters,
}


def run(name: str, machine: Machine) -> Result:
    """Run a step, unless no time is left for it; say how long it took."""
    if name != "probe" and not machine.environment.get("MPLBACKEND"):
        prepare(machine)
    begin = time.monotonic()
    if begin >= machine.deadline:
        return Result(name, False, "no time left")
    result = STEPS[name](machine)
    result.seconds = time.monotonic() - begin
    return result
