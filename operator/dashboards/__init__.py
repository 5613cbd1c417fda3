"""Dashboards, written with Grafana's Foundation SDK so that they hold its schema.

They are generated once and shipped as JSON: the operator's image needs no SDK. Renew them by `make generate`.
"""
