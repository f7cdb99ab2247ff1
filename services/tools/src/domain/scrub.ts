/** Takes secrets out of what tools say, before a model or a user sees it. */

const redacted = '[REDACTED]'

/** Longest first where one contains the other. `$1` keeps the name of what is taken out. */
const patterns: readonly [pattern: RegExp, replacement: string][] = [
  [/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$)/g, redacted],
  [/\bsk-(?:ant|proj|or|svcacct)-[A-Za-z0-9_-]{20,}/g, redacted],
  [/\bsk-[A-Za-z0-9]{20,}/g, redacted],
  [/\bgoclaw_[A-Za-z0-9]{16,}/gi, redacted],
  [/\bgh[pousr]_[A-Za-z0-9]{36,}/g, redacted],
  [/\bgithub_pat_[A-Za-z0-9_]{22,}/g, redacted],
  [/\bglpat-[A-Za-z0-9_-]{20,}/g, redacted],
  [/\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g, redacted],
  [/\bAIza[A-Za-z0-9_-]{35}/g, redacted],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, redacted],
  [/\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/g, redacted],
  [/\b(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?):\/\/[^\s"'<>`]{4,}/gi, redacted],
  [/\b(authorization["']?\s{0,4}[:=]\s{0,4}["']?(?:Basic|Bearer|Token)\s{1,4})[^\s"'<>,;]{4,}/gi, `$1${redacted}`],
  // A digit or a great length tells a token from a word: "bearer authentication" stays.
  [/\b(Bearer\s{1,4})(?=[A-Za-z._~+/=-]{0,100}\d|[A-Za-z0-9._~+/=-]{24})[A-Za-z0-9._~+/=-]{8,}/gi, `$1${redacted}`],
  [
    /\b((?:api[_-]?key|token|secret|password|passwd|bearer|authorization)["']?\s{0,4}[:=]\s{0,4}["']?)[^\s"'<>,;[]{8,}/gi,
    `$1${redacted}`,
  ],
  [
    /\b([A-Z0-9_]{0,64}(?:KEY|SECRET|CREDENTIAL|PRIVATE|TOKEN|PASSWORD)[A-Z0-9_]{0,64}=["']?)[^\s"'[]{8,}/g,
    `$1${redacted}`,
  ],
  [/\b([A-Z0-9_]{0,64}(?:DSN|DATABASE_URL|REDIS_URL|MONGO_URI)=["']?)[^\s"'[]{8,}/g, `$1${redacted}`],
  [/\b(VIRTUAL_[A-Z0-9_]{1,64}=["']?)[^\s"'[]{4,}/g, `$1${redacted}`],
  [/\b[0-9a-f]{64,}\b/gi, redacted],
]

export interface ScrubOptions {
  /** Values stored as credentials of the tenant; those under 6 characters are ignored. */
  secrets?: readonly string[] | undefined
  /** IPv4 addresses of the servers that tools run on. */
  serverAddresses?: readonly string[] | undefined
}

const addressForms = (address: string): string[] => {
  const bytes = address.split('.').map(Number)
  if (bytes.length !== 4) return [address]
  const decimal = bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  return [`${bytes.toReversed().join('.')}.in-addr.arpa`, address, bytes.join('-'), String(decimal)]
}

/** The text without secrets, each replaced by [REDACTED], and without the own addresses ([SERVER_IP]). */
export const scrub = (text: string, { secrets = [], serverAddresses = [] }: ScrubOptions = {}): string => {
  let clean = text
  const known = secrets.filter((secret) => secret.length >= 6).toSorted((a, b) => b.length - a.length)
  for (const secret of known) clean = clean.replaceAll(secret, redacted)
  for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement)
  for (const form of serverAddresses.flatMap(addressForms)) clean = clean.replaceAll(form, '[SERVER_IP]')
  return clean
}

/** The same for every text inside a value of plain data. */
export const scrubDeep = (value: unknown, options: ScrubOptions = {}): unknown => {
  if (typeof value === 'string') return scrub(value, options)
  if (Array.isArray(value)) return value.map((item) => scrubDeep(item, options))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, scrubDeep(item, options)]))
}
