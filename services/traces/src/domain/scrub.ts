/**
 * Cuts credentials out of what is recorded. No pattern can know them all; these are the forms that can be told by
 * looking. Every quantifier that may start anywhere is bounded, so that no text takes more than linear time.
 */
const mask = '***'

/** Keys and tokens that have a form of their own. */
const knownForms = new RegExp(
  [
    '\\bsk-[\\w-]{16,}',
    '\\b(?:goclaw|clawmesh)_[0-9a-f]{32}',
    '\\bgh[pousr]_\\w{20,}',
    '\\bgithub_pat_\\w{20,}',
    '\\bglpat-[\\w-]{16,}',
    '\\b(?:AKIA|ASIA)[0-9A-Z]{16}',
    '\\bAIza[\\w-]{30,}',
    '\\bya29\\.[\\w-]{20,}',
    '\\bxox[a-z]-[\\w-]{10,}',
    '\\bxapp-[\\w-]{10,}',
    '\\b(?:gsk|hf|npm)_\\w{20,}',
    '\\b(?:xai|pplx)-\\w{20,}',
    '\\b\\d{8,10}:[\\w-]{35}',
    // Not inside a longer word, or a text full of beginnings would be read again from each of them.
    '(?<![\\w-])eyJ[\\w-]{8,}\\.[\\w-]{8,}\\.[\\w-]*',
    '-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^]*?-----END [A-Z ]{0,40}PRIVATE KEY-----|[^]*)',
  ].join('|'),
  'g',
)

const secretName = `(?:${[
  'secret',
  'passw(?:or)?d',
  'passphrase',
  '(?:access|auth|refresh|bearer|bot|api)[_-]?token',
  '(?:api|secret|private|encryption|signing)[_-]?key',
].join('|')})`

const replacements: readonly [RegExp, string][] = [
  [knownForms, mask],
  // Authorization: Basic abc
  [
    /(authorization\\{0,3}["']?\s{0,4}[:=]\s{0,4}\\{0,3}["']?(?:(?:Bearer|Basic|Digest|Token) )?)[^\s"'\\,;*]{6,4000}/gi,
    `$1${mask}`,
  ],
  [/\b(Bearer )(?=[\w.~+/=-]{0,80}\d)[\w.~+/=-]{12,}/g, `$1${mask}`],
  // scheme://user:password@host
  [/\b([a-z][a-z\d+.-]{1,20}:\/\/[^\s:/@"'\\]{0,100}:)[^\s/@"'\\]{1,200}@/gi, `$1${mask}@`],
  // "api_key": "abc", also inside a JSON text inside a JSON text
  [new RegExp(`(${secretName}\\\\{0,3}["']\\s{0,4}:\\s{0,4}\\\\{0,3}["'])[^"'\\\\]{1,4000}`, 'gi'), `$1${mask}`],
  // API_KEY=abc, password: abc
  [new RegExp(`(${secretName}\\s{0,4}[:=]\\s{0,4}["']?)[^\\s"'\\\\,;&<>{}()\\[\\]*]{6,4000}`, 'gi'), `$1${mask}`],
]

const secretField = new RegExp(`(?:^|[_-])(?:${secretName}|token|authorization|cookie)$`, 'i')
const camelToSnake = (name: string) => name.replace(/([a-z\d])([A-Z])/g, '$1_$2')

/** A text without credentials. */
export const scrubText = (text: string): string =>
  replacements.reduce((scrubbed, [pattern, replacement]) => scrubbed.replace(pattern, replacement), text)

/** Whether a field of this name holds a credential. */
export const isSecretField = (name: string): boolean => secretField.test(camelToSnake(name))

export const secretMask = mask
