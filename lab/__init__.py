"""A real single-node Kubernetes on a bare Linux machine, for tests and demos.

The lab knows nothing of Andon but the names of its images. Nothing here is imported by the operator or the builder.
"""
