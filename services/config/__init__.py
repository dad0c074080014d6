"""The configuration: a file, the environment and arguments become one struct, or an error that says how to mend it.

`schema` says what there is to configure, `reading` reads it, `showing` shows what has come of it.
"""

from .errors import ConfigError
from .reading import Source, read_config
from .schema import Config

__all__ = ["Config", "ConfigError", "Source", "read_config"]
