/** Prints the constants that firmware shares with tools on the computer. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../common/paths.js";
import { CONTROL_LABEL } from "../isolate/control-key.js";
import * as serial from "../mcu/serial-packets.js";
import * as page from "../mcu-client/page-items.js";
import { CONFIRMATION_LABEL } from "../update/manifest.js";

function header(guard: string, source: string, text: string): string {
  const them = source.includes(" and ") ? "them" : "that file";
  return `// Made from ${source}: change ${them} and run npm run build.
#ifndef ${guard}
#define ${guard}

${text}
#endif
`;
}

const enumeration = (name: string, prefix: string, values: Readonly<Record<string, number>>) =>
  `enum${name} {
${Object.entries(values)
  .map(([key, value]) => `  ${prefix}${key} = ${value},`)
  .join("\n")}
};
`;

/** The text of `mcu-client/link/serial-packets.h`. */
export function serialHeader(): string {
  return header(
    "LINK_SERIAL_PACKETS_H",
    "host/mcu/serial-packets.ts",
    `${enumeration(" serial_packet", "SERIAL_", serial.serialPackets)}
${enumeration("", "SERIAL_", {
  PAYLOAD: serial.SERIAL_PAYLOAD,
  HEADER: serial.SERIAL_HEADER,
  CHECK: serial.SERIAL_CHECK,
})}`,
  );
}

/** The text of `mcu-client/library/include/veracruz/page-items.h`. */
export function pageHeader(): string {
  const all = Object.values(page.pageFlags).reduce((bits, bit) => bits | bit, 0);
  return header(
    "VERACRUZ_PAGE_ITEMS_H",
    "host/mcu-client/page-items.ts",
    `#define VC_PAGE_MAGIC "${page.PAGE_MAGIC}"

${enumeration(" vc_page_item", "VC_ITEM_", page.pageItems)}
${enumeration("", "VC_FLAG_", page.pageFlags)}
${enumeration("", "VC_", {
  FLAGS_ALL: all,
  PAGE_HEADER: page.PAGE_HEADER,
  PAGE_FILES_MAX: page.PAGE_FILES,
  PAGE_BYTES_MAX: page.PAGE_BYTES,
})}`,
  );
}

/** The text of `mcu-client/common/labels.h`. */
export function labelsHeader(): string {
  return header(
    "COMMON_LABELS_H",
    "host/isolate/control-key.ts and host/update/manifest.ts",
    `#define CONTROL_LABEL "${CONTROL_LABEL}"
#define CONFIRMATION_LABEL "${CONFIRMATION_LABEL}"
`,
  );
}

/** The text of `mcu-client/library/include/veracruz/version.h`. */
export function versionHeader(): string {
  const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
    version: string;
  };
  const [major, minor, patch] = version.split(".");
  return header(
    "VERACRUZ_VERSION_H",
    "package.json",
    `#define VC_VERSION_MAJOR ${major}
#define VC_VERSION_MINOR ${minor}
#define VC_VERSION_PATCH ${patch}
#define VC_VERSION "${version}"
`,
  );
}
