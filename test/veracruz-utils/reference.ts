// A second, independent reading of what a policy is, on top of JSON.parse: the isolate's parser must
// accept exactly what this accepts. It does not see keys that are there twice; fuzzing makes none.

type Check = (value: unknown) => boolean;

const whole =
  (low: number, high: number): Check =>
  (value) =>
    typeof value === "number" &&
    Number.isInteger(value) &&
    !Object.is(value, -0) &&
    value >= low &&
    value <= high;
const bool: Check = (value) => typeof value === "boolean";
const matching =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === "string" && pattern.test(value);
const u32 = whole(0, 4294967295);
const fromOne = whole(1, 4294967295);
const hash = matching(/^[0-9a-fA-F]{64}$/);

function object(
  value: unknown,
  required: Record<string, Check>,
  optional: Record<string, Check> = {},
) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    Object.keys(required).every((key) => Object.hasOwn(value, key)) &&
    entries.every(([key, inner]) => {
      const check = Object.hasOwn(required, key)
        ? required[key]
        : Object.hasOwn(optional, key)
          ? optional[key]
          : undefined;
      return check?.(inner) ?? false;
    })
  );
}

function list(value: unknown, item: Check, most: number): value is unknown[] {
  return Array.isArray(value) && value.length <= most && value.every(item);
}

const component = matching(/^[A-Za-z0-9._-]{1,16}$/);
const version: Check = (value) =>
  matching(/^(0|[1-9]\d*)(\.(0|[1-9]\d*)){0,3}$/)(value) &&
  (value as string).length <= 16 &&
  (value as string).split(".").every((part) => Number(part) < 65_536);

const name: Check = (value) =>
  matching(/^[A-Za-z0-9._/-]{1,64}$/)(value) &&
  (value as string).split("/").every((part) => part !== "" && part !== "." && part !== "..");

const address: Check = (value) => {
  const match = /^(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):([1-9]\d{0,4})$/.exec(String(value));
  return typeof value === "string" && value.length <= 260 && Number(match?.[1]) <= 65535;
};

/**
 * One PEM block around DER. Which certificates TLS can read is X.509's own chapter, with tests of its
 * own: here only those that were there before the policy was changed are known to be good.
 */
const certificate: Check = (value) => {
  const pattern =
    /^-----BEGIN CERTIFICATE-----\r?[\r\n]*\n([A-Za-z0-9+/=\r\n]*)\n[\r\n]*-----END CERTIFICATE-----[\r\n]*$/;
  const body =
    typeof value === "string" ? pattern.exec(value.replace("-----\r", "-----\n"))?.[1] : undefined;
  const base64 = body?.replace(/[\r\n]/g, "");
  if (base64 === undefined) return false;
  const der = Buffer.from(base64, "base64");
  return der.toString("base64") === base64 && der.length > 0;
};

/** Whether each certificate of a valid policy is one of those that are known to be good where they stand. */
export function holdsOnly(text: Uint8Array, known: readonly Buffer[], ca: Buffer): boolean {
  const { identities, proxy_service_cert: authority } = JSON.parse(Buffer.from(text).toString());
  const derOf = (pem: string) => Buffer.from(pem.replace(/-----[A-Z ]+-----|\s/g, ""), "base64");
  return (
    identities.every((entry: Entry) =>
      known.some((good) => good.equals(derOf(entry.certificate))),
    ) && ca.equals(derOf(authority))
  );
}

interface Right {
  file_name: string;
  rights: string;
}
interface Entry {
  id: number;
  file_rights: Right[];
  certificate: string;
  program_file_name: string;
}

const right: Check = (value) => object(value, { file_name: name, rights: matching(/^(r|w|rw)$/) });
const rights: Check = (value) =>
  list(value, right, 200) && unique((value as Right[]).map(({ file_name }) => file_name));

function unique(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}

function contiguous(entry: Entry, kind: RegExp): boolean {
  const numbers = entry.file_rights.flatMap(({ file_name }) => kind.exec(file_name)?.[1] ?? []);
  return numbers.every((number) => Number(number) < numbers.length);
}

const INPUT = /^input-(0|[1-9]\d{0,3})$/;
const STREAM = /^stream-(0|[1-9]\d{0,3})$/;

