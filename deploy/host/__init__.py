"""Host: one node reached over SSH, and Hosts: several nodes. This package enforces every deadline of SSH."""

from deploy.host.files import STATE
from deploy.host.host import WROTE, Host
from deploy.host.hosts import Hosts
from deploy.host.result import Reads, Result, spelled
from deploy.host.wire import first_key

__all__ = ["STATE", "WROTE", "Host", "Hosts", "Reads", "Result", "first_key", "spelled"]
