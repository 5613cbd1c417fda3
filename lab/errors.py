"""What can go wrong in the lab, said so that a reader can mend it."""

from dataclasses import dataclass


@dataclass(eq=False)
class LabError(Exception):
    """A failure with its cause and its cure.

    Attributes
    ----------
    reason : str
        One CamelCase word for tests and scripts.
    message : str
        What was found.
    allowed : str
        What would have been right; empty where there is nothing to choose.
    remedy : str
        What to do about it.
    """

    reason: str
    message: str
    allowed: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        parts = [f"{self.reason}: {self.message}"]
        if self.allowed:
            parts.append(f"Allowed: {self.allowed}")
        if self.remedy:
            parts.append(f"Remedy: {self.remedy}")
        return "\n".join(parts)
