"""A harness as protocol 1 describes it, small and alone. Never changed: the services of later versions must adopt it.

`python harness_1.py RUNDIR [VERSION]`. With a VERSION it calls itself one of that protocol, with fields nobody knows.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn


def start_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_bytes()
    return int(stat[stat.rfind(b")") + 2 :].split()[19])


def write(name: str, record: dict[str, object], version: int) -> str:
    if version != 1:
        record = record | {"of_a_later_version": [name]}
    Path(f"{name}.{os.getpid()}.tmp").write_text(json.dumps({"version": version} | record))
    return f"{name}.{os.getpid()}.tmp"


def beat(order: dict[str, object]) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        message = {"type": "beat", "run": order["run"], "nonce": order["nonce"], "pid": os.getpid(), "seq": 1}
        try:
            connection.connect(str(order["socket"]))
            connection.sendall(json.dumps(message | {"bytes": 0}).encode() + b"\n")
        except OSError:
            return


def become(order: dict[str, Any], gate: tuple[int, int]) -> NoReturn:
    """The agent's command, once its start is on record."""
    try:
        os.setsid()
        for name, target, flags in (
            ("prompt", 0, os.O_RDONLY),
            ("stdout.log", 1, os.O_WRONLY | os.O_CREAT),
            ("stderr.log", 2, os.O_WRONLY | os.O_CREAT),
        ):
            os.dup2(os.open(name, flags, 0o600), target)
        os.read(gate[0], 1)
        os.chdir(order["cwd"])
        os.execve(order["argv"][0], order["argv"], order["env"])  # noqa: S606 - no shell is the point
    finally:
        os._exit(127)


def main(directory: str, version: int) -> None:
    os.chdir(directory)
    order = json.loads(Path("order.json").read_text())
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    claim = {"pid": os.getpid(), "start": start_of(os.getpid()), "boot": boot, "nonce": order["nonce"]}
    temporary = write("pid.json", claim, version)
    try:
        os.link(temporary, "pid.json")
    except FileExistsError:
        sys.exit(0)
    finally:
        Path(temporary).unlink()
    stopped: list[int] = []
    gate = os.pipe()
    agent = os.fork()
    if agent == 0:
        become(order, gate)

    def stop(number: int, _: object) -> None:
        stopped.append(number)
        os.killpg(agent, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    began: dict[str, object] = {"pid": agent, "start": start_of(agent)}
    Path(write("started.json", began, version)).replace("started.json")
    os.write(gate[1], b"g")
    beat(order)
    status = os.waitstatus_to_exitcode(os.waitpid(agent, 0)[1])
    end: dict[str, object] = {
        "cause": "stopped" if stopped else "exited",
        "started": True,
        "code": status if status >= 0 else None,
        "signal": -status if status < 0 else None,
        "detail": "",
        "when": "2026-03-01T12:00:00+00:00",
    }
    Path(write("exit.json", end, version)).replace("exit.json")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1)
