"""Read from a Dockerfile which files of the build context go into the image, so that no list of them can go stale."""

import json
import shlex

FLAG = "--"


def instructions(text: str) -> list[tuple[str, str]]:
    """Split a Dockerfile into instructions (upper case) and their arguments, with continued lines joined."""
    found = []
    joined = ""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        joined += line.removesuffix("\\") + " "
        if not line.endswith("\\"):
            word, _, rest = joined.strip().partition(" ")
            found.append((word.upper(), rest.strip()))
            joined = ""
    return found


def copied(text: str) -> list[str]:
    """List the paths in the build context that a Dockerfile copies; what comes from another stage does not count."""
    paths: set[str] = set()
    for word, arguments in instructions(text):
        if word not in {"COPY", "ADD"}:
            continue
        words = json.loads(arguments) if arguments.startswith("[") else shlex.split(arguments)
        flags = [word for word in words if word.startswith(FLAG)]
        if not any(flag.startswith("--from=") for flag in flags):
            paths.update(words[len(flags) : -1])
    return sorted(paths)


def uses_base(text: str) -> bool:
    """Whether the image stands on the exchangeable base."""
    return any(word == "ARG" and arguments.startswith("BASE_IMAGE") for word, arguments in instructions(text))
