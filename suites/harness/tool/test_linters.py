"""The habits of this code are kept by tools: lint, format, types, and the directions of imports."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = {
    "ruff check": ("-m", "ruff", "check", "--output-format=concise", "."),
    "ruff format": ("-m", "ruff", "format", "--check", "."),
    "mypy": ("-m", "mypy"),
    "import-linter": ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"),
}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, tuple[int, str]]:
    """Exit code and words of each, run side by side."""
    started = {
        name: subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name, words in TOOLS.items()
    }
    told = {name: process.communicate(timeout=300)[0] for name, process in started.items()}
    return {name: (started[name].returncode, told[name]) for name in TOOLS}


@pytest.mark.parametrize("tool", TOOLS)
def test_it_has_nothing_to_say(verdicts, tool):
    code, told = verdicts[tool]
    assert code == 0, told
