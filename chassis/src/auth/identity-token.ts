/** The signed token by which the edge tells services who is calling; nothing else is believed inside the mesh. */
import { createHash } from 'node:crypto'
import { callerSchema, MeshError, type Caller } from '@clawmesh/contracts'
import { errors, jwtVerify, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'

export const identityHeader = 'x-mesh-identity'

const lifetimeMs = 300_000
/** Tokens are handed out again until this much of their life is left. */
const renewBeforeMs = 60_000
const issuer = 'clawmesh'

export interface IdentityTokens {
  /** A token for a caller; made once and cached. */
  mint: (caller: Caller) => Promise<string>
  /** @throws UNAUTHORIZED when the token is forged, foreign or late */
  verify: (token: string) => Promise<Caller>
}

/** @throws the fault of the last key when none has signed it */
const verifyWithAny = async (token: string, [key, ...others]: readonly Buffer[]): ReturnType<typeof jwtVerify> => {
  try {
    return await jwtVerify(token, key!, { issuer, algorithms: ['HS256'] })
  } catch (fault) {
    if (others.length === 0 || !(fault instanceof errors.JWSSignatureVerificationFailed)) throw fault
    return verifyWithAny(token, others)
  }
}

const keyOf = (secret: string): Buffer => createHash('sha256').update(`clawmesh identity ${secret}`).digest()

/**
 * Mints and verifies identity tokens with the secret that all processes of a mesh share (HS256, RFC 7519). Tokens of `others`
 * are believed, too, while the secret is being changed.
 */
export const createIdentityTokens = (secret: string, others: readonly string[] = []): IdentityTokens => {
  const key = keyOf(secret)
  const keys = [key, ...others.map(keyOf)]
  const minted = new LRUCache<string, string>({ max: 20_000, ttl: lifetimeMs - renewBeforeMs, ttlResolution: 0 })
  const verified = new LRUCache<string, Caller>({ max: 20_000 })

  const mint = async (caller: Caller): Promise<string> => {
    const cacheKey = JSON.stringify(caller)
    const known = minted.get(cacheKey)
    if (known !== undefined) return known
    const token = await new SignJWT({ caller })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(issuer)
      .setExpirationTime(Math.floor((Date.now() + lifetimeMs) / 1000))
      .sign(key)
    minted.set(cacheKey, token)
    return token
  }

  const verify = async (token: string): Promise<Caller> => {
    const known = verified.get(token)
    if (known !== undefined) return known
    try {
      const { payload } = await verifyWithAny(token, keys)
      const caller = callerSchema.parse(payload['caller'])
      verified.set(token, caller, { ttl: Math.max(1, payload.exp! * 1000 - Date.now()) })
      return caller
    } catch (cause) {
      throw new MeshError('UNAUTHORIZED', 'error.unauthorized', {}, { cause })
    }
  }

  return { mint, verify }
}
