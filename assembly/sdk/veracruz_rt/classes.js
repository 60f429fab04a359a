// Reads the classes of a program that have a method `fields`, for messages in the author's terms and for schemas.
// @ts-check

/**
 * @typedef {object} FieldsCall a call in a method `fields`
 * @property {string} method `of`, `char`, `fixed`, `set`, `map`, `varint`
 * @property {string} field the class's field, or "" for anything else
 * @property {number} line from 1
 */
/**
 * @typedef {object} DescribedClass
 * @property {string} name
 * @property {string} file
 * @property {Map<string, string>} types of its fields, as written
 * @property {FieldsCall[] | undefined} calls undefined without a method `fields`
 */

/** A text without its comments and strings, at the same offsets. @param {string} text */
function withoutComments(text) {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g,
    (part) => part.replace(/[^\n]/g, " "),
  );
}

/** Where the brace that opens at this offset closes. @param {string} code @param {number} open */
function closing(code, open) {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if (code[at] === "{") depth++;
    if (code[at] === "}" && --depth === 0) return at;
  }
  return code.length;
}

/**
 * The classes of the author's sources: not those of packages and of the compiler.
 * @param {readonly {text: string, normalizedPath: string, sourceKind: number}[]} sources
 * @returns {Map<string, DescribedClass>}
 */
export function classesOf(sources) {
  /** @type {Map<string, DescribedClass>} */
  const found = new Map();
  for (const { text, normalizedPath: file, sourceKind } of sources) {
    // 0 and 1: files of the author's, and the entry.
    if (sourceKind > 1 || file.startsWith("~lib/")) continue;
    const code = withoutComments(text);
    for (const match of code.matchAll(/\bclass\s+(\w+)[^{]*\{/g)) {
      const [head, name = ""] = match;
      const start = match.index + head.length;
      const body = code.slice(start, closing(code, start - 1));
      const types = new Map(
        [
          ...body.matchAll(
            /^\s*(?:(?:public|private|protected|readonly)\s+)*(\w+)\s*:\s*([^=;(){}]+?)\s*(?:=[^;]*)?;/gm,
          ),
        ].map(([, field = "", type = ""]) => [field, type.replace(/\s+/g, " ")]),
      );
      const method = /\bfields\s*\(\s*(\w+)\s*:[^)]*\)[^{]*\{/.exec(body);
      /** @type {FieldsCall[] | undefined} */
      let calls;
      if (method) {
        const [all, codec = ""] = method;
        const from = method.index + all.length;
        const inner = body.slice(from, closing(body, from - 1));
        calls = [
          ...inner.matchAll(
            new RegExp(
              `\\b${codec}\\.(of|char|fixed|set|map|varint)(?:<[^(]*>)?\\(\\s*(?:this\\.(\\w+))?`,
              "g",
            ),
          ),
        ].map((call) => ({
          method: call[1] ?? "",
          field: call[2] ?? "",
          line: code.slice(0, start + from + call.index).split("\n").length,
        }));
      }
      found.set(name, { name, file, types, calls });
    }
  }
  return found;
}

/** The type in `Array<T>` or `T | null`, as far as it goes. @param {string} type @returns {string} */
export function innermost(type) {
  const [, item] = /^Array<(.+)>$/.exec(type) ?? /^(.+)\[\]$/.exec(type) ?? [];
  if (item !== undefined) return innermost(item.trim());
  const plain = type.replace(/\s*\|\s*null$/, "");
  return plain === type ? type : innermost(plain);
}
