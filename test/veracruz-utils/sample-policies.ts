// Valid policies for tests.
import { createHash } from "node:crypto";
import type { PolicyDocument } from "../../host/veracruz-utils/policy.js";
import { makeCertificate, type TestCertificate } from "../support/certificates.js";

export const alice: TestCertificate = makeCertificate({ commonName: "alice" });
export const bob: TestCertificate = makeCertificate({ commonName: "bob" });
export const carol: TestCertificate = makeCertificate({ commonName: "carol" });
export const authority: TestCertificate = makeCertificate({ commonName: "Test CA", ca: true });

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** Two providers and a reader; every optional key but a runtime's hash and the computation's ID left out. */
export function samplePolicy(): PolicyDocument {
  return {
    identities: [
      {
        certificate: alice.pem,
        id: 0,
        file_rights: [
          { file_name: "sum.wasm", rights: "w" },
          { file_name: "input-0", rights: "w" },
        ],
      },
      {
        certificate: bob.pem,
        id: 1,
        file_rights: [{ file_name: "input-1", rights: "w" }],
      },
      {
        certificate: carol.pem,
        id: 7,
        file_rights: [{ file_name: "output", rights: "r" }],
      },
    ],
    programs: [
      {
        program_file_name: "sum.wasm",
        id: 0,
        pi_hash: sha256("sum"),
        file_rights: [
          { file_name: "input-0", rights: "r" },
          { file_name: "input-1", rights: "r" },
          { file_name: "output", rights: "w" },
        ],
      },
    ],
    veracruz_server_url: "127.0.0.1:3017",
    proxy_attestation_server_url: "127.0.0.1:3010",
    proxy_service_cert: authority.pem,
    enclave_cert_expiry: { year: 2099, month: 12, day: 31, hour: 23, minute: 59 },
    ciphersuite: "TLS1_3_CHACHA20_POLY1305_SHA256",
    key_exchange: "hybrid-required",
    runtime_manager_hash_linux: sha256("runtime"),
    debug: false,
    execution_strategy: "Interpretation",
    computation_id: "0123456789abcdef".repeat(2),
  };
}

/** Every key is there; two programs, streams, file names of all sorts, rights of all sorts. */
export function fullPolicy(): PolicyDocument {
  const policy = samplePolicy();
  return {
    ...policy,
    identities: [
      ...policy.identities.slice(0, 2),
      {
        certificate: carol.pem,
        id: 4_294_967_295,
        file_rights: [
          { file_name: "output", rights: "r" },
          { file_name: "stream-0", rights: "rw" },
          { file_name: "stream-1", rights: "w" },
          { file_name: "lib/number_stream.v1.wasm", rights: "rw" },
          { file_name: "input-9", rights: "w" },
        ],
      },
    ],
    programs: [
      ...policy.programs,
      {
        program_file_name: "lib/number_stream.v1.wasm",
        id: 9,
        pi_hash: sha256("stream").toUpperCase(),
        file_rights: [
          { file_name: "stream-1", rights: "r" },
          { file_name: "output", rights: "rw" },
          { file_name: "input-0", rights: "r" },
          { file_name: "stream-0", rights: "r" },
        ],
      },
    ],
    veracruz_server_url: "[::1]:65535",
    proxy_attestation_server_url: "attest.example.org:1",
    ciphersuite: "TLS1_3_AES_128_GCM_SHA256",
    runtime_manager_hash_mcu: sha256("firmware"),
    debug: true,
    allow_development: true,
    execution_limits: {
      fuel: Number.MAX_SAFE_INTEGER,
      deadline_ms: 1,
      memory_bytes: 65_536,
      stack_bytes: 1024,
      output_bytes: 0,
      file_bytes: 4_294_967_295,
    },
    max_rounds: 5,
    max_failed_runs: 2,
    computation_id: "00112233445566778899AABBccddeeff",
    max_restarts: 1000,
    instance_ids: [`01${"aB".repeat(32)}`, `01${"00".repeat(32)}`],
    minimum_versions: [
      { component: "ARoT", version: "65535.0.10" },
      { component: "B_L-2.x", version: "0" },
    ],
  };
}

/** A policy's text. */
export function textOf(policy: unknown): Buffer {
  return Buffer.from(JSON.stringify(policy, null, 2));
}
