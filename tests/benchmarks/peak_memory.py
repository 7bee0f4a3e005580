"""Peak memory of this process."""

from pathlib import Path


def peak_mb() -> float:
    """The kernel's high-water mark; getrusage's is never below that of the process which started this one."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
