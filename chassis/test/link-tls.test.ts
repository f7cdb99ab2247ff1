/** Calls between processes over TLS: who shows a certificate, and who is refused. */
import { copyFile, cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectGrpc, createLinkPool, probeLinks, rereadTlsFiles, tlsFault, type TlsSettings } from '@clawmesh/chassis'
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { certify } from '../../test/support/certificates.ts'
import { hangLimitMs } from '../../test/support/limits.ts'
import { callOf, linkCaller, linkTokens, startReplica, type Replica } from '../../test/support/link-replicas.ts'

let folder: string
let replica: Replica
const undo: (() => unknown)[] = []

let own: string
let foreign: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clawmesh-tls-'))
  own = await certify(folder, 'own', ['agents', 'localhost'])
  foreign = await certify(folder, 'foreign', ['agents', 'localhost'])
  replica = await startReplica({ tls: { meshTls: 'mutual', meshTlsDir: own } })
})
afterEach(() => {
  for (const each of undo.splice(0)) each()
})
afterAll(async () => {
  await replica?.stop()
  await rm(folder, { recursive: true, force: true })
})

const identity = () => linkTokens.mint(linkCaller)
const stateOver = async (tls: TlsSettings, name = 'agents', { address } = replica): Promise<string> => {
  const pool = createLinkPool({ target: `dns:///${name}:9090`, tls, identity, resolve: async () => [address] })
  undo.push(pool.close)
  try {
    return (await pool.pick()).state()
  } catch (fault) {
    return (fault as Error).message
  }
}
const refused = 'no replica can be reached'

it('links and plain gRPC calls go over TLS with certificates of both sides', async () => {
  const tls = { meshTls: 'mutual', meshTlsDir: own } as const
  expect(await stateOver(tls)).toBe('ready')
  const port = replica.address.split(':')[1]
  const timeouts = { rpcTimeoutMs: hangLimitMs, streamTimeoutMs: hangLimitMs, ...tls }
  const plain = connectGrpc(ProvidersServiceService, `localhost:${port}`, linkTokens, timeouts)
  undo.push(plain.close)
  const asked = plain.functions['listMediaProviders']!(callOf(), { tool: '' })
  await expect(asked).resolves.toEqual({ providers: [] })
  expect(await probeLinks(`localhost:${port}`, identity, tls)).toMatchObject([{ state: 'ready' }])
})

it.each([
  ['speaks no TLS', { meshTls: 'off' }],
  ['shows no certificate', { meshTls: 'server' }],
  ['has a certificate of another authority', { meshTls: 'mutual', another: true }],
] as const)('a caller that %s is refused', async (_what, { meshTls, ...given }) => {
  expect(await stateOver({ meshTls, meshTlsDir: 'another' in given ? foreign : own })).toBe(refused)
})

it('a replica whose certificate is of another name is not called', async () => {
  expect(await stateOver({ meshTls: 'mutual', meshTlsDir: own }, 'identity')).toBe(refused)
})

it('where only the server shows a certificate, callers need none', async () => {
  const server = await startReplica({ tls: { meshTls: 'server', meshTlsDir: own } })
  try {
    expect(await stateOver({ meshTls: 'server', meshTlsDir: own }, 'agents', server)).toBe('ready')
  } finally {
    await server.stop()
  }
})

it('a renewed certificate is shown and asked for without a restart, half of one is not', async () => {
  const renewed = join(folder, 'renewed')
  await cp(own, renewed, { recursive: true })
  const server = await startReplica({ tls: { meshTls: 'mutual', meshTlsDir: renewed } })
  try {
    const old = { meshTls: 'mutual', meshTlsDir: own } as const
    await copyFile(join(foreign, 'tls.crt'), join(renewed, 'tls.crt'))
    expect(tlsFault({ meshTls: 'mutual', meshTlsDir: renewed })).toMatch(/key values mismatch/)
    rereadTlsFiles(renewed)
    expect(await stateOver(old, 'agents', server)).toBe('ready')
    for (const file of ['tls.key', 'ca.crt']) await copyFile(join(foreign, file), join(renewed, file))
    rereadTlsFiles(renewed)
    expect(await stateOver(old, 'agents', server)).toBe(refused)
    expect(await stateOver({ ...old, meshTlsDir: foreign }, 'agents', server)).toBe('ready')
  } finally {
    await server.stop()
  }
})
