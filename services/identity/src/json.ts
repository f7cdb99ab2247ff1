/** Somebody's own JSON object. */
export type JsonObject = Record<string, unknown>

/** An object to be shown, or nothing where it is empty. */
export const unlessEmpty = (object: JsonObject): JsonObject | undefined =>
  Object.keys(object).length === 0 ? undefined : object
