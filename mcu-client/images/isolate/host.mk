# How an isolate hosts the trusted runtime unless HOST says otherwise. For the commands, host/mcu/toolchain.ts says the same
# (defaultRuntimeHost); test/mcu-client/default-host.test.ts compares them.
HOST ?= thumb2
