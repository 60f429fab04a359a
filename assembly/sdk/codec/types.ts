import { Codec, initial } from "./codec";

/** Two values in a row: `(A, B)`. */
export class Pair<A, B> {
  constructor(
    public first: A = initial<A>(),
    public second: B = initial<B>(),
  ) {}

  fields(codec: Codec): void {
    this.first = codec.of<A>(this.first);
    this.second = codec.of<B>(this.second);
  }
}

/** A number that may be absent: `Option<T>`. (A class, string or array is declared `T | null` instead.) */
export class Option<T> {
  present: bool = false;
  value: T = initial<T>();

  fields(codec: Codec): void {
    this.present = codec.of<bool>(this.present);
    if (this.present) this.value = codec.of<T>(this.value);
  }
}
