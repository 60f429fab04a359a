import { MAX_RESTARTS } from "../continuity/scope.js";
import { policyDefaults } from "../veracruz-utils/policy.js";

/**
 * What a plan may say: JSON Schema (draft 2020-12), printed to `docs/plan.schema.json` for editors. Each `description`
 * is what an error shows as expected, so it reads on after "expected".
 */

const FILE =
  "^(input|stream)-(0|[1-9][0-9]*)$|^(?!input-|stream-|output$)[A-Za-z0-9][A-Za-z0-9._-]*$";
const ADDRESS = "^([A-Za-z0-9.-]+|\\[[0-9a-fA-F:.]+\\]):[1-9][0-9]{0,4}$";

/** One text that matches, or several. */
const oneOrMore = (pattern: string, description: string) => ({
  description: `${description}, or a list of them`,
  anyOf: [
    { type: "string", pattern },
    {
      type: "array",
      minItems: 1,
      uniqueItems: true,
      items: { type: "string", pattern, description },
    },
  ],
});

const path = (what: string) => ({
  type: "string",
  minLength: 1,
  description: `the path of ${what}`,
});
const whole = (minimum: number, maximum: number, what: string) => ({
  type: "integer",
  minimum,
  maximum,
  description: `${what}: a whole number from ${minimum} to ${maximum}`,
});
const size = (what: string) => ({
  description: `${what} in bytes, as in 65536, 64KiB or 16MiB`,
  anyOf: [
    { type: "integer", minimum: 1, maximum: 2 ** 32 - 1 },
    { type: "string", pattern: "^[0-9]+ ?(B|K|KiB|M|MiB|G|GiB)?$" },
  ],
});
const yesOrNo = (what: string) => ({ type: "boolean", description: `${what}: true or false` });

const party = {
  type: "object",
  description: "a party, with its contact and what it sends or reads",
  required: ["contact"],
  additionalProperties: false,
  properties: {
    contact: path("the party's contact, as veracruz init prints it, or of its certificate"),
    sends: oneOrMore(
      FILE,
      "a file that the party sends: input-N, stream-N or a program of the plan",
    ),
    reads: oneOrMore(
      `^output$|${FILE}`,
      "a file that the party reads: output, which is the result, or another file of the plan",
    ),
  },
};

const program = {
  description: "the path of a program (.wasm), or its file and what it reads",
  anyOf: [
    path("a program"),
    {
      type: "object",
      required: ["file"],
      additionalProperties: false,
      properties: {
        file: path("a program"),
        reads: oneOrMore(FILE, "a file that the program reads: input-N or stream-N"),
      },
    },
  ],
};

const isolate = {
  type: "object",
  description:
    "what may run the computation: computer, microcontroller, development, devices, versions",
  additionalProperties: false,
  properties: {
    computer: path("a trusted runtime (.wasm) for computers, or its SHA-256 in hexadecimal"),
    microcontroller: path("the hash file of a firmware (vc-mcu build writes it), or its SHA-256"),
    development: yesOrNo("whether isolates with a software root of trust may compute"),
    devices: oneOrMore("^01[0-9a-fA-F]{64}$", "the instance ID of a device, 66 hexadecimal digits"),
    versions: {
      type: "object",
      description: "lowest versions of software components, as in ARoT: 1.2.0",
      patternProperties: {
        "^[A-Za-z0-9._-]{1,16}$": {
          type: "string",
          description: 'a version in quotes, as in "1.2.0"',
        },
      },
      additionalProperties: false,
    },
  },
};

const limits = {
  type: "object",
  description: "limits of a run: fuel, time, memory, stack, result, file",
  additionalProperties: false,
  properties: {
    fuel: whole(1, Number.MAX_SAFE_INTEGER, "calls, loop turns and 256-byte copies in a run"),
    time: {
      type: "string",
      pattern: "^[1-9][0-9]{0,6} ?(ms|s|m)$",
      description: "how long a run may take, as in 500ms, 60s or 5m",
    },
    memory: size("memory of a program"),
    stack: size("stack of a program"),
    result: size("the largest result"),
    file: size("the largest file that a party may send"),
  },
};

