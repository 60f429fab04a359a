// Which persons are in every one of the sets, and nothing about the others.
//
// Inputs (two or more): Vec<Person>, one provider's set each; a repeated person counts once.
// Result: Vec<Person>, ordered by name, employee id (both by scalar values), age, grade (whatever the order of the inputs).
// BadInput: malformed; Generic: not enough memory; DataSourceCount: fewer than two inputs.
import {
  Codec,
  compareTexts,
  decodeInput,
  encodeOutput,
  fail,
  inputCount,
  ReturnCode,
  reserve,
} from "../../../assembly/sdk";

class Person {
  name: string = "";
  employeeId: string = "";
  age: u8 = 0;
  grade: u8 = 0;

  fields(codec: Codec): void {
    this.name = codec.of(this.name);
    this.employeeId = codec.of(this.employeeId);
    this.age = codec.of(this.age);
    this.grade = codec.of(this.grade);
  }

  /** Below 0, 0, or above 0: as `other` comes after, is equal, or comes before. */
  static compare(one: Person, other: Person): i32 {
    const names = compareTexts(one.name, other.name);
    if (names !== 0) return names;
    const ids = compareTexts(one.employeeId, other.employeeId);
    if (ids !== 0) return ids;
    if (one.age !== other.age) return (one.age as i32) - (other.age as i32);
    return (one.grade as i32) - (other.grade as i32);
  }
}

/** The ordered persons of `one` that are in the ordered `other` too, each once; kept in `one`. */
function intersect(one: Array<Person>, other: Array<Person>): void {
  let kept = 0;
  let j = 0;
  for (let i = 0; i < one.length; i++) {
    const person = one[i];
    while (j < other.length && Person.compare(other[j], person) < 0) j++;
    if (j === other.length) break;
    const repeated = kept > 0 && Person.compare(one[kept - 1], person) === 0;
    if (!repeated && Person.compare(other[j], person) === 0) one[kept++] = person;
  }
  one.length = kept;
}

export function main(): i32 {
  const count = inputCount();
  if (count.failed) return fail(count.code);
  if (count.value < 2) return fail(ReturnCode.DataSourceCount);

  let common: Array<Person> = [];
  for (let index: u32 = 0; index < count.value; index++) {
    const set = decodeInput<Array<Person>>(index);
    if (set.failed) return fail(set.code);
    const persons = set.value;
    // Sorting needs room for as many references again.
    if (!reserve((persons.length as usize) * sizeof<usize>())) return fail(ReturnCode.Generic);
    persons.sort(Person.compare);
    if (index === 0) common = persons;
    else intersect(common, persons);
  }
  return encodeOutput<Array<Person>>(common);
}
