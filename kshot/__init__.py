"""The kshot command line: parse, call, print."""

__version__ = "0.1.0"
