/** Prints `assembly/transport-protocol/messages.ts`, the table of messages as the isolate and MCU clients read it. */
import * as table from "./messages.js";
import { type Field, fields, groups, messages, State, Status } from "./messages.js";

/** The name of a constant: `fileName` → `FILE_NAME`. */
export function constantName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** Kinds of fields, in the order of their numbers. */
const kinds: readonly Field["kind"][] = ["uint", "int", "text", "bytes"];

const hex = (number: number) => `0x${number.toString(16).padStart(2, "0")}`;

/** The greatest bounds, by the names that they have in the isolate. */
const bounds = new Map([
  [2 ** 31 - 1, "U31"],
  [2 ** 32 - 1, "U32"],
]);

function fieldRow(name: string, field: Field): string {
  // Any i32: the isolate does not look at these bounds.
  const [low, high] = field.kind === "int" ? [0, 0] : [field.min, field.max];
  const shown = (bound: number) => bounds.get(bound) ?? String(bound);
  return `  KIND_${constantName(field.kind)}, ${shown(low)}, ${shown(high)}, // ${name}`;
}

function messageRow(name: string): string {
  const { fields: members } = messages[name as keyof typeof messages];
  return `  ${[
    `MESSAGE_${constantName(name)}`,
    members.length,
    ...members.map((field) => `FIELD_${constantName(field)}`),
  ].join(", ")},`;
}

const constants = (
  prefix: string,
  type: string,
  entries: readonly (readonly [string, unknown])[],
) =>
  entries.map(([name, value]) => `export const ${prefix}${name}: ${type} = ${value};`).join("\n");

/** The text of `assembly/transport-protocol/messages.ts`. */
export function isolateTable(): string {
  const limits = Object.entries(table).filter(([, value]) => typeof value === "number");
  const messageNumbers = Object.entries(groups).map(
    ([name, { doc, first, messages: inGroup }]) => `/** ${doc} */
export const GROUP_${constantName(name)}: u32 = ${hex(first & 0xf0)};
${constants(
  "MESSAGE_",
  "u8",
  Object.entries(inGroup).map(([message, { number }]) => [constantName(message), hex(number)]),
)}
`,
  );
  const fieldNumbers = Object.keys(fields).map(
    (name, number) => [constantName(name), number] as const,
  );
  return `/**
 * Made from \`host/transport-protocol/messages.ts\`, which describes each message, field and limit: change
 * that file and run \`npm run build\`.
 */

/** Sizes in bytes, and the version of the protocol. */
${constants("", "u32", limits)}

/** Outcome of a request. */
${constants("STATUS_", "u32", Object.entries(Status))}

/** How far a computation is. */
${constants("STATE_", "u32", Object.entries(State))}

${messageNumbers.join("\n")}
/** Kinds of fields. */
${constants(
  "KIND_",
  "u32",
  kinds.map((kind, number) => [constantName(kind), number]),
)}

/** Fields, by which \`Message\` holds its values. */
${constants("FIELD_", "u8", fieldNumbers)}
/** Number of fields. */
export const FIELD_COUNT: u32 = ${fieldNumbers.length};

const U31: u32 = 0x7fffffff;
const U32: u32 = 0xffffffff;

/**
 * Kind and bounds of each field, by its number: three u32 each. Bounds of integers are values, those of
 * text and byte strings lengths in bytes; \`KIND_INT\` is any i32.
 */
// biome-ignore format: one field a line
export const FIELDS: usize = memory.data<u32>([
${Object.entries(fields)
  .map(([name, field]) => fieldRow(name, field))
  .join("\n")}
]);

/** Each message: its type number, its number of fields, its fields in the order of the wire; then 0. */
// biome-ignore format: one message a line
export const MESSAGES: usize = memory.data<u8>([
${Object.keys(messages).map(messageRow).join("\n")}
  0,
]);
`;
}
