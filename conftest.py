"""The plug-ins of this suite."""

pytest_plugins = [
    "fixtures.reporting",
    "fixtures.options",  # configured before those above it: a wrong inventory ends a run that left nothing yet
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
