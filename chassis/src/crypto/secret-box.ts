/** Secrets at rest: AES-256-GCM, each value bound to its tenant, column and row so that it cannot be moved elsewhere. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { MeshError } from '@clawmesh/contracts'

const nonceBytes = 12
const tagBytes = 16
const keyBytes = 32

/** Reads a key of 64 hex digits, 44 base64 characters or 32 raw characters. @throws Error for anything else */
export const parseEncryptionKey = (text: string): Buffer => {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex')
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return Buffer.from(text, 'base64')
  if (Buffer.byteLength(text) === keyBytes) return Buffer.from(text)
  throw new Error('an encryption key is 64 hex digits, 44 base64 characters or 32 bytes')
}

/** A column of sealed texts. The rows of its table have an `id` and a `tenant_id`, and keep both for life. */
export interface SecretColumn {
  readonly table: string
  readonly column: string
}

/** Where one sealed value stands. */
export interface SecretPlace {
  readonly column: SecretColumn
  readonly tenantId: string
  readonly rowId: string
}

export interface SecretBox {
  /** Id of the key that seals; 8 hex digits. */
  readonly keyId: string
  /** Ids of all keys that open. */
  readonly keyIds: readonly string[]
  seal: (plain: string, place: SecretPlace) => string
  /** @throws INTERNAL when the value was made with another key, for another place, or was changed */
  open: (sealed: string, place: SecretPlace) => string
  /** How every value begins that is of the newest format and under the current key. */
  readonly currentPrefix: string
  /** Keys of 32 bytes for another use, by HKDF-SHA256 (RFC 5869) with that use as its label; the current one first. */
  derive: (label: string) => readonly Buffer[]
}

/** Stored forms, newest first, as the text in front of the base64 of nonce, ciphertext and tag. */
const formats = [
  {
    pattern: /^mesh2:(?<id>[0-9a-f]{8}):(?<body>.*)$/,
    aad: ({ column: { table, column }, tenantId, rowId }: SecretPlace) => `${tenantId}/${table}.${column}/${rowId}`,
  },
  {
    pattern: /^mesh1:(?<id>[0-9a-f]{8}):(?<body>.*)$/,
    aad: ({ column: { table, column }, tenantId }: SecretPlace) => `${tenantId}/${table}.${column}`,
  },
  // GoClaw's: it names no key and is bound to no place.
  { pattern: /^aes-gcm:(?<body>.*)$/, aad: () => '' },
] as const

const idOf = (key: Buffer): string => createHash('sha256').update('key id ').update(key).digest('hex').slice(0, 8)

const decrypt = (key: Buffer, body: Buffer, aad: string): string => {
  const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, nonceBytes), { authTagLength: tagBytes })
    .setAAD(Buffer.from(aad))
    .setAuthTag(body.subarray(body.length - tagBytes))
  return decipher.update(body.subarray(nonceBytes, body.length - tagBytes), undefined, 'utf8') + decipher.final('utf8')
}

/** What the first of several keys opens. @throws the last one's error */
const decryptWithAny = (keys: readonly Buffer[], body: Buffer, aad: string): string => {
  let fault: unknown = new Error('no such key')
  for (const key of keys)
    try {
      return decrypt(key, body, aad)
    } catch (thrown) {
      fault = thrown
    }
  throw fault
}

/**
 * A box with one key that seals and any number of others that open (docs/adr/0011).
 * Stored form: `mesh2:<key id>:<base64 of nonce, ciphertext, tag>`; `mesh1:` and `aes-gcm:` are read.
 */
export const createSecretBox = (current: Buffer, others: readonly Buffer[] = []): SecretBox => {
  const ring = new Map([current, ...others].map((key) => [idOf(key), key]))
  const keyId = idOf(current)
  const currentPrefix = `mesh2:${keyId}:`

  return {
    keyId,
    currentPrefix,
    keyIds: [...ring.keys()],
    seal: (plain, place) => {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', current, nonce, { authTagLength: tagBytes })
      cipher.setAAD(Buffer.from(formats[0].aad(place)))
      const body = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return currentPrefix + body.toString('base64')
    },
    open: (sealed, place) => {
      try {
        for (const { pattern, aad } of formats) {
          const { id, body } = pattern.exec(sealed)?.groups ?? {}
          if (body === undefined) continue
          const keys = id === undefined ? [...ring.values()] : [ring.get(id)].filter((key) => key !== undefined)
          return decryptWithAny(keys, Buffer.from(body, 'base64'), aad(place))
        }
        throw new Error('unknown format')
      } catch (cause) {
        throw new MeshError('INTERNAL', 'error.internal', {}, { cause })
      }
    },
    derive: (label) => [...ring.values()].map((key) => Buffer.from(hkdfSync('sha256', key, '', label, keyBytes))),
  }
}
