// Prints what the session manager takes: `npm run bench:tls-footprint`.
import { bars, clientMemory, moduleSizes, serverMemory } from "./footprint-figures.js";

const number = (value: number): string => value.toLocaleString("en-US").padStart(8);

console.log("WebAssembly, all cryptography included (target of the runtime)       bytes      bar");
for (const [name, size] of Object.entries(moduleSizes()))
  console.log(
    `  ${name.padEnd(64)} ${number(size)} ${number(bars.modules[name as keyof typeof bars.modules])}`,
  );

console.log(
  "\nMemory of a session, in bytes                         idle  handshake  one call more",
);
for (const [what, recordSizeLimit, greedy] of [
  ["ordinary certificates, records of 4 KiB", 4096, false],
  ["longest messages, all records full, 4 KiB", 4096, true],
  ["longest messages, all records full, 16 KiB", 16385, true],
] as const)
  for (const [role, measure] of [
    ["server", serverMemory],
    ["client", clientMemory],
  ] as const) {
    const { idle, handshake, working } = measure({ recordSizeLimit, greedy });
    // Where peers are greedy, what a call gives back is mostly the record that it was about.
    console.log(
      `  ${`${role}: ${what}`.padEnd(50)} ${number(idle)}   ${number(handshake)}` +
        `${greedy ? "" : `       ${number(working)}`}`,
    );
  }
console.log(
  `  ${"bar".padEnd(50)} ${number(bars.idle)}   ${number(bars.handshake[4096])} (4 KiB), ${number(bars.handshake[16385]).trim()} (16 KiB)`,
);
