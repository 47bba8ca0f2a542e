"""x."""

from deploy.inventory import Cluster


def ensure(cluster: Cluster) -> None: ...
def stop() -> None: ...
