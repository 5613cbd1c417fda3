"""Manifests from typed input, and nothing else: what is to be so in the cluster, never how it gets there."""
