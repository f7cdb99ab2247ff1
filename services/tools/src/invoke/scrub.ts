/** Takes secrets out of what tools say, before a model or a user sees it. */
import { perObject, redactDeep, redacted, redactSecrets } from '@clawmesh/chassis'

export interface ScrubOptions {
  /** Values stored as credentials of the tenant; those under 6 characters are ignored. */
  secrets?: readonly string[] | undefined
  /** Leaves what only looks like a credential. */
  onlyKnown?: boolean | undefined
  /** IPv4 addresses of the servers that tools run on. */
  serverAddresses?: readonly string[] | undefined
}

/** A form of an address as a whole: the beginning or end of another one is none of ours. */
const whole = (form: string): string => `(?<!\\d|\\d\\.)${RegExp.escape(form)}(?!\\d|\\.\\d)`

const addressForms = (address: string): string[] => {
  const bytes = address.split('.').map(Number)
  const decimal = bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  return [`${bytes.toReversed().join('.')}.in-addr.arpa`, address, bytes.join('-'), String(decimal)]
}

const patternOf = perObject(
  (addresses: readonly string[]) => new RegExp(addresses.flatMap(addressForms).map(whole).join('|'), 'g'),
)

/** The text without secrets, each replaced by [REDACTED], and without the own addresses ([SERVER_IP]). */
export const scrub = (text: string, { secrets = [], serverAddresses = [], onlyKnown }: ScrubOptions = {}): string => {
  let clean = text
  const known = secrets.filter((secret) => secret.length >= 6).toSorted((a, b) => b.length - a.length)
  for (const secret of known) clean = clean.replaceAll(secret, redacted)
  if (onlyKnown) return clean
  clean = redactSecrets(clean)
  return serverAddresses.length === 0 ? clean : clean.replace(patternOf(serverAddresses), '[SERVER_IP]')
}

/** The same for every text inside a value of plain data; what its field's name calls a credential goes as a whole. */
export const scrubDeep = (value: unknown, options: ScrubOptions = {}): unknown =>
  redactDeep(value, (text) => scrub(text, options))
