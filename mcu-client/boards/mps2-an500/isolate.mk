# Memory of the isolate on this board, in bytes.
trusted_MEMORY_BYTES := 196608
attestation_MEMORY_BYTES := 65536
CONNECTION_BYTES := 20480
STACK_SIZE := 32768
