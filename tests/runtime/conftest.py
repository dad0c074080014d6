"""What the tests of the runtime share: the modules in tests/support."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "support"))
