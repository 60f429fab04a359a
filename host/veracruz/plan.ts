import { existsSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { CliError, readUserFile, readUserText, writeUserFile } from "../common/cli.js";
import { writeNewFile } from "../common/secret-files.js";
import { CertificateError, displayName, readCertificate } from "../x509/principal-certificate.js";
import { allWarnings, shortHash } from "./brief.js";
import { Output, type OutputOptions } from "./output.js";
import { ownCa } from "./own-attestation.js";
import { planTemplate, policyOfPlan } from "./plan-policy.js";
import { PlanText } from "./plan-reader.js";
import { showPolicy } from "./review.js";

interface PlanOptions extends OutputOptions {
  output?: string;
  new?: boolean;
}

/** Writes a plan to begin with. */
function begin(path: string, contacts: readonly string[], output: Output): void {
  const parties = contacts.map((contact) => {
    try {
      const certificate = readCertificate(readUserFile(contact, "contact"));
      return { name: displayName(certificate), path: relative(dirname(path), contact) };
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      throw new CliError(`the contact ${JSON.stringify(contact)}: ${error.message}`);
    }
  });
  const given =
    parties.length > 0
      ? parties
      : ["alice", "bob"].map((name) => ({ name, path: `${name}.contact` }));
  writeNewFile(path, planTemplate(given), 0o644);
  output.note(`wrote ${path}: edit it, then: veracruz plan ${path}`);
  output.answer({ plan: path });
}

/** `veracruz plan PLAN`: makes the policy that a plan describes, and explains it. */
export function plan(path: string, contacts: readonly string[], options: PlanOptions): void {
  const output = new Output(options);
  if (options.new) {
    begin(path, contacts, output);
    return;
  }
  if (contacts.length > 0)
    throw new CliError(
      `${JSON.stringify(contacts[0])}: contacts are for --new; a plan names its own`,
    );
  if (path !== "-" && !existsSync(path))
    throw new CliError(
      `cannot read the plan ${JSON.stringify(path)}: no such file; --new begins one`,
    );
  const text = new PlanText(path, readUserText(path, "plan"));
  const { policy, remarks } = policyOfPlan(text, { certificate: ownCa });
  const target = options.output ?? join(path === "-" ? "." : dirname(path), "policy.json");
  writeUserFile(target, "policy", policy.bytes);
  showPolicy(policy, output);
  for (const remark of remarks) output.note(`note: ${remark}`);
  if (target !== "-")
    output.note(
      `wrote ${target}: hand it to all parties; each reviews it (veracruz review ${basename(target)})`,
    );
  output.answer({
    policy: policy.hash.toString("hex"),
    file: target,
    warnings: allWarnings(policy),
    remarks,
  });
  output.detail(`short hash ${shortHash(policy)}`);
}
