import { CliError } from "../../../host/common/cli.js";
import { parseWhole } from "../../../host/common/quantities.js";
import { generate, generatorCommand, withSeed } from "../support/generator.js";
import { RandomNumbers } from "../support/random-numbers.js";

/** Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let factor = a, rest = b; rest > 0; rest >>= 1) {
    if (rest & 1) product ^= factor;
    factor = factor & 0x80 ? (factor << 1) ^ 0x11b : factor << 1;
  }
  return product;
}

/** Shares with x = 1, 2, …: x, and for each byte of the secret its polynomial's value at x. */
function share(
  secret: Uint8Array,
  shares: number,
  threshold: number,
  random: RandomNumbers,
): Uint8Array[] {
  // Coefficient 0 is the secret; the others are random.
  const coefficients = [
    secret,
    ...Array.from({ length: threshold - 1 }, () => random.bytes(secret.length)),
  ];
  return Array.from({ length: shares }, (_, index) => {
    const x = index + 1;
    const values = Array.from(secret, (_, at) =>
      coefficients.reduceRight((value, each) => multiply(value, x) ^ (each[at] as number), 0),
    );
    return Uint8Array.from([x, ...values]);
  });
}

const command = withSeed(
  generatorCommand("shamir-secret-sharing", "the shares of a secret.")
    .option("--secret <text>", "the secret", "The magic words are squeamish ossifrage")
    .option("--shares <n>", "how many shares", (text) => parseWhole(text, 1, 255), 3)
    .option(
      "--threshold <n>",
      "how many of them are needed",
      (text) => parseWhole(text, 1, 255),
      3,
    ),
);

await generate(command, (options) => {
  const shares = Number(options.shares);
  const threshold = Number(options.threshold);
  if (threshold > shares) throw new CliError("--threshold is more than --shares");
  const secret = new TextEncoder().encode(options.secret);
  if (secret.length === 0) throw new CliError("--secret is empty");
  const files = share(secret, shares, threshold, new RandomNumbers(options.seed));
  return {
    files: Object.fromEntries(files.map((content, index) => [`input-${index}`, content])),
    results: [secret],
    summary: `${shares} shares of a secret of ${secret.length} bytes; any ${threshold} recover it`,
  };
});
