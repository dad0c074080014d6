import os
import platform

from troupe.services.bench.machine import Machine


def test_this_machine_is_described() -> None:
    here = Machine.here()
    assert 1 <= here.cpus <= (os.cpu_count() or 1)
    assert platform.python_version() in here.python
    assert {"troupe", "msgspec", "numpy"} <= here.packages.keys()
    assert str(here.cpus) in str(here)
    assert here.cpu in str(here)
