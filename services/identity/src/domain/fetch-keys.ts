/** Fetches the public keys of an OIDC issuer, whose addresses a tenant has named. */
import { MeshError } from '@clawmesh/contracts'
import { checkPublicUrl, guardedFetch } from '@clawmesh/chassis/fetch'
import { z } from 'zod'
import type { OidcIssuer, PublicKey } from './types.ts'

export interface FetchRules {
  /** Private hosts and ranges that may be asked all the same. */
  allow: readonly string[]
  allowHttp: boolean
  /** For all that is asked to get the keys. */
  timeoutMs: number
}

export type FetchKeys = (
  issuer: Pick<OidcIssuer, 'issuer' | 'jwksUri'>,
  signal: AbortSignal,
) => Promise<readonly PublicKey[]>

const maxAnswerBytes = 262_144
const maxKeys = 100
const discoveryPath = '/.well-known/openid-configuration'

/** What an issuer did wrong, in words that its tenant may read. */
export class IssuerFault extends Error {}

/** @throws INVALID_REQUEST error.url_blocked for an address that is not public, or not https where that is asked for */
export const checkIssuerUrl = (url: string, { allow, allowHttp }: FetchRules): void => {
  const { protocol } = checkPublicUrl(url, { allow })
  if (protocol !== 'https:' && !allowHttp)
    throw new MeshError('INVALID_REQUEST', 'error.url_blocked', { reason: 'only https is allowed' })
}

/** The members of a public key (RFC 7517, 7518, 8037); anything more, such as a private part, is not kept. */
const publicKey = z.object({
  kty: z.enum(['RSA', 'EC', 'OKP']),
  kid: z.string().optional(),
  alg: z.string().optional(),
  use: z.literal('sig').optional(),
  key_ops: z
    .array(z.string())
    .refine((uses) => uses.includes('verify'))
    .optional(),
  n: z.string().optional(),
  e: z.string().optional(),
  crv: z.string().optional(),
  x: z.string().optional(),
  y: z.string().optional(),
})
const keySet = z.object({ keys: z.array(z.unknown()).max(maxKeys, `more than ${maxKeys} keys`) })
const discovery = z.object({ issuer: z.string(), jwks_uri: z.string() })

const parsed = <T>(schema: z.ZodType<T>, what: string, body: Uint8Array): T => {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(body))
  } catch {
    throw new IssuerFault(`the ${what} is not JSON`)
  }
  const { data, error } = schema.safeParse(value)
  if (error !== undefined) throw new IssuerFault(`the ${what} is malformed: ${z.prettifyError(error).slice(0, 200)}`)
  return data
}

/** Gets JSON. A redirect is not followed: it could lead away from https, and issuers have no need of one. */
const getJson = async <T>(
  url: string,
  what: string,
  schema: z.ZodType<T>,
  { rules, signal, endMs }: { rules: FetchRules; signal: AbortSignal; endMs: number },
): Promise<T> => {
  checkIssuerUrl(url, rules)
  const { status, body, truncated } = await guardedFetch(url, {
    allow: rules.allow,
    timeoutMs: Math.max(1, endMs - Date.now()),
    maxBytes: maxAnswerBytes,
    maxRedirects: 0,
    headers: { accept: 'application/json' },
    signal,
  })
  if (status !== 200) throw new IssuerFault(`the ${what} was answered with status ${status}`)
  if (truncated) throw new IssuerFault(`the ${what} is larger than ${maxAnswerBytes} bytes`)
  return parsed(schema, what, body)
}

/**
 * Fetches keys from the address given, else from the one that the issuer's configuration names (OpenID Connect
 * Discovery 1.0, section 4). The function throws IssuerFault, or a MeshError when the issuer cannot be asked.
 */
export const createKeyFetcher =
  (rules: FetchRules): FetchKeys =>
  async ({ issuer, jwksUri }, signal) => {
    const within = { rules, signal, endMs: Date.now() + rules.timeoutMs }
    const discover = async (): Promise<string> => {
      const url = issuer.replace(/\/$/, '') + discoveryPath
      const found = await getJson(url, 'configuration', discovery, within)
      // Section 4.3: another name means that somebody else answers.
      if (found.issuer !== issuer) throw new IssuerFault(`the configuration is of another issuer`)
      return found.jwks_uri
    }
    const { keys } = await getJson(jwksUri ?? (await discover()), 'key set', keySet, within)
    // A key that is of no use here must not keep the others from being used (RFC 7517, section 5).
    const usable = keys.flatMap((key) => publicKey.safeParse(key).data ?? [])
    if (usable.length === 0) throw new IssuerFault('the key set has no usable key')
    return usable
  }
