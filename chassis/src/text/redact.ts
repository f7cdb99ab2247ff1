/**
 * Takes credentials out of texts that others get to see: results and arguments of tools, traces. No pattern can know
 * them all; these are the forms that can be told by looking.
 *
 * Every quantifier that may start anywhere is bounded or cannot fail after it has read far, so that no text takes more
 * than linear time. Each pattern leaves the mask alone, so that what was redacted once stays as it is.
 */
import { isDeeperThan, maxJsonDepth } from './json-limits.ts'

export const redacted = '[REDACTED]'

const secretName = String.raw`(?:secret|passw(?:or)?d|passphrase|(?:access|auth|refresh|bearer|bot|api)[_-]?token|(?:api|secret|private|encryption|signing|access)[_-]?key)`

/** A web token in a run of its characters: what stands before its first `eyJ` stays. */
const redactWebToken = (run: string): string => {
  const header = run.slice(0, run.indexOf('.'))
  const start = header.search(/\beyJ/)
  return start < 0 || header.length - start < 13 ? run : run.slice(0, start) + redacted
}

/**
 * Longest first where one contains the other. `$1` keeps the name of what is taken out. `needs` is a part of all that the
 * pattern finds: where a pattern has to look at every word, most texts are spared it.
 */
const replacements: readonly [pattern: RegExp, replacement: string | ((match: string) => string), needs?: string][] = [
  [/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$)/g, redacted],
  // A digit or a great length tells a key from words: "sk-learn-compatible-model" stays.
  [/\bsk-(?:[A-Za-z0-9]{20}|(?=[\w-]{0,60}\d)[\w-]{16})[\w-]*/g, redacted],
  [/\bgoclaw_[A-Za-z0-9]{16,}/gi, redacted],
  [/\bclawmesh_[0-9a-f]{32}/g, redacted],
  [/\bgh[pousr]_[A-Za-z0-9]{20,}/g, redacted],
  [/\bgithub_pat_\w{20,}/g, redacted],
  [/\bglpat-[\w-]{16,}/g, redacted],
  [/\bxox[a-z]-[A-Za-z0-9-]{10,}/g, redacted],
  [/\bxapp-[\w-]{10,}/g, redacted],
  [/\bAIza[\w-]{30,}/g, redacted],
  [/\bya29\.[\w-]{20,}/g, redacted],
  [/\b(?:gsk|hf|npm)_[A-Za-z0-9]{20,}/g, redacted],
  [/\b(?:xai|pplx)-\w{20,}/g, redacted],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, redacted],
  // The token of a Telegram bot.
  [/\b\d{8,10}:[\w-]{35}/g, redacted],
  // From the beginning of a run, or a text full of beginnings would be read again from each of them.
  [/(?<![\w-])[\w-]{13,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?/g, redactWebToken, '.eyJ'],
  [/\b(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?):\/\/[^\s"'<>`\\]{4,}/gi, redacted, '://'],
  // scheme://user:password@host
  [/\b([a-z][a-z\d+.-]{1,20}:\/\/[^\s:/@"'\\]{0,100}:)[^\s/@"'\\[]{1,200}@/gi, `$1${redacted}@`, '://'],
  [
    /\b(authorization\\{0,3}["']?\s{0,4}[:=]\s{0,4}\\{0,3}["']?(?:(?:Basic|Bearer|Digest|Token)\s{1,4})?)(?!(?:Basic|Bearer|Digest|Token)\s)[^\s"'<>,;\\[]{4,}/gi,
    `$1${redacted}`,
  ],
  // A digit or a great length tells a token from a word: "bearer authentication" stays.
  [/\b(Bearer\s{1,4})(?=[A-Za-z._~+/=-]{0,100}\d|[A-Za-z0-9._~+/=-]{24})[A-Za-z0-9._~+/=-]{8,}/gi, `$1${redacted}`],
  // "api_key": "a b c", also inside a JSON text inside a JSON text
  [
    new RegExp(String.raw`(${secretName}\\{0,3}["']\s{0,4}:\s{0,4}\\{0,3}["'])(?!\[REDACTED)[^"'\\]{1,4000}`, 'gi'),
    `$1${redacted}`,
  ],
  // API_KEY=abc, password: abc
  [new RegExp(String.raw`(${secretName}\s{0,4}[:=]\s{0,4}["']?)[^\s"'\\,;&<>{}()[\]]{6,}`, 'gi'), `$1${redacted}`],
  [
    /\b((?:api[_-]?key|token|secret|password|passwd|bearer|authorization)\\{0,3}["']?\s{0,4}[:=]\s{0,4}\\{0,3}["']?)[^\s"'<>,;\\[]{8,}/gi,
    `$1${redacted}`,
  ],
  [
    /\b([A-Z0-9_]{0,64}(?:KEY|SECRET|CREDENTIAL|PRIVATE|TOKEN|PASSWORD)[A-Z0-9_]{0,64}=["']?)[^\s"'[]{8,}/g,
    `$1${redacted}`,
    '=',
  ],
  [/\b([A-Z0-9_]{0,64}(?:DSN|DATABASE_URL|REDIS_URL|MONGO_URI)=["']?)[^\s"'[]{8,}/g, `$1${redacted}`, '='],
  [/\b(VIRTUAL_[A-Z0-9_]{1,64}=["']?)[^\s"'[]{4,}/g, `$1${redacted}`, '='],
  [/\b[0-9a-f]{64,}\b/gi, redacted],
]

/** A text with each credential replaced by [REDACTED]. In time linear in its length. */
export const redactSecrets = (text: string): string => {
  let clean = text
  for (const [pattern, replacement, needs = ''] of replacements) {
    if (!clean.includes(needs)) continue
    clean = typeof replacement === 'string' ? clean.replace(pattern, replacement) : clean.replace(pattern, replacement)
  }
  return clean
}

const secretField = new RegExp(`(?:^|[_-])(?:${secretName}|token|authorization|cookie)$`, 'i')
const camelToSnake = (name: string) => name.replace(/([a-z\d])([A-Z])/g, '$1_$2')

/** Whether a field of this name holds a credential. */
export const isSecretField = (name: string): boolean => secretField.test(camelToSnake(name))

/**
 * Plain data with `redact` done to each text in it, and with whole texts taken out where the name of their field says
 * that they are credentials. A value nested deeper than `maxJsonDepth` becomes a note that says so.
 */
export const redactDeep = (value: unknown, redact: (text: string) => string = redactSecrets): unknown => {
  const clean = (name: string, inner: unknown): unknown => {
    if (typeof inner === 'string') return isSecretField(name) ? redacted : redact(inner)
    if (Array.isArray(inner)) return inner.map((element) => clean(name, element))
    if (typeof inner !== 'object' || inner === null) return inner
    return Object.fromEntries(Object.entries(inner).map(([field, deeper]) => [field, clean(field, deeper)]))
  }
  return isDeeperThan(value) ? `[nested deeper than ${maxJsonDepth}]` : clean('', value)
}
