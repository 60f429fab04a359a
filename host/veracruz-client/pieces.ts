/**
 * What is sent as a file: bytes, or pieces of them with their length in all. They are sent from where they are, and must
 * stay as they are until the file has been sent.
 */
export type Source = Uint8Array | { length: number; pieces: AsyncIterable<Uint8Array> };

/** Pieces of at most `size` bytes, and at least one, which may be empty. */
export async function* cut(source: Source, size: number): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  let any = false;
  const pieces = source instanceof Uint8Array ? [source] : source.pieces;
  for await (const piece of pieces) {
    let chunk = piece;
    if (rest.length > 0) {
      // Only what completes a piece is copied, not all that has come.
      const missing = size - rest.length;
      rest = Buffer.concat([rest, chunk.subarray(0, missing)]);
      if (rest.length < size) continue;
      yield rest;
      any = true;
      chunk = chunk.subarray(missing);
    }
    for (; chunk.length >= size; chunk = chunk.subarray(size)) {
      yield chunk.subarray(0, size);
      any = true;
    }
    rest = chunk;
  }
  if (rest.length > 0 || !any) yield rest;
}
