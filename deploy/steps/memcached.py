"""memcached: one on each controller, on the management address."""

from deploy.step import Step
from deploy.steps import service

STEP = Step(
    "memcached",
    "the token and session cache",
    roles=("controller",),
    requires=("base",),
    apply=lambda site, host: service.apply(site, host, "memcached"),
    complete=lambda site: service.roll(site, "memcached"),
    verify=lambda site, host: service.verify(site, host, "memcached"),
)
