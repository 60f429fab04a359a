/** What could not be proved, and where. */
export class Unproved extends Error {
  override name = "Unproved";
}
