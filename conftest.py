"""The plug-ins of this suite."""

pytest_plugins = [
    "fixtures.options",
    "fixtures.reporting",
    "fixtures.allure_listener",
    "fixtures.terminal",
    "fixtures.stages",
    "fixtures.checks.plugin",
    "fixtures.drills.options",
    "fixtures.further",
]
