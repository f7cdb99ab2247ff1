/** What S3 takes as a key is 1,024 bytes. */
export const longestKey = 900
/** So many are left for the prefix of the bucket. */
export const longestPrefix = 1_024 - longestKey

/**
 * Some characters are spelt in three, so that no client and no server reads anything else into a name: a question mark would
 * end the path of an address, and listings are XML.
 */
const special = /[%?&'"<>]/g
export const spelled = (key: string): string =>
  key.replace(special, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
export const unspelled = (key: string): string =>
  key.replace(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
