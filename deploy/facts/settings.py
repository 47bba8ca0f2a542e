"""Settings: the values in a service's configuration file (oslo.config)."""

from deploy.errors import CommandFailed
from deploy.host import Reads


def read(host: Reads, path: str) -> dict[str, str]:
    """Return the file's settings by `section.name`; CommandFailed where the file is missing, or sets nothing."""
    found = parse(text := host.check("cat -- %s", path))
    if not found:
        raise CommandFailed(f"{host.name}: the settings of {path}: not known", expected="a setting", seen=text[:300])
    return found


def parse(text: str) -> dict[str, str]:
    """Parse sections in brackets, lines of `name = value` and comments; the last value of a name counts."""
    found, section = {}, "DEFAULT"
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            found[f"{section}.{name.strip()}"] = value.strip()
    return found
