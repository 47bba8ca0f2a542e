"""Helpers of the steps that change hosts: packages, files, units, databases, resources."""
