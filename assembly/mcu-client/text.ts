/** Writes a text of ASCII to `at`; returns the address behind it. */
export function putText(at: usize, text: string): usize {
  for (let i = 0; i < text.length; i++) store<u8>(at++, text.charCodeAt(i) as u8);
  return at;
}
