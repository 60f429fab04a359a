/**
 * Schemas: which values a program's files hold, in the classic encoding. A schema is JSON, written by hand or
 * printed from an AssemblyScript program's classes.
 */

/** Numbers of fixed width; `usize` is Rust's, and a `u64` here. */
export const numberNames = [
  "u8",
  "i8",
  "u16",
  "i16",
  "u32",
  "i32",
  "u64",
  "i64",
  "usize",
  "f32",
  "f64",
] as const;
/** The name of a number type. */
export type NumberName = (typeof numberNames)[number];

/** A type of values. */
export type Type =
  | { readonly kind: "number"; readonly name: NumberName }
  | { readonly kind: "bool" | "char" | "string" | "bytes" }
  | { readonly kind: "sequence" | "set" | "option"; readonly of: Type }
  | { readonly kind: "array"; readonly of: Type; readonly length: number }
  | { readonly kind: "map"; readonly key: Type; readonly value: Type }
  | { readonly kind: "tuple"; readonly items: readonly Type[] }
  | { readonly kind: "struct"; readonly fields: readonly (readonly [name: string, type: Type])[] }
  | {
      readonly kind: "enum";
      readonly variants: readonly (readonly [name: string, payload: Type | undefined])[];
    }
  /** A type that the schema names; it may be recursive. */
  | { readonly kind: "named"; readonly name: string };

/** Types by name, and the one that a file holds. */
export interface Schema {
  readonly types: ReadonlyMap<string, Type>;
  readonly value: Type;
}

/** What is wrong with a schema, and where in it. */
export class SchemaError extends Error {
  override name = "SchemaError";
}

const plainKinds = ["bool", "char", "string", "bytes"] as const;
const shapes = ["sequence", "set", "option", "array", "map", "tuple", "struct", "enum"] as const;

/** How deep a schema may be nested. */
const DEEPEST = 64;

/** A name that a JSON object keeps in its place: one that looks like an index is moved to the front. */
const NAME = /^[A-Za-z_][\w.-]*$/;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

class Parser {
  constructor(private readonly names: ReadonlySet<string>) {}

  type(json: unknown, path: string, depth = 0): Type {
    if (depth > DEEPEST) throw new SchemaError(`${path}: nested deeper than ${DEEPEST} levels`);
    if (typeof json === "string") return this.named(json, path);
    if (!isRecord(json))
      throw new SchemaError(
        `${path}: expected the name of a type or an object such as {"sequence": "f64"}, found ${shown(json)}`,
      );
    const shape = shapes.find((each) => Object.hasOwn(json, each));
    if (shape === undefined)
      throw new SchemaError(`${path}: expected an object with one of ${shapes.join(", ")}`);
    const extra = Object.keys(json).find(
      (key) => key !== shape && !(shape === "array" && key === "length"),
    );
    if (extra !== undefined) throw new SchemaError(`${path}: ${shown(extra)} has no place here`);
    const content = json[shape];
    const inner = `${path}.${shape}`;
    const type = (part: unknown, where: string): Type => this.type(part, where, depth + 1);
    switch (shape) {
      case "sequence":
      case "set":
        return { kind: shape, of: type(content, inner) };
      case "option": {
        const of = type(content, inner);
        if (of.kind === "option")
          throw new SchemaError(`${inner}: an option of an option: JSON has only one null`);
        return { kind: shape, of };
      }
      case "array": {
        const { length } = json;
        if (!Number.isSafeInteger(length) || (length as number) < 0)
          throw new SchemaError(`${path}.length: expected a whole number, found ${shown(length)}`);
        return { kind: shape, of: type(content, inner), length: length as number };
      }
      case "map":
        if (!Array.isArray(content) || content.length !== 2)
          throw new SchemaError(`${inner}: expected [key, value], found ${shown(content)}`);
        return {
          kind: shape,
          key: type(content[0], `${inner}[0]`),
          value: type(content[1], `${inner}[1]`),
        };
      case "tuple":
        if (!Array.isArray(content))
          throw new SchemaError(`${inner}: expected an array of types, found ${shown(content)}`);
        return { kind: shape, items: content.map((item, i) => type(item, `${inner}[${i}]`)) };
      case "struct":
        return {
          kind: shape,
          fields: this.members(content, inner).map(
            ([name, field]) => [name, type(field, `${inner}.${name}`)] as const,
          ),
        };
      case "enum":
        return {
          kind: shape,
          variants: this.members(content, inner).map(
            ([name, payload]) =>
              [name, payload === null ? undefined : type(payload, `${inner}.${name}`)] as const,
          ),
        };
    }
  }

