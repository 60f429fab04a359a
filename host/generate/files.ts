/** The files that are made from a table elsewhere in this repository, with their texts. */
import { isolateTable } from "../transport-protocol/isolate-table.js";
import { printedDocuments } from "./documents.js";
import { labelsHeader, pageHeader, serialHeader, versionHeader } from "./firmware.js";
import { cHeader, hcallTable, rustCodes, rustHcalls } from "./hcalls.js";
import { labelsTable } from "./labels.js";
import { planSchemaText } from "./plan.js";
import { thumb2Header } from "./thumb2.js";

/** A file's path from the repository's root, and what it must hold. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** What is compiled. */
export function generatedSources(): GeneratedFile[] {
  return [
    { path: "assembly/transport-protocol/messages.ts", text: isolateTable() },
    { path: "assembly/abi/hcalls.ts", text: hcallTable() },
    { path: "host/transport-protocol/labels.ts", text: labelsTable() },
    { path: "sdk/c/veracruz.h", text: cHeader() },
    { path: "sdk/rust/src/code.rs", text: rustCodes() },
    { path: "sdk/rust/src/hcalls.rs", text: rustHcalls() },
    { path: "mcu-client/link/serial-packets.h", text: serialHeader() },
    { path: "mcu-client/common/labels.h", text: labelsHeader() },
    { path: "mcu-client/library/include/veracruz/page-items.h", text: pageHeader() },
    { path: "mcu-client/library/include/veracruz/version.h", text: versionHeader() },
    { path: "mcu-client/compiled-code/layout.h", text: thumb2Header() },
  ];
}

/** For editors of plans. */
export function planSchema(): GeneratedFile {
  return { path: "docs/plan.schema.json", text: planSchemaText() };
}

/** Sources and documents. */
export function generatedFiles(): GeneratedFile[] {
  return [...printedDocuments(), planSchema(), ...generatedSources()];
}
