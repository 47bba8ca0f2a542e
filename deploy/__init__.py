"""Deploying a highly available private cloud over SSH; a library that imports no pytest."""
