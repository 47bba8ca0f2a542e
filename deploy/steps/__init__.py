"""The steps of a deployment, one a file; ALL is every one of them, in no order but what they require."""

from deploy.steps import (
    base,
    content,
    etcd,
    galera,
    glance,
    haproxy,
    keystone,
    memcached,
    neutron,
    neutron_agents,
    nova,
    nova_compute,
    pacemaker,
    placement,
    rabbitmq,
    vip,
)

ALL = tuple(
    module.STEP
    for module in (
        base,
        galera,
        rabbitmq,
        memcached,
        etcd,
        pacemaker,
        vip,
        haproxy,
        keystone,
        glance,
        placement,
        nova,
        nova_compute,
        neutron,
        neutron_agents,
        content,
    )
)
