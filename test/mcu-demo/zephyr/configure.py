# Reads a Kconfig and a prj.conf as Zephyr's build does (with Debian's python3-kconfiglib), and writes the settings for
# CMake: configure.py KCONFIG PRJ_CONF OUT
import sys

import kconfiglib

config = kconfiglib.Kconfig(sys.argv[1])
config.warn_assign_undef = config.warn_assign_override = True
config.load_config(sys.argv[2])
if config.warnings:
    sys.exit("\n".join(config.warnings))
with open(sys.argv[3], "w") as out:
    for symbol in config.unique_defined_syms:
        if symbol.str_value and symbol.str_value != "n":
            value = "1" if symbol.str_value == "y" else symbol.str_value
            out.write(f"set(CONFIG_{symbol.name} {value})\n")
            out.write(f"list(APPEND ZEPHYR_DEFINITIONS CONFIG_{symbol.name}={value})\n")
