"""Names of the cloud's first content, by which steps make it and readers find it."""

IMAGE = "cirros"
NETWORK = "provider"
