// A trusted WebAssembly module in the firmware (the runtime, the root of trust), however it is hosted.
//
// PREFIX.h and PREFIX-module.c, which host/mcu/home-interface.ts makes from the module, hold the calls
// of its exports. What is common to them is here.
#ifndef ISOLATE_MODULE_H
#define ISOLATE_MODULE_H

/// Why a trusted module has failed, or NULL. A trap leaves a module in an unknown state, so this never
/// goes back: the firmware reports, wipes and restarts.
const char *module_failure(void);

/// Makes the module fail: what the platform interface does when it is called with a pointer outside of
/// the module's memory. The first reason stays.
void module_fail(const char *reason);

#endif
