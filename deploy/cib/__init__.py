"""Pacemaker's configuration (CIB) as data: what each step of a build sets, and how a cluster's CIB differs from it."""
