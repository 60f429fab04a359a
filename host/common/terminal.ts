/**
 * Text in which somebody else had a hand, for a terminal: control and format characters are shown as
 * escapes (`\u001b`, as JSON has them), so that none is acted on. Line feeds and tabs stay.
 */
export function forTerminal(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    if (character === "\n" || character === "\t") return character;
    return character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join("");
  });
}
