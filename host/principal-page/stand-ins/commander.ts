/** What parsers of arguments throw. */
export class InvalidArgumentError extends Error {}
