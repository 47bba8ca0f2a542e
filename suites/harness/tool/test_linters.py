"""The linters pass: lint, format, types, and the directions of imports."""

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
    """The exit code and the output of each tool; the tools run in parallel."""
    started = {
        name: subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name, arguments in TOOLS.items()
    }
    outputs = {name: process.communicate(timeout=300)[0] for name, process in started.items()}
    return {name: (started[name].returncode, outputs[name]) for name in TOOLS}


@pytest.mark.parametrize("tool", TOOLS)
def test_the_tool_finds_nothing(verdicts, tool):
    code, output = verdicts[tool]
    assert code == 0, output
