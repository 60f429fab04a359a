// Does nothing and succeeds: the smallest program, and the cost of a run without any work in it.

export function main(): i32 {
  return 0;
}
