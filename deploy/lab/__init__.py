"""The lab: a machine room on one machine, where each host is a systemd container with a network of its own."""
