"""The command `andon` for people, also the kubectl plugin `kubectl andon`.

Stands outside the operator's layers: may import the API's types and the builder's report, and talks to the cluster and
to the models as any other client does.
"""


def main() -> None:
    """Entry point of the console scripts."""
    from andon.cli.app import run

    run()
