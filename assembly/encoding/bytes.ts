/** Whether `length` bytes at `pointer` are those of `bytes`. For what is not secret. */
export function sameBytes(bytes: StaticArray<u8>, pointer: usize, length: u32): bool {
  return (
    (bytes.length as u32) === length &&
    memory.compare(changetype<usize>(bytes), pointer, length as usize) === 0
  );
}
