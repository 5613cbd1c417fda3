"""Other projects' packages, imported so that they do not change ours."""

from types import ModuleType

import numpy as np


def load_emlearn() -> ModuleType:
    """Import emlearn, which on its import makes NumPy raise at every underflow, everywhere.

    Raises
    ------
    ImportError
        Where emlearn is not installed.
    """
    with np.errstate():
        import emlearn
    module: ModuleType = emlearn
    return module
