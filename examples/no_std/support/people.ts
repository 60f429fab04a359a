import type { RandomNumbers } from "./random-numbers.js";

const firstNames =
  "Ada Alan Barbara Christos Donald Edsger Frances Grace Hedy Ivan Jean Katherine Leslie Margaret Niklaus Ole-Johan Peter Radia Shafi Tony Ursula Whitfield Yehuda Łukasz Zoë".split(
    " ",
  );
const familyNames =
  "Allen Bartik Church Diffie Dijkstra Floyd Goldwasser Hamilton Hoare Hopper Johnson Knuth Lamarr Lamport Lindell Liskov Lovelace Martin Naur Nygaard Papadimitriou Perlman Sutherland Turing Wirth".split(
    " ",
  );

/** Distinct made-up names, each followed by a number. */
export function names(count: number, random: RandomNumbers): string[] {
  return Array.from(
    { length: count },
    (_, index) => `${random.pick(firstNames)} ${random.pick(familyNames)} ${index}`,
  );
}
