"""Glance: images; on one controller's disk until shared storage comes, so one serves and the others stand by."""

from deploy.making import api

STEP = api.step("glance", "images", "glance-api", ["glance-manage db_sync"], "keystone")
