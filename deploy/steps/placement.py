"""Placement: what each compute has left."""

from deploy.making import api

STEP = api.step("placement", "resource inventory", "placement-api", ["placement-manage db sync"], "keystone")
