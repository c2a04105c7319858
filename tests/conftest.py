import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness.snapshot import host_snapshot  # noqa: E402
from harness.wine import Prefix  # noqa: E402


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """The prefix that all others are copies of; never run in."""
    prefix = Prefix.create(tmp_path_factory.mktemp("template"))
    yield prefix
    prefix.remove()


@pytest.fixture(scope="session")
def make_prefix(template, tmp_path_factory):
    """make_prefix(): a fresh, running machine. Whoever makes one ends it with remove()."""

    def make():
        return Prefix.copy(template, tmp_path_factory.mktemp("machine")).start()

    return make


@pytest.fixture(scope="module")
def machine(make_prefix):
    """A machine for all tests of a file, where VMs run."""
    prefix = make_prefix()
    yield prefix
    prefix.remove()


@pytest.fixture(scope="module")
def reference(make_prefix):
    """A second machine for all tests of a file: programs run there without a VM, to compare."""
    prefix = make_prefix()
    yield prefix
    prefix.remove()


@pytest.fixture
def narrow_programs(machine):
    """32-bit ones; without them there is nothing to test."""
    if not machine.runs_narrow_programs():
        pytest.skip("not applicable: the system has no 32-bit ntdll")


@pytest.fixture
def desktop(machine):
    """What programs with windows find on a host that is in use. Wine would start it in the VM's job, without the layer, and it writes
    what it finds of screens into the registry (docs/security.md)."""
    process = machine.popen(["explorer", "/desktop"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    state = None
    while state != (state := host_snapshot(machine)["key"]):
        time.sleep(2)
    yield
    process.kill()
    process.wait()
