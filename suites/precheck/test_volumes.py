"""Every machine can do what Cinder's back end needs: its kernel has the modules, and NFS exports answer it."""

import pytest

from deploy import precheck
from deploy.facts import exports, modules

pytestmark = [pytest.mark.precheck, pytest.mark.project("cinder")]


def test_kernel_has_the_modules(node, reader, cluster, expect):
    wanted = precheck.modules_needed(cluster, node)
    if wanted:
        look = "modprobe NAME; a kernel for clouds or containers has fewer modules than the distribution's usual one"
        expect("modules that the kernel lacks", modules.lacking(reader, wanted), (), look)


@pytest.mark.needs("nfs")
def test_exports_answer(node, reader, cluster, expect):
    if not {"controller", "compute"} & set(node.roles):
        return
    found = exports.refused(reader, cluster.cinder.shares)
    expect("exports that cannot be used", found, {}, "exportfs -v on the server; cinder.shares in the inventory")
