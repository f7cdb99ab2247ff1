/** URLs of files that a browser can fetch without a header: signed, short-lived, for one tenant and user. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { MeshError } from '@clawmesh/contracts'
import type { SecretBox } from '../crypto/secret-box.ts'

/** Label of the derived keys; another format of the signed text needs another one. */
const keyLabel = 'clawmesh signed file urls 1'
const signatureBytes = 16
const defaultTtlSeconds = 300
const uuidBytes = 16

const token = /^(?<signature>[A-Za-z0-9_-]{22})\.(?<expiry>[1-9]\d{0,11})$/
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const signable = /^\/v1\/(files|media)\/./

/** For whom a URL was signed: who serves it does so with this user's rights, as they are now. */
export interface FileGrant {
  tenantId: string
  userId: string
}

export interface SignedUrls {
  /**
   * The query that makes a path of `/v1/files/` or `/v1/media/` fetchable: `ft=<signature>.<expiry>&fb=<bearer>`.
   * Undefined for a path that may not be signed. @param path as in a URL, percent-encoded or not, without a query
   */
  sign: (path: string, grant: FileGrant, ttlSeconds?: number) => string | undefined
  /**
   * What a request's URL grants by its `ft`; undefined when it has none, and then other credentials count.
   * @throws UNAUTHORIZED for an `ft` that is there but wrong, late or for another path, whatever else vouches for the caller
   */
  check: (url: string) => FileGrant | undefined
}

/** The path that is signed: decoded once, so that it does not matter how a client encodes it. Undefined for no file. */
const canonical = (path: string): string | undefined => {
  try {
    const decoded = decodeURIComponent(path)
    const climbs = decoded.split('/').some((segment) => segment === '.' || segment === '..')
    return climbs || decoded.includes('\0') || !signable.test(decoded) ? undefined : decoded
  } catch {
    return undefined
  }
}

/** Tenant (16 bytes) and user in base64url. */
const encodeBearer = ({ tenantId, userId }: FileGrant): string => {
  if (!uuid.test(tenantId)) throw new Error('the tenant of a signed URL is not a UUID')
  return Buffer.concat([Buffer.from(tenantId.replaceAll('-', ''), 'hex'), Buffer.from(userId)]).toString('base64url')
}

const decodeBearer = (text: string): FileGrant => {
  const bytes = Buffer.from(text, 'base64url')
  const hex = bytes.toString('hex', 0, uuidBytes)
  return {
    tenantId: [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-'),
    userId: bytes.toString('utf8', uuidBytes),
  }
}

const same = (a: string, b: string): boolean => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))

/**
 * Signs and checks URLs of files. On the wire `ft` is `<signature>.<Unix seconds>`, the signature the first 16 bytes of
 * an HMAC-SHA256 in base64url. `<img src>` sends no header that could say whose file it is, and neither a path nor a
 * row says which user the URL was made for; therefore tenant and user travel beside it as `fb`, which `ft` signs along:
 * HMAC over `<decoded path>:<expiry>:<fb>`. Keys are derived from the ring of secrets, so that replicas and restarts
 * agree; URLs of its older keys are accepted until they are late.
 *
 * @param now milliseconds
 */
export const createSignedUrls = (secrets: Pick<SecretBox, 'derive'>, now: () => number = Date.now): SignedUrls => {
  const keys = secrets.derive(keyLabel)
  const signature = (key: Buffer, path: string, expiry: string, bearer: string): string =>
    createHmac('sha256', key)
      .update(`${path}:${expiry}:${bearer}`)
      .digest()
      .subarray(0, signatureBytes)
      .toString('base64url')
  const wrong = () => new MeshError('UNAUTHORIZED', 'error.unauthorized')

  return {
    sign: (path, grant, ttlSeconds = defaultTtlSeconds) => {
      const file = canonical(path)
      if (file === undefined) return undefined
      const expiry = String(Math.floor(now() / 1_000) + ttlSeconds)
      const bearer = encodeBearer(grant)
      return `ft=${signature(keys[0]!, file, expiry, bearer)}.${expiry}&fb=${bearer}`
    },
    check: (url) => {
      const [path = '', ...rest] = url.split('?')
      const query = new URLSearchParams(rest.join('?'))
      if (!query.has('ft')) return undefined
      const [ft = '', second] = query.getAll('ft')
      const [bearer = '', another] = query.getAll('fb')
      const parts = token.exec(ft)?.groups
      const file = canonical(path)
      if (parts === undefined || file === undefined || second !== undefined || another !== undefined) throw wrong()
      const { signature: given = '', expiry = '' } = parts
      // All keys are tried, however early one fits.
      const genuine = keys.filter((key) => same(given, signature(key, file, expiry, bearer))).length > 0
      if (!genuine || Number(expiry) * 1_000 <= now()) throw wrong()
      return decodeBearer(bearer)
    },
  }
}
