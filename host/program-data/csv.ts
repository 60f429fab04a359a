/** Tables as CSV (RFC 4180), for sequences of structs, tuples, rows of numbers, or single values. */
import { resolved, type Schema, type Type } from "./schema.js";
import { ValueError } from "./values.js";

/**
 * The records of a CSV text.
 *
 * @throws ValueError with the line where a quote is out of place or not closed
 */
export function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let at = 0;
  let line = 1;
  const source = text.startsWith("\ufeff") ? text.slice(1) : text;
  while (at < source.length) {
    let field = "";
    if (source[at] === '"') {
      const opened = line;
      for (at++; ; at++) {
        const character = source[at];
        if (character === undefined)
          throw new ValueError(`line ${opened}: the quoted field is not closed`);
        if (character === "\n") line++;
        if (character !== '"') field += character;
        else if (source[at + 1] === '"') field += source[++at];
        else break;
      }
      at++;
      if (at < source.length && !/[,\r\n]/.test(source[at] as string))
        throw new ValueError(`line ${line}: expected a comma or the end of the line after a quote`);
    } else {
      const end = source.slice(at).search(/[,\r\n]/);
      const next = end < 0 ? source.length : at + end;
      field = source.slice(at, next);
      if (field.includes('"'))
        throw new ValueError(`line ${line}: a field with a quote in it must be quoted`);
      at = next;
    }
    record.push(field);
    if (source[at] === ",") {
      at++;
      // A comma at the very end is followed by an empty field.
      if (at === source.length) record.push("");
      else if (source[at] === "\r" || source[at] === "\n") record.push("");
      else continue;
    }
    if (source[at] === "\r") at++;
    if (source[at] === "\n") at++;
    else if (at < source.length) throw new ValueError(`line ${line}: a carriage return alone`);
    line++;
    records.push(record);
    record = [];
  }
  return records;
}

/** The CSV text of records, with CRLF at the end of each as RFC 4180 has it. */
export function formatCsv(records: readonly (readonly string[])[]): string {
  const field = (text: string): string =>
    /[",\r\n]/.test(text) || text === "" ? `"${text.replaceAll('"', '""')}"` : text;
  return records.map((record) => `${record.map(field).join(",")}\r\n`).join("");
}

/** The types of a table's columns, and their names if it has a header. */
interface Columns {
  readonly names: readonly string[] | undefined;
  /** Undefined where rows are sequences, as long as they happen to be. */
  readonly types: readonly Type[] | undefined;
  readonly item: Type;
  /** Whether a row is its only field itself. */
  readonly single: boolean;
}

const isPlain = (schema: Schema, type: Type): boolean => {
  const { kind } = resolved(schema, type);
  return ["number", "bool", "char", "string", "bytes"].includes(kind);
};

function columnsOf(schema: Schema): Columns {
  const table = resolved(schema, schema.value);
  if (table.kind !== "sequence" && table.kind !== "set" && table.kind !== "array")
    throw new ValueError("CSV: the schema's value must be a sequence, of which each item is a row");
  const row = resolved(schema, table.of);
  const field = (type: Type): Type => {
    const found = resolved(schema, type);
    const inner = found.kind === "option" ? found.of : type;
    if (!isPlain(schema, inner))
      throw new ValueError(
        "CSV: a field is a number, a text, bytes, true or false, or an option of these",
      );
    return type;
  };
  if (row.kind === "struct")
    return {
      names: row.fields.map(([name]) => name),
      types: row.fields.map(([, type]) => field(type)),
      item: row,
      single: false,
    };
  if (row.kind === "tuple")
    return { names: undefined, types: row.items.map(field), item: row, single: false };
  if (row.kind === "array")
    return {
      names: undefined,
      types: Array.from({ length: row.length }, () => field(row.of)),
      item: row,
      single: false,
    };
  if (row.kind === "sequence")
    return { names: undefined, types: undefined, item: field(row.of), single: false };
  return { names: undefined, types: [field(row)], item: row, single: true };
}

/** A field's text as the value that JSON would have. */
function fieldValue(schema: Schema, type: Type, text: string, where: string): unknown {
  const found = resolved(schema, type);
  switch (found.kind) {
    case "option":
      return text === "" ? null : fieldValue(schema, found.of, text, where);
    case "number":
      if (["NaN", "Infinity", "-Infinity"].includes(text)) return text;
      if (!/^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(text))
        throw new ValueError(`${where}: expected ${found.name}, found ${JSON.stringify(text)}`);
      // Digits beyond what a number of JavaScript keeps stay digits.
      return /^[+-]?\d{16,}$/.test(text.trim()) && !found.name.startsWith("f")
        ? text.trim().replace("+", "")
        : Number(text);
    case "bool":
      if (text === "true" || text === "1") return true;
      if (text === "false" || text === "0") return false;
      throw new ValueError(`${where}: expected true or false, found ${JSON.stringify(text)}`);
    default:
      return text;
  }
}

/** The value, as JSON, of a CSV text. A table of structs begins with the fields' names, in any order. */
export function valueFromCsv(schema: Schema, text: string): unknown {
  const { names, types, item, single } = columnsOf(schema);
  const records = parseCsv(text);
  const header = names === undefined ? undefined : records.shift();
  const rows = records;
  const order = names?.map((name) => {
    const column = header?.indexOf(name) ?? -1;
    if (column < 0)
      throw new ValueError(
        `line 1: there is no column ${JSON.stringify(name)}; the first line names the columns: ${names.join(",")}`,
      );
    return column;
  });
  const count = types?.length;
  return rows.map((row, index) => {
    const where = `record ${index + (names === undefined ? 1 : 2)}`;
    if (order === undefined && count !== undefined && row.length !== count)
      throw new ValueError(`${where}: expected ${count} fields, found ${row.length}`);
    if (header !== undefined && row.length !== header.length)
      throw new ValueError(`${where}: expected ${header.length} fields, found ${row.length}`);
    const values = (types ?? row.map(() => item)).map((type, i) => {
      const field = row[order?.[i] ?? i] as string;
      return fieldValue(schema, type, field, `${where}, field ${names?.[i] ?? i + 1}`);
    });
    if (names !== undefined) return Object.fromEntries(names.map((name, i) => [name, values[i]]));
    return single ? values[0] : values;
  });
}

/** The CSV text of a value that `decodeValue` gave. */
export function csvFromValue(schema: Schema, value: unknown): string {
  const { names, single } = columnsOf(schema);
  const rows = (value as unknown[]).map((row) => {
    const fields =
      names === undefined
        ? single
          ? [row]
          : (row as unknown[])
        : names.map((name) => (row as Record<string, unknown>)[name]);
    return fields.map((field) => (field === null ? "" : String(field)));
  });
  return formatCsv(names === undefined ? rows : [[...names], ...rows]);
}
