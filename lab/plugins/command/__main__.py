"""The executable: `python -m lab.plugins.command ENGINE_ADDRESS`."""

from lab.plugins.command.provider import CommandProvider
from lab.plugins.common.server import serve

if __name__ == "__main__":
    serve("1.2.1", CommandProvider)
