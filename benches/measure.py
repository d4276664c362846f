"""CPU time, memory and disk of a process, from /proc; the machine's description."""

import atexit
import datetime
import os
import pathlib
import time

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
_running = []


def stop_children_at_exit():
    """However the script ends, no server of its own stays behind."""
    atexit.register(lambda: [p.kill() for p in _running if p.poll() is None])


def remember(process):
    _running.append(process)
    return process


def sample(pid, directory):
    """CPU seconds so far, resident and peak memory, bytes on disk."""
    # The command may hold blanks and brackets: fields count from behind the last bracket.
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return {
        "cpu": (int(fields[11]) + int(fields[12])) / TICKS,
        "rss": int(fields[21]) * PAGE,
        "peak_rss": int(status["VmHWM"].split()[0]) * 1024,
        "disk": disk_bytes(directory),
    }


def disk_bytes(directory):
    """Allocated bytes of all files (what `du` counts), so that sparse files count as what they take."""
    total = 0
    for path in pathlib.Path(directory).rglob("*"):
        try:
            stat = path.lstat()
        except FileNotFoundError:
            continue  # compacted away in this moment
        total += stat.st_blocks * 512
    return total


def wait_until_idle(pid, directory, quiet_seconds=8.0, limit=240.0):
    """Waits until the process has used less than 3 % of a core for `quiet_seconds`, and its disk has not
    grown or shrunk; how long that took without the quiet time."""
    began = time.monotonic()
    last, since = sample(pid, directory), began
    while time.monotonic() - began < limit:
        time.sleep(1)
        now = sample(pid, directory)
        if now["cpu"] - last["cpu"] > 0.03 or abs(now["disk"] - last["disk"]) > 64 << 10:
            since = time.monotonic()
        last = now
        if time.monotonic() - since >= quiet_seconds:
            break
    return max(0.0, since - began)


def machine():
    """What the figures were measured on."""
    cpu = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    memory = int(next(l for l in open("/proc/meminfo") if l.startswith("MemTotal")).split()[1]) >> 20
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "kernel": os.uname().release,
        "load_at_start": [round(x, 2) for x in os.getloadavg()],
    }
