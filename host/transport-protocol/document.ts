// Prints `README.md` of this folder from the message table.
// Usage: node build/js/host/transport-protocol/document.js > host/transport-protocol/README.md
import { pathToFileURL } from "node:url";
import {
  type Field,
  fields,
  groups,
  messages,
  State,
  Status,
  stateDocs,
  statusDocs,
} from "./messages.js";

const hex = (number: number) => `0x${number.toString(16).padStart(2, "0")}`;

function bounds(field: Field): string {
  if (field.kind === "int") return "any";
  const range = field.min === field.max ? `${field.min}` : `${field.min} … ${field.max}`;
  return field.kind === "uint" ? range : `${range} bytes`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((_, column) =>
    Math.max(3, ...[heads, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(heads), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join(
    "\n",
  );
}

/** The message table as Markdown. */
export function describeMessages(): string {
  const sections = Object.values(groups).map(
    ({ doc, first, last, messages: inGroup }) =>
      `### ${doc} (${hex(first)} … ${hex(last)})\n\n${table(
        ["type", "message", "fields", ""],
        Object.entries(inGroup).map(([name, message]) => [
          hex(message.number),
          `\`${name}\``,
          message.fields.map((field: string) => `\`${field}\``).join(", ") || "none",
          message.doc,
        ]),
      )}\n`,
  );
  return `# Transport protocol

The messages between principals, the Veracruz server, the isolate and the proxy attestation server.
This file is printed from the table in \`messages.ts\` (\`document.ts\`); a test compares them.

A message is a MessagePack array: its type number, then its fields in the order of the table. Each
message has exactly one encoding (integers and lengths as short as they can be); readers refuse any
other, unknown types, more or fewer fields, values outside their bounds, and bytes after the end.

- Inside TLS and on TCP a message is a **frame**: its length as a big-endian u32, then the message.
  A frame of length 0, or longer than the wire allows, ends the connection before memory is taken for it.
- On HTTP a message is base64 text (RFC 4648 §4, with padding).

Every request gets exactly one answer. Inside TLS answers come in the order of the requests, so a
principal may send several before it reads. Between server and isolate the answer repeats the
request's \`id\`; \`health\` may overtake others, and events come at any time.

A file travels in pieces, in order, each with the file's whole length: \`offset\` is the number of bytes
sent before. The file counts when the last byte is there. A piece at offset 0 starts the file anew.

## Messages

${sections.join("\n")}
## Fields

${table(
  ["field", "type", "bounds", ""],
  Object.entries(fields).map(([name, field]) => [
    `\`${name}\``,
    field.kind,
    bounds(field),
    field.doc.replaceAll("|", "\\|"),
  ]),
)}

## Statuses

${table(
  ["number", "status", ""],
  Object.entries(Status).map(([name, number]) => [
    `${number}`,
    `\`${name}\``,
    statusDocs[name as keyof typeof Status],
  ]),
)}

## States of a computation

${table(
  ["number", "state", ""],
  Object.entries(State).map(([name, number]) => [
    `${number}`,
    `\`${name}\``,
    stateDocs[name as keyof typeof State],
  ]),
)}

${Object.keys(messages).length} messages, ${Object.keys(fields).length} fields.
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  process.stdout.write(describeMessages());
}
