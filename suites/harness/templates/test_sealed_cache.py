"""Keystone's cache: a value comes back under its own key only, and never one that was not sealed with the cluster's."""

import pickle
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType

import pytest
from cryptography.fernet import Fernet
from dogpile.cache.api import NO_VALUE

from deploy.catalogue import read

PATH = read.ROOT / "keystone/files/{python-modules}/stackproof_cache.py.j2"


class Pool:
    """oslo.cache's backend: a dict in place of memcached."""

    def __init__(self, arguments):
        self.held = arguments["held"]

    def get(self, key):
        return self.held.get(key, NO_VALUE)

    def get_multi(self, keys):
        return [self.held.get(key, NO_VALUE) for key in keys]

    def set(self, key, value):
        self.held[key] = value

    def set_multi(self, mapping):
        self.held.update(mapping)


@pytest.fixture
def held():
    return {}


@pytest.fixture
def cache(held, monkeypatch, tmp_path):
    oslo = ModuleType("oslo_cache.backends.memcache_pool")
    oslo.PooledMemcachedBackend = Pool
    for name in ("oslo_cache", "oslo_cache.backends"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, oslo.__name__, oslo)
    loader = SourceFileLoader("stackproof_cache", str(PATH))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    module.KEY = tmp_path / "cache.key"
    module.KEY.write_bytes(Fernet.generate_key() + b"\n")
    return module.Sealed({"held": held})


def test_a_value_comes_back_and_is_not_readable_meanwhile(cache, held):
    cache.set("a", {"token": "of a tenant"})
    cache.set_multi({"b": b"1", "c": None})
    assert cache.get("a") == {"token": "of a tenant"}
    assert cache.get_multi({"b": 0, "c": 0, "d": 0}) == [b"1", None, NO_VALUE]
    assert not any(b"tenant" in value for value in held.values())


def test_a_value_of_another_key_is_none(cache, held):
    cache.set("administrator", "may all")
    held["tenant"] = held["administrator"]
    assert cache.get("tenant") is NO_VALUE


class Harm:
    def __reduce__(self):
        return pytest.fail, ("a forged pickle was opened",)


@pytest.mark.parametrize(
    "sealed_by", [Fernet(Fernet.generate_key()).encrypt, bytes, lambda text: text.decode("latin-1")]
)
def test_a_forged_value_is_none_and_is_not_unpickled(cache, held, sealed_by):
    held["a"] = sealed_by(pickle.dumps(("a", Harm())))
    assert cache.get("a") is NO_VALUE
