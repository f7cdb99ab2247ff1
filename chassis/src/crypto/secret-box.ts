/** Secrets at rest: AES-256-GCM, each value bound to its tenant and column so that it cannot be moved elsewhere. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { MeshError } from '@clawmesh/contracts'

const prefix = 'mesh1'
const nonceBytes = 12
const tagBytes = 16

/** Reads a key of 64 hex digits, 44 base64 characters or 32 raw characters. @throws Error for anything else */
export const parseEncryptionKey = (text: string): Buffer => {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex')
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return Buffer.from(text, 'base64')
  if (Buffer.byteLength(text) === 32) return Buffer.from(text)
  throw new Error('an encryption key is 64 hex digits, 44 base64 characters or 32 bytes')
}

export interface SecretBox {
  /** Encrypts a text for one place. `place` names tenant and column, such as `<tenant>/llm_providers.api_key`. */
  seal: (plain: string, place: string) => string
  /** @throws INTERNAL when the value was made with another key, for another place, or was changed */
  open: (sealed: string, place: string) => string
}

/**
 * A box with one current key and any number of older ones that still open what they sealed.
 * Stored form: `mesh1:<key id>:<base64 of nonce, ciphertext, tag>`.
 */
export const secretBox = (current: Buffer, older: readonly Buffer[] = []): SecretBox => {
  const keyId = (key: Buffer): string => createHash('sha256').update('key id ').update(key).digest('hex').slice(0, 8)
  const ring = new Map([current, ...older].map((key) => [keyId(key), key]))
  const currentId = keyId(current)

  return {
    seal: (plain, place) => {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', current, nonce, { authTagLength: tagBytes }).setAAD(
        Buffer.from(place),
      )
      const body = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `${prefix}:${currentId}:${body.toString('base64')}`
    },
    open: (sealed, place) => {
      try {
        const [version, id, encoded] = sealed.split(':')
        const key = ring.get(id ?? '')
        if (version !== prefix || key === undefined || encoded === undefined) throw new Error('unknown key or format')
        const body = Buffer.from(encoded, 'base64')
        const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, nonceBytes), { authTagLength: tagBytes })
          .setAAD(Buffer.from(place))
          .setAuthTag(body.subarray(body.length - tagBytes))
        return (
          decipher.update(body.subarray(nonceBytes, body.length - tagBytes), undefined, 'utf8') + decipher.final('utf8')
        )
      } catch (cause) {
        throw new MeshError('INTERNAL', 'error.internal', {}, { cause })
      }
    },
  }
}
