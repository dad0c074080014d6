"""Keys are found in the text of a file, however they are written."""

import pytest
from troupe.services.config.places import line_of

TEXT = """\
top = 1
[server]
port = 1   # not this: host = 2
host = "x"
limits.max_sessions = 3
"quoted" = 4

[providers . "my own"]
base_url = "[server]"
deadlines = { first = 1,
   total = 2 }

[[list]]
item = 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 1),
        (("server",), 2),
        (("server", "port"), 3),
        (("server", "host"), 4),
        (("server", "limits", "max_sessions"), 5),
        (("server", "quoted"), 6),
        (("providers", "my own"), 8),
        (("providers", "my own", "base_url"), 9),
        (("providers", "my own", "deadlines", "first"), 10),
        (("list", "item"), 14),
        (("server", "absent"), 2),
        (("absent", "host"), None),
    ],
)
def test_a_key_is_found(path: tuple[str, ...], line: int | None) -> None:
    assert line_of(TEXT, path) == line
