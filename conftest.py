"""The plug-ins of this suite."""

pytest_plugins = [
    "fixtures.options",
    "fixtures.reporting",
    "fixtures.terminal",
    "fixtures.stages",
    "fixtures.checks",
    "fixtures.precheck",
    "fixtures.cloud",
    "fixtures.instances",
    "fixtures.room",
    "fixtures.breakages",
    "fixtures.drills.options",
    "fixtures.drills.plugin",
]
