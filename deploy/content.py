"""Names of the cloud's first content: the guest image and the provider network."""

IMAGE = "cirros"
NETWORK = "provider"
