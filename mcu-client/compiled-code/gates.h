// How compiled code comes back to its home: the reason in the lowest byte of r12, arguments in r0 to r3. Code reaches
// the gates through its context; what comes through them may be anything.
#ifndef COMPILED_GATES_H
#define COMPILED_GATES_H

enum {
  GATE_RETURN, // from the call that the home made: the result in r0 and r1
  GATE_TRAP,   // r0: the kind
  GATE_REFILL, // the fuel is used up by one unit more than there was
  GATE_IMPORT, // r12: its number in the upper 24 bits
  GATE_GROW,
  GATE_COPY,
  GATE_FILL,
};

// Not to be called from C.
void code_return(void);
void code_trap(void);
void code_refill(void);
void code_call_import(void);
void code_grow(void);
void code_copy(void);
void code_fill(void);

#endif