  private named(name: string, path: string): Type {
    if ((numberNames as readonly string[]).includes(name))
      return { kind: "number", name: name as NumberName };
    const plain = plainKinds.find((each) => each === name);
    if (plain !== undefined) return { kind: plain };
    if (this.names.has(name)) return { kind: "named", name };
    const known = [...numberNames, ...plainKinds, ...this.names];
    throw new SchemaError(`${path}: no type ${shown(name)}; there are ${known.join(", ")}`);
  }

  private members(content: unknown, path: string): [string, unknown][] {
    if (!isRecord(content))
      throw new SchemaError(`${path}: expected an object of names, found ${shown(content)}`);
    const members = Object.entries(content);
    for (const [name] of members)
      if (!NAME.test(name))
        throw new SchemaError(
          `${path}: the name ${shown(name)} does not begin with a letter, or holds more than letters, digits, _, . and -`,
        );
    return members;
  }
}

/**
 * Reads a schema: a type, or `{"types": {NAME: type, …}, "value": type}`.
 *
 * @param json the parsed JSON
 * @param wanted the type that the file holds, as JSON or a name; default: the schema's `value`
 * @throws SchemaError
 */
export function parseSchema(json: unknown, wanted?: unknown): Schema {
  if (!isRecord(json) || !Object.hasOwn(json, "types")) {
    const alone = new Parser(new Set());
    return { types: new Map(), value: alone.type(wanted ?? json, "schema") };
  }
  const extra = Object.keys(json).find((key) => key !== "types" && key !== "value");
  if (extra !== undefined) throw new SchemaError(`schema: ${shown(extra)} has no place here`);
  if (!isRecord(json.types)) throw new SchemaError("schema.types: expected an object of types");
  const names = Object.keys(json.types);
  const parser = new Parser(new Set(names));
  for (const name of names)
    if (!NAME.test(name) || [...numberNames, ...plainKinds].includes(name as never))
      throw new SchemaError(`schema.types: ${shown(name)} cannot be the name of a type`);
  const types = new Map(
    Object.entries(json.types).map(([name, type]) => [
      name,
      parser.type(type, `schema.types.${name}`),
    ]),
  );
  for (const name of names) refuseAlias(types, name);
  const value = wanted ?? json.value;
  if (value === undefined)
    throw new SchemaError(
      `schema.value is not there: say which type the file holds; there are ${names.join(", ")}`,
    );
  return { types, value: parser.type(value, wanted === undefined ? "schema.value" : "type") };
}

/** A name for a name for … itself is no type. */
function refuseAlias(types: ReadonlyMap<string, Type>, name: string): void {
  let type = types.get(name);
  for (let steps = 0; type?.kind === "named"; steps++) {
    if (steps > types.size) throw new SchemaError(`schema.types.${name}: it is its own name only`);
    type = types.get(type.name);
  }
}

/** The type behind names. */
export function resolved(schema: Schema, type: Type): Exclude<Type, { kind: "named" }> {
  let found = type;
  while (found.kind === "named") found = schema.types.get(found.name) as Type;
  return found;
}

/** A type in Rust's words, in one line, as in `Vec<(f64, f64)>`. */
export function describeType(type: Type): string {
  switch (type.kind) {
    case "number":
    case "named":
      return type.name;
    case "bool":
    case "char":
      return type.kind;
    case "string":
      return "String";
    case "bytes":
      return "Vec<u8>";
    case "sequence":
      return `Vec<${describeType(type.of)}>`;
    case "set":
      return `HashSet<${describeType(type.of)}>`;
    case "option":
      return `Option<${describeType(type.of)}>`;
    case "array":
      return `[${describeType(type.of)}; ${type.length}]`;
    case "map":
      return `HashMap<${describeType(type.key)}, ${describeType(type.value)}>`;
    case "tuple":
      return `(${type.items.map(describeType).join(", ")}${type.items.length === 1 ? "," : ""})`;
    case "struct":
      return `{ ${type.fields.map(([name, field]) => `${name}: ${describeType(field)}`).join(", ")} }`;
    case "enum":
      return type.variants
        .map(([name, of]) => (of === undefined ? name : `${name}(${describeType(of)})`))
        .join(" | ");
  }
}
