"""The catalogue: projects and services as data, from which proxies, endpoints, accounts and checks are derived."""

from deploy.catalogue.addresses import Address, Addresses
from deploy.catalogue.doors import Door, doors
from deploy.catalogue.model import (
    Catalogue,
    Endpoint,
    Files,
    Health,
    Keystone,
    Port,
    Project,
    Proxy,
    Service,
    TemplateSet,
    packages,
)
from deploy.catalogue.promises import Limits, Promise, require_fault, services_stop
from deploy.catalogue.resolve import Shelf, load

__all__ = [
    "Address",
    "Addresses",
    "Catalogue",
    "Door",
    "Endpoint",
    "Files",
    "Health",
    "Keystone",
    "Limits",
    "Port",
    "Project",
    "Promise",
    "Proxy",
    "Service",
    "Shelf",
    "TemplateSet",
    "doors",
    "load",
    "packages",
    "require_fault",
    "services_stop",
]
