"""Prints what the Kconfig of the module chooses for a processor.

zephyr_target.py KCONFIG SYMBOL...
"""

import sys
import tempfile
from pathlib import Path

from kconfiglib import Kconfig

kconfig, *symbols = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    # Stands for Zephyr's own, which says what the processor is.
    top = Path(folder, "Kconfig")
    top.write_text(
        "".join(f"config {symbol}\n\tbool\n\tdefault y\n" for symbol in symbols)
        + f'source "{kconfig}"\n'
    )
    config = Kconfig(str(top), warn_to_stderr=False)
    config.syms["LIBSEAL"].set_value(2)
    print(config.syms["LIBSEAL_TARGET"].str_value)
