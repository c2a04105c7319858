"""PostgreSQL: two clusters in one directory, each in a VM of its own, made at the same time and answering at the same time."""
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.paths import POSTGRES, X64, windows
from harness.snapshot import assert_unchanged, host_snapshot

DATA = r"C:\cluster"
LOG = r"C:\server.log"
VMS = ["left", "right"]
QUERY = X64 / "apps/query.exe"
PATH = {"WINEPATH": windows(POSTGRES)}  # for libpq.dll


def free_ports():
    """Numbers of TCP ports, which the VMs share with the host."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in VMS]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def vms(machine):
    if X64.name != "x64":
        pytest.skip("not applicable: a 64-bit program")
    if not (machine.drive_c / "windows/system32/bcryptprimitives.dll").exists():
        pytest.skip("not applicable: the system has no bcryptprimitives.dll")
    before = host_snapshot(machine)
    with ThreadPoolExecutor() as pool:
        yield lambda action, *arguments: list(pool.map(action, VMS, *arguments))
    assert not (machine.drive_c / "cluster").exists()
    assert_unchanged(before, host_snapshot(machine))
    for vm in VMS:
        machine.fvm("stop", vm).expect()
        machine.fvm("delete", vm).expect()


def test_two_clusters_in_one_directory(machine, vms):
    def tool(vm, name, *arguments):
        return machine.inside(vm, [windows(POSTGRES / name), "-D", DATA, *arguments], timeout=300).expect().text

    def make(vm):
        assert "Success" in tool(vm, "initdb.exe", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale")

    def serve(vm, port):
        """Ends with the server, for whom `fvm run` waits. pg_ctl gives up the rights that the server refuses to run with."""
        return machine.popen_fvm(["run", vm, "--", windows(POSTGRES / "pg_ctl.exe"), "-D", DATA, "-l", LOG, "-w", "-o",
                                  f"-p {port} -c listen_addresses=127.0.0.1", "start"])

    def ask(vm, port, *statements):
        connection = f"host=127.0.0.1 port={port} user=postgres dbname=postgres connect_timeout=30"
        return machine.inside(vm, [QUERY, connection, *statements], env=PATH).expect().text.split()

    def wait_for_start(server):
        while (line := server.stdout.readline()) and b"server started" not in line:
            pass
        assert line, server.stderr.read().decode()

    ports = free_ports()
    vms(make)
    for _ in range(2):  # what a server wrote, the next one finds
        servers = vms(serve, ports)
        for server in servers:
            wait_for_start(server)
        for vm, answer in zip(VMS, vms(lambda vm, port: ask(
                vm, port, f"create table if not exists t as select n, '{vm}'::text as vm from generate_series(1, 1000) n",
                "select vm, count(*), sum(n) from t group by vm", "show data_directory"), ports)):
            assert answer == [vm, "1000", "500500", "C:/cluster"]
        vms(lambda vm: tool(vm, "pg_ctl.exe", "-m", "fast", "stop"))
        for server in servers:
            server.communicate(timeout=60)
