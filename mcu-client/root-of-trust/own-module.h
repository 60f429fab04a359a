// The token module has a host of its own: its failure and the way out of a trap are no business of the runtime's
// home, and lie where that cannot write. Included before everything else of the host's and the module's C.
#ifndef ROOT_OF_TRUST_OWN_MODULE_H
#define ROOT_OF_TRUST_OWN_MODULE_H

#define module_failure root_of_trust_failure
#define module_fail root_of_trust_fail
#define module_entry root_of_trust_entry
#define module_call root_of_trust_call
#define module_check root_of_trust_check
#define compiled_memory root_of_trust_memory
#define wasm_rt_trap root_of_trust_trap
#define wasm_rt_trap_name root_of_trust_trap_name
#define wasm_rt_register_func_type root_of_trust_register_func_type

#endif
