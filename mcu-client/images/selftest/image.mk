# An image that shows that the board's base works: entropy, clock, faults. Tests run it.
STACK_SIZE := 8192
IMAGE_SOURCES := images/selftest/main.c
