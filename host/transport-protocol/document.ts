/** The message table as Markdown, for `docs/protocols.md`. */
import { table } from "../common/markdown.js";
import { type Field, fields, groups, State, Status, stateDocs, statusDocs } from "./messages.js";

const hex = (number: number) => `0x${number.toString(16).padStart(2, "0")}`;

function bounds(field: Field): string {
  if (field.kind === "int") return "any";
  const range = field.min === field.max ? `${field.min}` : `${field.min} … ${field.max}`;
  return field.kind === "uint" ? range : `${range} bytes`;
}

/** A table of messages for each direction on each wire. */
export function messageTables(): string {
  return Object.values(groups)
    .map(
      ({ doc, first, last, messages: inGroup }) =>
        `### ${doc} (${hex(first)} … ${hex(last)})\n\n${table(
          ["type", "message", "fields", "what it does"],
          Object.entries(inGroup).map(([name, message]) => [
            hex(message.number),
            `\`${name}\``,
            message.fields.map((field: string) => `\`${field}\``).join(", ") || "none",
            message.doc,
          ]),
        )}`,
    )
    .join("\n\n");
}

/** A Markdown table of all fields. */
export function fieldTable(): string {
  return table(
    ["field", "type", "bounds", "what it is"],
    Object.entries(fields).map(([name, field]) => [
      `\`${name}\``,
      field.kind,
      bounds(field),
      field.doc.replaceAll("|", "\\|"),
    ]),
  );
}

/** A Markdown table of the statuses. */
export function statusTable(): string {
  return table(
    ["number", "status", "when"],
    Object.entries(Status).map(([name, number]) => [
      `${number}`,
      `\`${name}\``,
      statusDocs[name as keyof typeof Status],
    ]),
  );
}

/** A Markdown table of the states. */
export function stateTable(): string {
  return table(
    ["number", "state", "when"],
    Object.entries(State).map(([name, number]) => [
      `${number}`,
      `\`${name}\``,
      stateDocs[name as keyof typeof State],
    ]),
  );
}
