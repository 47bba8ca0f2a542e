"""Neutron's server: the API and the RPC server behind it, on every controller."""

from deploy.making import api

STEP = api.step(
    "neutron",
    "network control plane",
    "neutron-common",
    [
        "neutron-db-manage --config-file /etc/neutron/neutron.conf "
        "--config-file /etc/neutron/plugins/ml2/ml2_conf.ini upgrade heads"
    ],
    "keystone",
    "rabbitmq",
)
