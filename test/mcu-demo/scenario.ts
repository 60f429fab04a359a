// A system with a host isolate, and emulated devices as its data providers.
import {
  asSeenFromBoard,
  type DeviceOptions,
  EmulatedDevice,
  type Sample,
} from "../../host/mcu-client/device.js";
import { makePage, type PageContent } from "../../host/mcu-client/page.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { exampleModule, principal, type System, type SystemOptions } from "../support/system.js";

/** Three devices provide, one owner brings the program and reads the result. */
export function threeDevices(sample: Sample): SystemOptions {
  const module = exampleModule(sample);
  const program = `${sample}.wasm`;
  return {
    principals: {
      "device-0": "input-0:w",
      "device-1": "input-1:w",
      "device-2": "input-2:w",
      owner: `${program}:w,output:r`,
    },
    programs: { [program]: { module, rights: "input-0:r,input-1:r,input-2:r,output:w" } },
  };
}

export interface ScenarioDevice extends Partial<DeviceOptions> {
  name?: string;
  data?: Record<string, Uint8Array>;
  content?: Partial<PageContent>;
}

/** Starts an emulated device as a principal of a running system. */
export function startDevice(system: System, options: ScenarioDevice): EmulatedDevice {
  const { name = "device-0", data = {}, content = {}, ...device } = options;
  const { pem, keyPem } = principal(name);
  const page =
    device.page ??
    makePage({
      policy: system.policy,
      identity: loadIdentity(Buffer.from(pem), keyPem),
      server: asSeenFromBoard(system.address),
      data: Object.entries(data).map(([file, bytes]) => ({ name: file, bytes })),
      ...content,
    });
  return new EmulatedDevice({
    board: "mps2-an385",
    host: "c",
    sample: "shamir-secret-sharing",
    ...device,
    page,
  });
}
