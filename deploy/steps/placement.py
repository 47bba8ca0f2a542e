"""Placement: what each compute has left."""

from deploy.steps import api

STEP = api.step("placement", "resource inventory", "placement-api", ["placement-manage db sync"], "keystone")
