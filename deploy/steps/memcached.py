"""memcached: one on each controller, on the management address."""

from deploy.making import install, roll
from deploy.step import Step

STEP = Step(
    "memcached",
    "the token and session cache",
    roles=("controller",),
    requires=("base",),
    apply=lambda site, host: install.apply(site, host, "memcached"),
    complete=lambda site: roll.roll(site, "memcached"),
    verify=lambda site, host: roll.verify(site, host, "memcached"),
)
