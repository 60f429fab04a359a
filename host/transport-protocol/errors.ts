/** Why bytes are not a message, or an object cannot be one. */
export class TransportError extends Error {
  override name = "TransportError";
}
