/** What a client can write into the headers and the address of a request: whatever it is, it is read or refused by name. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import fc from 'fast-check'
import { createIdentityTokens, createRouteTable } from '@clawmesh/chassis'
import { locales, MeshError, page, pickLocale, type Locale } from '@clawmesh/contracts'
import { z } from 'zod'
import { readCredentials } from '../../../gateway/src/admission/credentials.ts'
import { createClientIpFinder } from '../../../gateway/src/edge/client-ip.ts'
import { createRouteFinder } from '../../../gateway/src/edge/find-route.ts'
import { requestIdOf } from '../../../gateway/src/edge/request-id.ts'
import { dropBadTraceContext, isTraceParent } from '../../../gateway/src/edge/trace-context.ts'

/** Characters that a header can bring, as Node hands them over. */
const headerText = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 300,
})
/** Mostly what the readers know, in any order. */
const from = (...pieces: string[]) =>
  fc.oneof(
    headerText,
    fc.array(fc.oneof(fc.constantFrom(...pieces), headerText), { maxLength: 12 }).map((parts) => parts.join('')),
  )

const check =
  <T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => void | Promise<void>) =>
  async (cases: number) =>
    fc.assert(
      fc.asyncProperty(arbitrary, async (value) => holds(value)),
      { numRuns: cases },
    )

const fail = (what: string): never => {
  throw new Error(what)
}
const holds = (condition: boolean, what: string): void => void (condition || fail(what))

/** Runs something that may refuse with a MeshError, and with nothing else. */
const orRefused = <T>(run: () => T, codes: readonly string[]): T | undefined => {
  try {
    return run()
  } catch (thrown) {
    holds(thrown instanceof MeshError && codes.includes(thrown.code), `threw ${String(thrown)}`)
    return undefined
  }
}

const firstKnown = (header: string): Locale =>
  header
    .slice(0, 256)
    .split(',')
    .map((part) => part.split(';')[0]!.trim().toLowerCase().slice(0, 2))
    .find((tag): tag is Locale => (locales as readonly string[]).includes(tag)) ?? 'en'

const requestFrom = (remoteAddress: string, headers: Record<string, string>) =>
  ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage
const behindProxies = createClientIpFinder(['10.0.0.0/8', 'fd00::/8'])

const tokens = createIdentityTokens('the mesh secret of the properties, long enough')
const findRoute = createRouteFinder()
const table = createRouteTable()
const pageSchema = z.object(page(20, 100))
const wellFormedId = /^[A-Za-z0-9._-]{1,128}$/

