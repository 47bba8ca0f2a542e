"""The plug-ins of this suite."""

pytest_plugins = [
    "fixtures.options",
    "fixtures.redaction",
    "fixtures.reporting",
    "fixtures.allure_listener",
    "fixtures.terminal",
    "fixtures.stages",
    "fixtures.checks.plugin",
    "fixtures.speed",
    "fixtures.prechecks",
    "fixtures.cloud",
    "fixtures.projects",
    "fixtures.instances",
    "fixtures.figures",
    "fixtures.room",
    "fixtures.breakages",
    "fixtures.flow_faults",
    "fixtures.drills.options",
    "fixtures.drills.plugin",
    "fixtures.report.plugin",
    "fixtures.handover",
]
