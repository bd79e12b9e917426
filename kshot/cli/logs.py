"""Where logs go: to standard error."""

from __future__ import annotations

import logging

import click

_CHATTY = ("absl", "tensorflow", "h5py", "matplotlib", "PIL")


class _StandardError(logging.Handler):
    """Writes to whatever standard error is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as a line."""
        click.echo(self.format(record), err=True)


def configure_logging(*, debug: bool, verbose: bool) -> None:
    """Send logs to standard error.

    Parameters
    ----------
    debug, verbose : bool
        Show everything, or what is informative; otherwise warnings alone. Other people's libraries show warnings.
    """
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _StandardError)]:
        root.removeHandler(handler)
    handler = _StandardError()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
