"""A worker: ``python -m experiments.swarm FOLDER``. Ends when the swarm holds nothing more to do.

With the process number of a coordinator behind the folder it ends when that one does.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from infolaw.errors import InfolawError

from .worker import work


def end_with(parent: int) -> None:
    """End this process when its parent has ended: whoever starts the swarm again starts workers of its own."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str]) -> int:
    """Run one worker; 2 after bad input, with one sentence on stderr."""
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write("usage: python -m experiments.swarm FOLDER\n")
        return 2
    if len(arguments) == 2:
        end_with(int(arguments[1]))
    try:
        work(arguments[0])
    except InfolawError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
