"""What measures: one module a make target, each prints a table and writes build/figures/NAME.json."""