/** The schema itself. */
export const planSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Plan of a Veracruz computation",
  type: "object",
  description:
    "a plan: parties and programs, and what else it says of server, attestation, isolate and limits",
  required: ["parties", "programs"],
  additionalProperties: false,
  properties: {
    parties: {
      type: "object",
      description: "the parties by name, at most 32",
      minProperties: 1,
      maxProperties: 32,
      additionalProperties: party,
    },
    programs: {
      type: "object",
      description: "the programs by the name under which they are sent, as in sum.wasm: ./sum.wasm",
      minProperties: 1,
      maxProperties: 16,
      propertyNames: { pattern: "^(?!input-|stream-|output$)[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" },
      additionalProperties: program,
    },
    server: {
      type: "string",
      pattern: ADDRESS,
      description: "where the server will be: host:port, as in 127.0.0.1:3017",
    },
    attestation: {
      type: "object",
      description:
        "the attestation server: its address, and its CA's certificate unless it is your own",
      additionalProperties: false,
      properties: {
        server: {
          type: "string",
          pattern: ADDRESS,
          description: "where the attestation server is: host:port, as in 127.0.0.1:3010",
        },
        certificate: path("the certificate of the attestation server's CA"),
      },
      dependentRequired: { certificate: ["server"] },
    },
    isolate,
    ends: {
      type: "string",
      description:
        'when the policy ends: "+12h" (m, h or d from now), or a date as 2027-12-31T23:59:00Z',
    },
    limits,
    rounds: whole(1, 2 ** 32 - 1, "rounds, each with a result"),
    "failed-runs": whole(0, 2 ** 32 - 1, "runs that may fail"),
    restarts: whole(0, MAX_RESTARTS, "isolates that may begin anew after the first"),
    engine: { enum: ["interpreter", "jit"], description: "how programs run: interpreter or jit" },
    cipher: {
      enum: ["chacha20-poly1305", "aes-128-gcm"],
      description: "the cipher of TLS: chacha20-poly1305 or aes-128-gcm",
    },
    "allow-classical": yesOrNo("whether clients without X25519MLKEM768 may take part"),
    debug: yesOrNo("whether the isolate may print debug messages"),
    id: {
      type: "string",
      pattern: "^[0-9a-fA-F]{32}$",
      description: "the computation's id, 32 hexadecimal digits in quotes",
    },
  },
} as const;

/** A plan that the schema takes. */
export interface PlanDocument {
  parties: Record<
    string,
    { contact: string; sends?: string | string[]; reads?: string | string[] }
  >;
  programs: Record<string, string | { file: string; reads?: string | string[] }>;
  server?: string;
  attestation?: { server?: string; certificate?: string };
  isolate?: {
    computer?: string;
    microcontroller?: string;
    development?: boolean;
    devices?: string | string[];
    versions?: Record<string, string>;
  };
  ends?: string;
  limits?: {
    fuel?: number;
    time?: string;
    memory?: number | string;
    stack?: number | string;
    result?: number | string;
    file?: number | string;
  };
  rounds?: number;
  "failed-runs"?: number;
  restarts?: number;
  engine?: "interpreter" | "jit";
  cipher?: "chacha20-poly1305" | "aes-128-gcm";
  "allow-classical"?: boolean;
  debug?: boolean;
  id?: string;
}

/** What holds where a plan does not say it. */
export const planDefaults = { server: "127.0.0.1:3017", ends: "+7d" } as const;

const { fuel, deadline_ms, memory_bytes, stack_bytes, output_bytes, file_bytes } = policyDefaults;

/** The same, and what the policy's own defaults are, in words. */
export const planDefaultDocs: Readonly<Record<string, string>> = {
  server: `\`${planDefaults.server}\``,
  attestation: "your own",
  "attestation.server": "the server's host, port 3010",
  "attestation.certificate": "that of your own CA",
  "programs.NAME.reads": "every input and stream that a party sends",
  isolate: "on a computer",
  "isolate.computer": "the runtime of this installation, unless a microcontroller is named",
  "isolate.development": "true, where a computer may compute",
  "isolate.devices": "every device that is enrolled",
  ends: `\`${planDefaults.ends}\``,
  "limits.fuel": `\`${fuel}\``,
  "limits.time": `\`${deadline_ms / 1000}s\``,
  "limits.memory": `\`${memory_bytes / 2 ** 20}MiB\``,
  "limits.stack": `\`${stack_bytes / 2 ** 10}KiB\``,
  "limits.result": `\`${output_bytes / 2 ** 20}MiB\``,
  "limits.file": `\`${file_bytes / 2 ** 20}MiB\``,
  rounds: `\`${policyDefaults.max_rounds}\``,
  "failed-runs": `\`${policyDefaults.max_failed_runs}\``,
  restarts: `\`${policyDefaults.max_restarts}\``,
  engine: "`interpreter`",
  cipher: "`chacha20-poly1305`",
  "allow-classical": "`false`",
  debug: "`false`",
  id: "random",
};
