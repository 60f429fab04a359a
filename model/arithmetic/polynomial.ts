/**
 * Polynomials with integer coefficients in named variables. A monomial is the sorted list of its variables'
 * numbers, joined by commas; the constant's is empty.
 */
export type Polynomial = ReadonlyMap<string, bigint>;

export const ZERO: Polynomial = new Map();

export function constant(value: bigint): Polynomial {
  return value === 0n ? ZERO : new Map([["", value]]);
}

export function variable(number: number): Polynomial {
  return new Map([[String(number), 1n]]);
}

/** a + factor b. */
export function addScaled(a: Polynomial, b: Polynomial, factor: bigint): Polynomial {
  const sum = new Map(a);
  for (const [monomial, coefficient] of b) {
    const value = (sum.get(monomial) ?? 0n) + factor * coefficient;
    if (value === 0n) sum.delete(monomial);
    else sum.set(monomial, value);
  }
  return sum;
}

export function scale(a: Polynomial, factor: bigint): Polynomial {
  return addScaled(ZERO, a, factor);
}

const joined = new Map<string, string>();
function join(a: string, b: string): string {
  if (a === "") return b;
  if (b === "") return a;
  const key = `${a}*${b}`;
  let monomial = joined.get(key);
  if (monomial === undefined) {
    monomial = [...a.split(","), ...b.split(",")].sort((x, y) => Number(x) - Number(y)).join(",");
    joined.set(key, monomial);
  }
  return monomial;
}

export function multiply(a: Polynomial, b: Polynomial): Polynomial {
  const product = new Map<string, bigint>();
  for (const [ma, ca] of a) {
    for (const [mb, cb] of b) {
      const monomial = join(ma, mb);
      product.set(monomial, (product.get(monomial) ?? 0n) + ca * cb);
    }
  }
  for (const [monomial, coefficient] of product) {
    if (coefficient === 0n) product.delete(monomial);
  }
  return product;
}

/** Whether `modulus` divides every coefficient: the polynomial is 0 modulo it, whatever the variables are. */
export function isZeroModulo(a: Polynomial, modulus: bigint): boolean {
  for (const coefficient of a.values()) if (coefficient % modulus !== 0n) return false;
  return true;
}

/** a / divisor, which divides every coefficient. */
export function divideExactly(a: Polynomial, divisor: bigint): Polynomial {
  const quotient = new Map<string, bigint>();
  for (const [monomial, coefficient] of a) quotient.set(monomial, coefficient / divisor);
  return quotient;
}

/** One text for one polynomial. */
export function keyOf(a: Polynomial): string {
  return [...a]
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .map(([monomial, coefficient]) => `${coefficient}*${monomial}`)
    .join("+");
}
