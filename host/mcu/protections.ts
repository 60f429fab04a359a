/** What a STM32H753 has switched on of its protections: its option bytes, as a debug probe reads them (RM0433 §4.9). */

/** Option registers (`FLASH_…_CUR` and `_CUR1`, `_CUR2`), by their addresses. */
const registers = {
  options: 0x5200201c,
  secureArea1: 0x52002030,
  writeProtection1: 0x52002038,
  secureArea2: 0x52002130,
} as const;

const SECURITY = 1 << 21;
const AREA_FIELDS = 0x0fff0fff;
/** Last unit of 256 bytes, and the first one: sector 0 of bank 1; the last sector of bank 2. */
const FIRST_STAGE_AREA = 0x01ff0000;
const SECRET_AREA = 0x0fff0e00;

/** What keeps the first stage and the secret of a board from whatever runs later, and from a debugger. */
export interface Protections {
  /** Whether the chip starts in its own code, and secure areas count. */
  readonly secureMode: boolean;
  readonly firstStageHidden: boolean;
  readonly secretHidden: boolean;
  readonly firstStageWriteProtected: boolean;
  /** Readout protection. 0: none; 1: a debugger reaches RAM, not flash; 2: no debugger, for ever. */
  readonly readoutLevel: 0 | 1 | 2;
}

/**
 * Reads them out of what OpenOCD prints for its command `mdw`.
 *
 * @throws Error when a register is missing
 */
export function readProtections(output: string): Protections {
  const words = new Map(
    [...output.matchAll(/^0x([0-9a-f]{8}): ([0-9a-f]{8})\s*$/gm)].map(
      ([, address = "", value = ""]) => [
        Number.parseInt(address, 16),
        Number.parseInt(value, 16) | 0,
      ],
    ),
  );
  const word = (name: keyof typeof registers): number => {
    const value = words.get(registers[name]);
    if (value === undefined)
      throw new Error(`the probe did not read the register at 0x${registers[name].toString(16)}`);
    return value;
  };
  const options = word("options");
  const readout = (options >> 8) & 0xff;
  return {
    secureMode: (options & SECURITY) !== 0,
    firstStageHidden: (word("secureArea1") & AREA_FIELDS) === FIRST_STAGE_AREA,
    secretHidden: (word("secureArea2") & AREA_FIELDS) === SECRET_AREA,
    firstStageWriteProtected: (word("writeProtection1") & 1) === 0,
    readoutLevel: readout === 0xaa ? 0 : readout === 0xcc ? 2 : 1,
  };
}

/** Whether nothing that runs after the first stage reaches it or the secret. */
export function isHidden(protections: Protections): boolean {
  const { secureMode, firstStageHidden, secretHidden, firstStageWriteProtected } = protections;
  return secureMode && firstStageHidden && secretHidden && firstStageWriteProtected;
}

/** A table for people, and the lifecycle that the first stage makes of it (mcu-client/boards/nucleo-h753zi/secret.c). */
export function describeProtections(protections: Protections): string {
  const yes = (value: boolean) => (value ? "yes" : "no");
  const secured = isHidden(protections) && protections.readoutLevel === 2;
  const levels = ["none: a debugger reads everything", "a debugger reads RAM", "no debugger"];
  return `secure access mode           ${yes(protections.secureMode)}
first stage hidden           ${yes(protections.firstStageHidden)}
device secret hidden         ${yes(protections.secretHidden)}
first stage write-protected  ${yes(protections.firstStageWriteProtected)}
readout protection           level ${protections.readoutLevel} (${levels[protections.readoutLevel]})
lifecycle                    ${secured ? "secured (0x3000)" : "for development (0x4000)"}`;
}
