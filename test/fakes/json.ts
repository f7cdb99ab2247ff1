/** A JSON object as it comes over HTTP. */
export type Json = Record<string, unknown>
