"""Where logs go: to standard error, and TensorFlow's chatter nowhere unless it is asked for."""

from __future__ import annotations

import logging
import os


def configure_logging(*, debug: bool, verbose: bool) -> None:
    """Send logs to standard error.

    Parameters
    ----------
    debug, verbose : bool
        Show everything, or what is informative; otherwise warnings alone.
    """
    level = logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(name)s: %(message)s", force=True)
    if not debug:
        for name in ("absl", "tensorflow", "h5py", "matplotlib", "PIL", "jax"):
            logging.getLogger(name).setLevel(logging.ERROR)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
