"""Kconfig as Zephyr reads it: the modules' Kconfig files and a prj.conf, as CMake variables and a header.

Usage: kconfig.py PRJ_CONF CONFIG_CMAKE AUTOCONF_H MODULE ...
"""

from __future__ import annotations

import sys
from pathlib import Path

import kconfiglib


def main() -> None:
    """Read, refuse what Zephyr would refuse, write."""
    settings, cmake, header, *modules = map(Path, sys.argv[1:])
    root = cmake.with_name("Kconfig")
    files = [Path(__file__).with_name("Kconfig"), *(module / "zephyr/Kconfig" for module in modules)]
    root.write_text("".join(f'source "{path.resolve()}"\n' for path in files))
    kconfig = kconfiglib.Kconfig(str(root), warn_to_stderr=False)
    kconfig.warn_assign_undef = True
    kconfig.load_config(str(settings))
    for symbol in kconfig.unique_defined_syms:
        if symbol.user_value is not None and symbol.str_value != _asked(symbol):
            kconfig.warnings.append(f"{symbol.name} was assigned {_asked(symbol)} and is {symbol.str_value}")
    if kconfig.warnings:
        sys.exit("\n".join(kconfig.warnings))
    chosen = [s for s in kconfig.unique_defined_syms if s.str_value != "n" and s.config_string]
    cmake.write_text("".join(f"set(CONFIG_{s.name} {s.str_value})\n" for s in chosen))
    header.write_text("".join(f"#define CONFIG_{s.name} {1 if s.str_value == 'y' else s.str_value}\n" for s in chosen))


def _asked(symbol: kconfiglib.Symbol) -> str:
    value = symbol.user_value
    return value if isinstance(value, str) else kconfiglib.TRI_TO_STR[value]


if __name__ == "__main__":
    main()
