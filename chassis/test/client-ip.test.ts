/** The client's address on its way from a header to the actor that an event names. */
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import {
  actorOf,
  clientIpIn,
  createLogger,
  connectDirect,
  connectGrpc,
  createIdentityTokens,
  implementRpc,
  serviceCaller,
  type Call,
  type RpcFunctions,
} from '../src/index.ts'
import { startRpcServer } from '../src/grpc/server.ts'

type Identity = RpcFunctions<typeof IdentityServiceService>

it.each(['192.0.2.1', '2001:db8::1'])('one address is believed: %s', (address) => {
  expect(clientIpIn(address)).toEqual({ clientIp: address })
})

it.each([undefined, '', 'localhost', '192.0.2.1:80', '[2001:db8::1]', '192.0.2.1, 192.0.2.2', ['192.0.2.1']])(
  'anything else is no address: %j',
  (header) => {
    expect(clientIpIn(header)).toEqual({})
  },
)

it('an actor is the user, or the system, at the address that is known', () => {
  const caller = serviceCaller()
  expect(actorOf({ caller })).toEqual({ actorId: 'system' })
  expect(actorOf({ caller: { ...caller, userId: 'alice' }, clientIp: '192.0.2.1' })).toEqual({
    actorId: 'alice',
    ipAddress: '192.0.2.1',
  })
})

it('the address goes with a call to services of the same process and of others', async () => {
  const seen: (string | undefined)[] = []
  const { definition, functions } = implementRpc(IdentityServiceService, {
    resolveMembership: async (call: Call) => {
      seen.push(call.clientIp)
      return { role: '' }
    },
  } as unknown as Identity)
  const tokens = createIdentityTokens('a secret of at least 32 characters')
  const timeouts = { rpcTimeoutMs: 5_000, streamTimeoutMs: 5_000 }
  const log = createLogger({ level: 'silent', name: 'test' })
  const services = [{ definition, functions }]
  const server = await startRpcServer({ host: '127.0.0.1', port: 0, services, tokens, log, maxConnectionAgeMs: 60_000 })
  const remote = connectGrpc(definition, `127.0.0.1:${server.port}`, tokens, timeouts)
  const call: Call = { caller: serviceCaller(), requestId: 'r', signal: new AbortController().signal }
  try {
    for (const client of [connectDirect(definition, functions, timeouts), remote.functions]) {
      const { resolveMembership } = client as unknown as Identity
      await resolveMembership({ ...call, clientIp: '192.0.2.1' }, { tenantId: '', userId: '' })
      await resolveMembership(call, { tenantId: '', userId: '' })
    }
  } finally {
    remote.close()
    await server.drain(1_000)
  }
  expect(seen).toEqual(['192.0.2.1', undefined, '192.0.2.1', undefined])
})
