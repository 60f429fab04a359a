/**
 * Text in which somebody else had a hand, for a terminal: control and format characters are shown as
 * escapes (`\u001b`), so that none is acted on. Line feeds and tabs stay.
 */
export function forTerminal(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    if (character === "\n" || character === "\t") return character;
    return `\\u${(character.codePointAt(0) as number).toString(16).padStart(4, "0")}`;
  });
}
