import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { type Document, isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { CliError } from "../common/cli.js";
import { nearest } from "../common/edit-distance.js";
import { type PlanDocument, planSchema } from "./plan-schema.js";

/** A plan has far fewer bytes. */
const MAX_PLAN_BYTES = 256 * 1024;
/** Most errors that are listed. */
const MAX_ERRORS = 20;

type Path = readonly (string | number)[];

/** A plan's text, read: its content, and where in the text each part of it stands. */
export class PlanText {
  readonly content: PlanDocument;
  private readonly document: Document;
  private readonly lines = new LineCounter();

  /**
   * @param name the file, as errors name it
   * @throws CliError with one line for each thing that is wrong
   */
  constructor(
    readonly name: string,
    text: string,
  ) {
    if (text.length > MAX_PLAN_BYTES)
      throw new CliError(`the plan ${JSON.stringify(name)} has more than ${MAX_PLAN_BYTES} bytes`);
    this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false });
    const [broken] = this.document.errors;
    if (broken !== undefined)
      throw new CliError(`${this.position(broken.pos[0])}: not YAML: ${broken.message}`);
    let value: unknown;
    try {
      value = this.document.toJS({ maxAliasCount: 20 });
    } catch (error) {
      throw new CliError(`${this.name}: not YAML of a plan: ${(error as Error).message}`);
    }
    const ajv = new Ajv2020({
      allErrors: true,
      verbose: true,
      strict: true,
      strictRequired: false,
    });
    if (!ajv.validate(planSchema, value)) {
      const words = (ajv.errors ?? []).flatMap((error) => this.wordsOf(error));
      throw new CliError([...new Set(words)].slice(0, MAX_ERRORS).join("\n"));
    }
    this.content = value as PlanDocument;
  }

  /** An error about a part of the plan: `plan.yaml:7: parties.bob.contact: no such file`. */
  error(path: Path, words: string): CliError {
    return new CliError(`${this.place(path)}: ${words}`);
  }

  /** `plan.yaml:7: parties.bob.contact`; of a part that is not there, the line of what should hold it. */
  place(path: Path): string {
    return `${this.position(this.offsetOf(path))}${path.length > 0 ? `: ${path.join(".")}` : ""}`;
  }

  private position(offset: number): string {
    return `${this.name}:${this.lines.linePos(offset).line}`;
  }

  /** Where a part begins: for an entry of a map, its name. */
  private offsetOf(path: Path): number {
    for (let depth = path.length; depth > 0; depth--) {
      const parent =
        depth === 1 ? this.document.contents : this.document.getIn(path.slice(0, depth - 1), true);
      const last = path[depth - 1];
      if (isMap(parent)) {
        const pair = parent.items.find(
          ({ key }) => isScalar(key) && String(key.value) === String(last),
        );
        const start = (pair?.key as { range?: [number, number, number] } | undefined)?.range?.[0];
        if (start !== undefined) return start;
      } else {
        const node = this.document.getIn(path.slice(0, depth), true);
        const start = (node as { range?: [number, number, number] } | undefined)?.range?.[0];
        if (start !== undefined) return start;
      }
    }
    return 0;
  }

  /** What is wrong, in the plan's own words. Steps of the schema that say nothing by themselves are left out. */
  private wordsOf(error: ErrorObject): string[] {
    const path = error.instancePath
      .split("/")
      .slice(1)
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const { description, properties } = (error.parentSchema ?? {}) as {
      description?: string;
      properties?: Record<string, { description?: string }>;
    };
    switch (error.keyword) {
      case "additionalProperties": {
        const name = String(error.params.additionalProperty);
        const known = Object.keys(properties ?? {});
        const near = nearest(name, known);
        const hint =
          near === undefined ? `expected one of ${known.join(", ")}` : `did you mean ${near}?`;
        return [`${this.place([...path, name])}: there is no such entry here: ${hint}`];
      }
      case "required": {
        const name = String(error.params.missingProperty);
        return [
          `${this.place(path)}: ${name} is missing: ${properties?.[name]?.description ?? ""}`,
        ];
      }
      case "dependentRequired":
        return [`${this.place(path)}: ${error.params.missingProperty} is missing`];
      case "propertyNames":
        return [
          `${this.place([...path, String(error.params.propertyName)])}: expected a name of letters, digits and . _ -, which is not output, input-… or stream-…`,
        ];
      case "minProperties":
        return [`${this.place(path)}: there is none: expected ${description ?? "at least one"}`];
      case "uniqueItems":
        return [`${this.place(path)}: the same is there twice`];
      default:
        // Inside of alternatives the whole of them says more.
        if (description === undefined) return [];
        return [`${this.place(path)}: expected ${description}; it is ${shown(error.data)}`];
    }
  }
}

function shown(value: unknown): string {
  if (value === null) return "empty";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
