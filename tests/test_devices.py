import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("given, expected", [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_that_wait_leave_their_core_to_others(given, expected):
    """Set by importing sage, which does not load torch: its library reads the variable when it is loaded."""
    others = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    command = "import os, sys, sage; print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run(
        [sys.executable, "-c", command], env=others | given, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", expected]
