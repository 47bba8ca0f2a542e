"""The lab: a machine room on one machine. Each host is a systemd container in its own network namespace."""
