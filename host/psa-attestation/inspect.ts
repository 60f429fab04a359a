import { diagnostic, scan } from "./cbor.js";
import { unknownClaims } from "./claims.js";
import { describeLifecycle, gradeOf } from "./lifecycle.js";
import type { UnverifiedToken } from "./verifier.js";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** A token's claims as lines of text for people, one claim a line, byte strings in hex. */
export function describeToken({ claims, message, alias }: UnverifiedToken): string[] {
  const lines = [
    `profile                  ${claims.profile}`,
    `nonce                    ${hex(claims.nonce)}`,
    `instance ID              ${hex(claims.instanceId)}`,
    `implementation ID        ${hex(claims.implementationId)}`,
    `client ID                ${claims.clientId}`,
    `security lifecycle       ${describeLifecycle(claims.securityLifecycle)}, ${gradeOf(claims.securityLifecycle)} grade`,
  ];
  if (claims.bootSeed) lines.push(`boot seed                ${hex(claims.bootSeed)}`);
  if (claims.certificationReference !== undefined)
    lines.push(`certification reference  ${claims.certificationReference}`);
  if (claims.verificationService !== undefined)
    lines.push(`verification service     ${JSON.stringify(claims.verificationService)}`);
  for (const [i, component] of claims.softwareComponents.entries()) {
    lines.push(
      `software component ${i}     ${JSON.stringify(component.measurementType ?? "(no type)")}${
        component.version === undefined ? "" : `, version ${JSON.stringify(component.version)}`
      }`,
      `  measurement            ${hex(component.measurementValue)}${
        component.measurementDescription === undefined
          ? ""
          : ` (${JSON.stringify(component.measurementDescription)})`
      }`,
      `  signer ID              ${hex(component.signerId)}`,
    );
  }
  for (const [key, item] of unknownClaims(message.payload))
    lines.push(`claim ${key} (not PSA's)   ${diagnostic(message.payload, item)}`);
  if (alias !== undefined)
    lines.push(
      `alias key                ${hex(alias.aliasKey.subarray(-65))}`,
      `certified by             the identity key of ${hex(alias.certified.instanceId)}`,
    );
  lines.push(`signature (ES256)        ${hex(message.signature)}`);
  return lines;
}

/** The claims of a token as an object for JSON, byte strings in hex. */
export function tokenToJson({ claims, message, alias }: UnverifiedToken): Record<string, unknown> {
  const { softwareComponents, nonce, instanceId, implementationId, bootSeed, ...rest } = claims;
  return {
    ...rest,
    grade: gradeOf(claims.securityLifecycle),
    nonce: hex(nonce),
    instanceId: hex(instanceId),
    implementationId: hex(implementationId),
    ...(bootSeed && { bootSeed: hex(bootSeed) }),
    softwareComponents: softwareComponents.map(({ measurementValue, signerId, ...component }) => ({
      ...component,
      measurementValue: hex(measurementValue),
      signerId: hex(signerId),
    })),
    ...(alias && {
      alias: {
        publicKey: hex(alias.aliasKey.subarray(-65)),
        claims: diagnostic(alias.message.payload, scan(alias.message.payload)),
      },
    }),
    claims: diagnostic(message.payload, scan(message.payload)),
    signature: hex(message.signature),
  };
}
