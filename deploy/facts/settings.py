"""Settings: what a service's own configuration file tells it (oslo.config)."""

from deploy.host import Reads


def read(host: Reads, path: str) -> dict[str, str]:
    """The file's settings as `section.name`; CommandFailed where there is no such file."""
    return parse(host.check("cat -- %s", path))


def parse(text: str) -> dict[str, str]:
    """Sections in brackets, `name = value` lines, comments; of a name set twice the last value counts."""
    found, section = {}, "DEFAULT"
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            found[f"{section}.{name.strip()}"] = value.strip()
    return found
