/*
 * What all models share. CHECK(n, c) asserts c as a part of property n; ONLY=n looks at that property
 * alone, so that a weakened model shows the attack asked for and not another one. PREMISE(n) marks a line
 * that some run must reach: a property whose premise is never met would hold of nothing.
 */
#ifndef ONLY
#define ONLY 0
#endif
#define CHECK(n, c) assert((ONLY != 0 && ONLY != n) || (c))
#if ONLY
#define PREMISE(n) true         /* breadth first, the search for a shortest attack, knows no hidden variables */
#else
hidden byte premise;            /* not a part of the state */
#define PREMISE(n) premise = n
#endif