/** Whether a policy's text is valid, its certificates apart from their PEM. */
export function isValidPolicy(text: Uint8Array): boolean {
  if (text.length > 65_536) return false;
  let policy: { identities: Entry[]; programs: Entry[] } & Record<string, unknown>;
  try {
    const decoded = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
    // Integers are written plainly.
    const numbers = decoded.replace(/"(?:[^"\\]|\\.)*"/g, '""').match(/-?\d[-+.\dEe]*/g) ?? [];
    if (numbers.some((number) => !/^(0|[1-9]\d*)$/.test(number))) return false;
    policy = JSON.parse(decoded);
  } catch {
    return false;
  }
  const shape = object(
    policy,
    {
      identities: (value) =>
        list(value, (item) => object(item, { certificate, id: u32, file_rights: rights }), 32) &&
        (value as unknown[]).length > 0,
      programs: (value) =>
        list(
          value,
          (item) =>
            object(item, { program_file_name: name, id: u32, pi_hash: hash, file_rights: rights }),
          16,
        ),
      veracruz_server_url: address,
      proxy_attestation_server_url: address,
      proxy_service_cert: certificate,
      enclave_cert_expiry: (value) =>
        object(value, {
          year: whole(1970, 9999),
          month: whole(1, 12),
          day: whole(1, 31),
          hour: whole(0, 23),
          minute: whole(0, 59),
        }),
      ciphersuite: matching(/^TLS1_3_(CHACHA20_POLY1305|AES_128_GCM)_SHA256$/),
      debug: bool,
      execution_strategy: matching(/^(Interpretation|JIT)$/),
    },
    {
      key_exchange: matching(/^hybrid-required$/),
      runtime_manager_hash_linux: hash,
      runtime_manager_hash_mcu: hash,
      allow_development: bool,
      execution_limits: (value) =>
        object(
          value,
          {},
          {
            fuel: whole(1, Number.MAX_SAFE_INTEGER),
            deadline_ms: fromOne,
            memory_bytes: whole(65536, 4294967295),
            stack_bytes: whole(1024, 4294967295),
            output_bytes: u32,
            file_bytes: fromOne,
          },
        ),
      max_rounds: fromOne,
      max_failed_runs: fromOne,
      computation_id: matching(/^[0-9a-fA-F]{32}$/),
      max_restarts: whole(0, 1000),
      instance_ids: (value) =>
        list(value, matching(/^01[0-9a-fA-F]{64}$/), 32) &&
        value.length > 0 &&
        unique(value.map((id) => String(id).toLowerCase())),
      minimum_versions: (value) =>
        list(value, (item) => object(item, { component, version }), 4) &&
        unique((value as { component: string }[]).map((each) => each.component)),
    },
  );
  if (!shape) return false;

  const { identities, programs } = policy;
  const { year, month, day } = policy.enclave_cert_expiry as Record<string, number>;
  const date = new Date(Date.UTC(year as number, (month as number) - 1, day));
  const programNames = programs.map(({ program_file_name }) => program_file_name);
  const reserved = (file: string) => file === "output" || INPUT.test(file) || STREAM.test(file);
  const every = [...identities, ...programs].flatMap(({ file_rights }) => file_rights);
  const files = new Set([...every.map(({ file_name }) => file_name), ...programNames]);
  const ders = identities.map((identity) => identity.certificate.replace(/[\r\n]/g, ""));
  return (
    date.getUTCDate() === day &&
    unique(ders) &&
    unique(identities.map(({ id }) => id)) &&
    unique(programs.map(({ id }) => id)) &&
    unique(programNames) &&
    files.size <= 128 &&
    !programNames.some(reserved) &&
    every.every(({ file_name }) => reserved(file_name) || programNames.includes(file_name)) &&
    identities.every(({ file_rights }) =>
      file_rights.every(({ file_name, rights: r }) => file_name !== "output" || r === "r"),
    ) &&
    programs.every(
      (program) =>
        program.file_rights.every(({ file_name, rights: r }) =>
          file_name === "output" ? r.includes("w") : reserved(file_name) && r === "r",
        ) &&
        program.file_rights.some(({ file_name }) => file_name === "output") &&
        contiguous(program, INPUT) &&
        contiguous(program, STREAM),
    ) &&
    (policy.runtime_manager_hash_linux !== undefined ||
      policy.runtime_manager_hash_mcu !== undefined) &&
    !(
      policy.execution_strategy === "JIT" &&
      (policy.execution_limits as { fuel?: number } | undefined)?.fuel !== undefined
    )
  );
}
