/** Who calls the bridge: programs of this machine that hold the gateway token, for whom signed headers say. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { MeshError } from '@clawmesh/contracts'
import { isLoopback, type GatewayConfig } from '../config.ts'
import type { Admission } from './admit.ts'
import { createTenantChooser } from './choose-tenant.ts'
import { decode, type PresentedCredentials } from './credentials.ts'
import type { Lookups } from './lookups.ts'
import { createSecretMatcher } from './secret-matcher.ts'

/** @param clientIp the address of the client, behind proxies that are trusted */
export type AdmitBridge = (
  request: Pick<IncomingMessage, 'headers' | 'socket'>,
  claim: PresentedCredentials,
  clientIp: string,
) => Promise<Admission>

/** What is signed, in this order. */
const signedHeaders = [
  'x-agent-id',
  'x-user-id',
  'x-channel',
  'x-chat-id',
  'x-peer-kind',
  'x-workspace',
  'x-tenant-id',
] as const
const signatureHeader = 'x-bridge-sig'
const signature = /^[0-9a-f]{64}$/

const valueOf = (headers: IncomingHttpHeaders, name: string): string => {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

/**
 * The signature of a context, lower-case hexadecimal.
 * @param values of the signed headers, in their order, one character a byte; empty where one is absent
 */
export const bridgeSignature = (token: string, values: readonly string[]): string =>
  createHmac('sha256', token)
    .update(Buffer.from(values.join('|'), 'latin1'))
    .digest('hex')

const isSigned = (token: string, headers: IncomingHttpHeaders): boolean => {
  const given = valueOf(headers, signatureHeader)
  const values = signedHeaders.map((name) => valueOf(headers, name))
  return signature.test(given) && timingSafeEqual(Buffer.from(given), Buffer.from(bridgeSignature(token, values)))
}

/** What proxies add says that somebody else is behind the peer. */
const isForwarded = ({ 'x-forwarded-for': forwarded = '', 'x-real-ip': real = '' }: IncomingHttpHeaders): boolean =>
  [...String(forwarded).split(','), String(real)]
    .map((address) => address.trim())
    .some((address) => address !== '' && !isLoopback(address))

/**
 * Lets those in who hold the gateway token and are on this machine.
 * @throws FORBIDDEN without a configured token, from elsewhere, and for a context that is not signed; UNAUTHORIZED for
 *   another credential; what `createTenantChooser` throws for the tenant of the context
 */
export const createBridgeAdmitter = ({ token }: Pick<GatewayConfig, 'token'>, lookups: Lookups): AdmitBridge => {
  const isGatewayToken = createSecretMatcher(token)
  const chooseTenant = createTenantChooser({ unknownTenantFallback: false }, lookups)

  return async ({ headers, socket }, { bearerHash, locale }, clientIp) => {
    if (token === '') throw new MeshError('FORBIDDEN', 'error.bridge_closed')
    if (!isLoopback(socket.remoteAddress ?? '') || !isLoopback(clientIp) || isForwarded(headers))
      throw new MeshError('FORBIDDEN', 'error.bridge_not_local')
    if (!isGatewayToken(bearerHash)) throw new MeshError('UNAUTHORIZED', 'error.unauthorized')
    const hasContext = signedHeaders.some((name) => headers[name] !== undefined)
    if (hasContext && !isSigned(token, headers)) throw new MeshError('FORBIDDEN', 'error.bridge_signature')
    const [userId, named] = ['x-user-id', 'x-tenant-id'].map((name) => decode(name, valueOf(headers, name)))
    if (userId!.length > 255) throw new MeshError('INVALID_REQUEST', 'error.invalid_header', { field: 'X-User-ID' })
    const tenant = await chooseTenant({ kind: 'all' }, userId!, named!)
    return {
      caller: {
        tenantId: tenant.id,
        tenantSlug: tenant.slug,
        userId: userId!,
        role: 'admin',
        scopes: [],
        credential: 'gateway-token',
        userBound: false,
        locale,
      },
      limitKey: '',
    }
  }
}
