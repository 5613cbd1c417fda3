"""`python -m andon`: starts the operator."""

import asyncio

from pydantic import ValidationError

from andon.logs import configure
from andon.settings import Settings
from andon.watch.operator import run


def main() -> None:
    """Start the operator with the settings of the environment."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise SystemExit(f"The operator's settings (environment variables ANDON_…) are wrong:\n{error}") from error
    configure(settings.log_level, settings.log_format)
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
