"""Makes a script at the root run as it is: importing this first finds our package and its libraries.

A script started with a Python that lacks the libraries is started again with the checkout's .venv. This
file has to parse with any Python 3, so that an old one ends in a sentence and not in a traceback.
"""

import importlib.util
import os
import sys

_ROOT = os.path.dirname(os.path.abspath(__file__))
_LIBRARIES = ("boto3", "hjson", "rich")
_USAGE = 2


def _is_enough():
    if sys.version_info < (3, 11):  # noqa: UP036
        return False
    return all(importlib.util.find_spec(library) for library in _LIBRARIES)


def prepare():
    """Returns where the script can go on; starts it again, or ends it, where it cannot."""
    sys.path.insert(0, os.path.join(_ROOT, "src"))
    if _is_enough():
        return
    venv = os.path.join(_ROOT, ".venv")
    python = os.path.join(venv, "bin", "python")
    if os.access(python, os.X_OK) and os.path.realpath(sys.prefix) != os.path.realpath(venv):
        sys.stdout.flush()
        os.execv(python, [python] + sys.argv)  # noqa: RUF005
    print("Error: Python 3.11 or newer with " + ", ".join(_LIBRARIES) + " is needed", file=sys.stderr)
    print("Try: make install", file=sys.stderr)
    sys.exit(_USAGE)


prepare()