/** One property a reader of what clients send; each takes the number of cases. */
export const edgeProperties: Readonly<Record<string, (cases: number) => Promise<void>>> = {
  'Accept-Language gives a language that is known, the first of the list': check(
    from('en', 'vi', 'zh-Hans-CN', 'fr', '*', ',', ';q=0.5', ' ', '-', '__proto__'),
    (header) => holds(pickLocale(header) === firstKnown(header), 'another language'),
  ),

  'X-Forwarded-For and X-Real-IP give an address, and none of a stranger is believed': check(
    fc.tuple(
      from('192.0.2.1', '10.0.0.1', '2001:db8::1', '::ffff:192.0.2.9', 'fd00::1', ',', ' ', 'unknown', '[::1]:80'),
      from('192.0.2.1', '10.0.0.1', 'x'),
    ),
    ([forwarded, real]) => {
      const headers = { 'x-forwarded-for': forwarded, 'x-real-ip': real }
      holds(isIP(behindProxies(requestFrom('10.1.1.1', headers))) !== 0, 'no address')
      holds(behindProxies(requestFrom('203.0.113.5', headers)) === '203.0.113.5', 'believed a stranger')
    },
  ),

  'Authorization, user and tenant headers make a claim or are refused by name': check(
    fc.tuple(
      from('Bearer ', 'bearer ', 'Basic ', 'goclaw_', 'a'.repeat(200), '0'.repeat(32), '.'),
      from('alice', 'Nguy\u1ec5n', '\0', '\n', 'a'.repeat(256)),
      from('master', '0193a5b0-7000-7000-8000-000000000001', '../'),
    ),
    ([authorization, user, tenant]) => {
      const headers = { authorization, 'x-goclaw-user-id': user, 'x-goclaw-tenant-id': tenant }
      const claim = orRefused(() => readCredentials(headers), ['INVALID_REQUEST'])
      if (claim === undefined) return
      holds(Buffer.byteLength(claim.userId) <= 255, 'a user id that is too long')
      holds(!/\p{Cc}/u.test(claim.userId + claim.tenant), 'a control character')
      holds(/^([0-9a-f]{64})?$/.test(claim.bearerHash), 'no hash')
      holds(claim.bearer === '' || /^bearer /i.test(authorization), 'another scheme')
    },
  ),

  'X-Request-Id is kept when it is well formed, else replaced by one that is': check(
    from('abc', '-', '_', '.', '\r\n', 'a'.repeat(100)),
    (header) => {
      const id = requestIdOf(header)
      holds(wellFormedId.test(id) && (!wellFormedId.test(header) || id === header), 'a bad id')
    },
  ),

  'traceparent and tracestate go on whole, or not at all': check(
    fc.tuple(
      from('00', 'ff', '01', '-', '4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7', '0'.repeat(32), '-01'),
      from('a=1', ',', 'rojo=00f067aa0ba902b7', 'x'.repeat(300)),
    ),
    ([traceparent, tracestate]) => {
      const headers: Record<string, string> = { traceparent, tracestate }
      dropBadTraceContext(headers)
      holds((headers['traceparent'] === traceparent) === isTraceParent(traceparent), 'another parent')
      holds(headers['tracestate'] === undefined || headers['traceparent'] !== undefined, 'a state without a parent')
      holds(/^[\x20-\x7e]{0,512}$/.test(headers['tracestate'] ?? ''), 'a bad state')
    },
  ),

  'an address leads to a declared operation or is refused, and never by another path than its own': check(
    from(
      '/v1/agents',
      '/',
      '..',
      '.',
      '%2e',
      '%2f',
      '%5c',
      '\\',
      '%00',
      '#',
      '?',
      'http://x',
      '{id}',
      '%',
      'ff',
      '/docs',
    ),
    (url) => {
      const answer = { setHeader: () => undefined } as unknown as ServerResponse
      const request = { method: 'GET', url } as IncomingMessage
      const route = orRefused(() => findRoute(request, answer), ['INVALID_REQUEST', 'NOT_FOUND', 'METHOD_NOT_ALLOWED'])
      if (route === undefined) return
      holds(table.find('GET', url) === route, 'another operation')
      const [path = ''] = url.split('?', 1)
      // What a URL parser would make of it is what it says.
      holds(new URL(path, 'http://edge').pathname.split('/').length === path.split('/').length, 'another path')
    },
  ),

  'an identity token of somebody else is refused': check(
    from('eyJhbGciOiJIUzI1NiJ9', 'eyJhbGciOiJub25lIn0', '.', 'e30', 'eyJpc3MiOiJjbGF3bWVzaCJ9', '='),
    async (token) => {
      const verdict = await tokens.verify(token).then(
        () => 'believed',
        (thrown: unknown) => (thrown instanceof MeshError ? thrown.code : String(thrown)),
      )
      holds(verdict === 'UNAUTHORIZED', verdict)
    },
  ),

  'limit and offset of a list are numbers in their bounds, whatever was asked': check(
    fc.tuple(from('0', '1', '-', '20', '1e9', 'NaN', ' '), from('0', '7', '-1', '0x10', 'Infinity')),
    ([limit, offset]) => {
      const parsed = pageSchema.safeParse({ limit, offset })
      const isLimit = Number.isInteger(Number(limit)) && Number(limit) >= 1
      holds(
        parsed.success === (isLimit && Number.isSafeInteger(Number(limit))),
        'a limit is refused that is one, or taken',
      )
      if (!parsed.success) return
      const read = parsed.data
      holds(Number.isInteger(read.limit) && read.limit >= 1 && read.limit <= 100, 'a bad limit')
      holds(Number.isInteger(read.offset) && read.offset >= 0, 'a bad offset')
    },
  ),
}
