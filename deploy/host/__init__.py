"""Host: one node reached over SSH, and Hosts: several of them. Every deadline of a connection is kept here."""

from deploy.host.files import STATE
from deploy.host.host import WROTE, Host
from deploy.host.hosts import Hosts
from deploy.host.result import Reads, Result, spelled
from deploy.host.wire import first_key

__all__ = ["STATE", "WROTE", "Host", "Hosts", "Reads", "Result", "first_key", "spelled"]
