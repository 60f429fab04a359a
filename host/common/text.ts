/**
 * Bytes as text, one meaning everywhere: UTF-8 (RFC 3629) taken as it stands. Neither is a byte order mark dropped nor is
 * a malformed sequence replaced, so that two different byte strings never become one text.
 */
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The text of UTF-8 bytes.
 *
 * @throws TypeError when the bytes are not UTF-8
 */
export function decodeUtf8(bytes: Uint8Array): string {
  return strict.decode(bytes);
}

/** As `decodeUtf8`, for people only: what is not UTF-8 shows as U+FFFD. Nothing may be decided by such a text. */
export function displayUtf8(bytes: Uint8Array): string {
  return lenient.decode(bytes);
}

/**
 * What keeps bytes from being a text file's content, in words that follow the file's name; undefined when nothing does.
 * A byte order mark is refused: JSON may not have one (RFC 8259 §8.1), PEM is not recognised behind one, and no editor
 * shows it.
 */
export function textProblem(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    return "begins with a byte order mark (EF BB BF): save it as UTF-8 without one";
  }
  try {
    decodeUtf8(bytes);
    return undefined;
  } catch {
    return "is not UTF-8 text";
  }
}
