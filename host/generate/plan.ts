/** The words of a plan: as a table for its document, and as a JSON Schema for editors. */
import { table } from "../common/markdown.js";
import { planDefaultDocs, planSchema } from "../veracruz/plan-schema.js";

interface Schema {
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: readonly string[];
  anyOf?: readonly Schema[];
}

/** The schema as a file. */
export function planSchemaText(): string {
  return `${JSON.stringify(planSchema, null, 2)}\n`;
}

/** Words within words, each with what it means. */
function rows(schema: Schema, prefix: string): string[][] {
  const named = Object.entries(schema.properties ?? {}).map(
    ([name, inner]) => [name, inner, schema.required?.includes(name) ?? false] as const,
  );
  const { additionalProperties: any } = schema;
  const others = typeof any === "object" ? [["NAME", any, false] as const] : [];
  const alternatives = (schema.anyOf ?? []).flatMap((each) => rows(each, prefix));
  const own = [...named, ...others].flatMap(([name, inner, isRequired]) => {
    const path = `${prefix}${name}`;
    const otherwise = isRequired ? "required" : (planDefaultDocs[path] ?? "");
    return [[`\`${path}\``, inner.description ?? "", otherwise], ...rows(inner, `${path}.`)];
  });
  return [...own, ...alternatives];
}

/** The table of `docs/plan.md`. */
export function planTable(): string {
  return table(["word", "what it says", "left out"], rows(planSchema as unknown as Schema, ""));
}
