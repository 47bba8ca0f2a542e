"""Answers that may rightly be empty: a last line proves that the host answered, and to the end."""

from deploy.errors import CommandFailed
from deploy.host import Reads

END = "end-of-answer"
"""The last line of such an answer; the command or the SQL prints it after everything else."""


def whole(host: Reads, what: str, text: str) -> str:
    """Return the text before its last line, which must be END; CommandFailed where it is not."""
    lines = text.splitlines(keepends=True)
    if not lines or lines.pop().strip() != END:
        raise CommandFailed(f"{host.name}: {what}: not known", expected="an answer to its end", seen=text[-300:])
    return "".join(lines)
