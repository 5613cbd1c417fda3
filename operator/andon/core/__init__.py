"""Decisions, and nothing else: no input or output, no clock, no asyncio, no Kopf, no Kubernetes client."""
