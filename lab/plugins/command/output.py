"""What a running command prints: kept for the outputs, kept interleaved for the error message, shown as it comes."""

from __future__ import annotations

from collections.abc import Callable

from lab.plugins.common.engine_log import LineLog
from lab.plugins.common.errors import PluginError

# The whole output becomes state. A command that runs away must end with a message, not with the machine's memory.
OUTPUT_LIMIT = 128 * 1024 * 1024
# The official plugin prints everything in its error. A screen's worth of both ends says why a command failed.
MESSAGE_HEAD = 16 * 1024
MESSAGE_TAIL = 64 * 1024


class Output:
    """Collects the two streams of one run."""

    def __init__(self, shows: Callable[[str], bool], log: LineLog) -> None:
        self._shows = shows
        self._log = log
        self._streams: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        self._size = 0
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0

    def feed(self, stream: str, data: bytes) -> None:
        """Takes the next piece of `stream`, "stdout" or "stderr"."""
        self._size += len(data)
        if self._size > OUTPUT_LIMIT:
            raise PluginError(
                f"the command printed more than {OUTPUT_LIMIT // 1024 // 1024} MiB; write it to a file instead"
            )
        self._streams[stream].append(data)
        self._interleave(data)
        if self._shows(stream):
            self._log.feed(stream, data)

    def text(self, stream: str) -> str:
        """The stream as it goes into the state: without ONE newline at its end, as the official plugin has it."""
        return b"".join(self._streams[stream]).decode(errors="replace").removesuffix("\n")

    def interleaved(self) -> str:
        """Both streams in the order they came, without the middle when that is long."""
        middle = f"\n… {self._left_out} bytes left out …\n".encode() if self._left_out else b""
        return bytes(self._head + middle + self._tail).decode(errors="replace")

    def _interleave(self, data: bytes) -> None:
        room = MESSAGE_HEAD - len(self._head)
        self._head += data[:room] if room > 0 else b""
        self._tail += data[max(room, 0) :]
        # Cut rarely: a cut copies the tail.
        if len(self._tail) > 2 * MESSAGE_TAIL:
            self._left_out += len(self._tail) - MESSAGE_TAIL
            del self._tail[:-MESSAGE_TAIL]


def failure(status: str, command: str, output: Output) -> PluginError:
    """The error of a command that did not end with 0, worded as the official plugin words it."""
    return PluginError(f"{status}: running {quote(command)}:\n{output.interleaved()}")


_SHORT = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}


def quote(text: str) -> str:
    """`text` as Go's %q prints it."""
    return '"' + "".join(_quote_char(char) for char in text) + '"'


def _quote_char(char: str) -> str:
    if char in ('"', "\\"):
        return "\\" + char
    if char in _SHORT:
        return _SHORT[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
