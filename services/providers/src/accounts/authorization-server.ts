/** OpenAI's authorization server: where an account signs in, and where its tokens come from (RFC 6749, 7636). */
import { createHash, randomBytes } from 'node:crypto'
import { guardedFetch } from '@clawmesh/chassis/fetch'
import { z } from 'zod'
import { safeReason } from '../chat/protocols/failure.ts'
import { objectOf, parseJson, textOf } from '../chat/protocols/json.ts'
import { expiryOf, workspaceOf } from './claims.ts'

export interface AuthorizationConfig {
  chatgptAuthorizeUrl: string
  chatgptTokenUrl: string
  chatgptClientId: string
  chatgptRedirectUri: string
  chatgptScopes: string
  chatgptOriginator: string
}

export interface Tokens {
  accessToken: string
  /** Empty where the old one stays. */
  refreshToken: string
  /** What is known of the account, as its settings hold it. */
  settings: Record<string, string | number>
}

/** The server says no. `isFinal`: what was shown to it is good for nothing any more. */
export class TokenRefusal extends Error {
  readonly isFinal: boolean
  constructor(reason: string, isFinal: boolean) {
    super(reason)
    this.isFinal = isFinal
  }
}

const timeoutMs = 30_000
const longestAnswer = 262_144
const longestToken = 16_384

const tokenAnswer = z.object({
  access_token: z.string().min(1).max(longestToken),
  refresh_token: z.string().max(longestToken).default(''),
  id_token: z.string().max(longestToken).default(''),
  expires_in: z.number().positive().optional(),
  scope: z.string().max(2_000).default(''),
})

/** Words for a grant that is gone; all else may be a fault of the moment, or of the set-up. */
const goneGrants: ReadonlySet<string> = new Set([
  'invalid_grant',
  'access_denied',
  'token_revoked',
  'refresh_token_expired',
  'refresh_token_reused',
  'refresh_token_invalidated',
])

const refusalOf = (status: number, text: string, secrets: readonly string[]): TokenRefusal => {
  const body = objectOf(parseJson(text)) ?? {}
  const inner = objectOf(body['error']) ?? {}
  const code = textOf(body['error']) || textOf(inner['code'])
  const said = textOf(body['error_description']) || textOf(inner['message']) || code || `status ${status}`
  return new TokenRefusal(safeReason(said, secrets), status < 500 && goneGrants.has(code))
}

const tokensOf = (text: string): Tokens => {
  const { data } = tokenAnswer.safeParse(parseJson(text))
  if (data === undefined) throw new TokenRefusal('the answer holds no tokens', false)
  const { access_token: accessToken, refresh_token: refreshToken, id_token: idToken, expires_in: seconds, scope } = data
  const expiresAt = seconds === undefined ? expiryOf(accessToken) : Date.now() + seconds * 1_000
  const { accountId, planType } = workspaceOf(idToken, accessToken)
  const known: [string, string | number][] = [
    ['expires_at', expiresAt === undefined ? '' : Math.floor(expiresAt / 1_000)],
    ['scopes', scope],
    ['account_id', accountId],
    ['plan_type', planType],
  ]
  return { accessToken, refreshToken, settings: Object.fromEntries(known.filter(([, value]) => value !== '')) }
}

/** @param allow private hosts that the operator permits */
export const createAuthorizationServer = (config: AuthorizationConfig, allow: readonly string[]) => {
  /** @throws TokenRefusal; a MeshError when the server cannot be asked */
  const exchange = async (form: Record<string, string>): Promise<Tokens> => {
    const { status, body } = await guardedFetch(config.chatgptTokenUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({ client_id: config.chatgptClientId, ...form }).toString(),
      allow,
      timeoutMs,
      maxBytes: longestAnswer,
      // A token goes to the address that the operator has named, and to no other.
      maxRedirects: 0,
    })
    const text = Buffer.from(body).toString('utf8')
    if (status === 200) return tokensOf(text)
    throw refusalOf(status, text, Object.values(form))
  }

  return {
    newVerifier: (): string => randomBytes(64).toString('base64url'),
    newState: (): string => randomBytes(16).toString('hex'),

    /** What a browser opens. */
    addressFor: (state: string, verifier: string): string => {
      const url = new URL(config.chatgptAuthorizeUrl)
      const query = {
        response_type: 'code',
        client_id: config.chatgptClientId,
        redirect_uri: config.chatgptRedirectUri,
        scope: config.chatgptScopes,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        state,
        id_token_add_organizations: 'true',
        codex_cli_simplified_flow: 'true',
        originator: config.chatgptOriginator,
      }
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
      return url.href
    },

    tokensForCode: (code: string, verifier: string): Promise<Tokens> =>
      exchange({
        grant_type: 'authorization_code',
        code,
        code_verifier: verifier,
        redirect_uri: config.chatgptRedirectUri,
      }),

    tokensForRefresh: (refreshToken: string): Promise<Tokens> =>
      exchange({ grant_type: 'refresh_token', refresh_token: refreshToken, scope: config.chatgptScopes }),
  }
}

export type AuthorizationServer = ReturnType<typeof createAuthorizationServer>
