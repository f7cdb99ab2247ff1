/**
 * The profile for much load, with TLS between its pods, beside the release of the other files: a namespace and servers of
 * its own.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { certify } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { startDatabases } from './databases.ts'
import { applyIn, elsewhere, helm, isReady, kubectl, release, type Pod } from './kube.ts'
import { dependenciesImage, installArgs, makeNamespace, values } from './release.ts'

const where = 'mesh-ha'
const there = elsewhere(where)
const list = async <T>(kind: string): Promise<T[]> =>
  (JSON.parse(await kubectl('get', kind, '--output', 'json', ...there)) as { items: T[] }).items

const isOurs = ({ metadata, status }: Pod): boolean =>
  metadata.labels?.['app.kubernetes.io/name'] === 'clawmesh' && status.phase === 'Running'
const countsOf = (pods: readonly Pod[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { metadata } of pods) {
    const target = metadata.labels?.['app.kubernetes.io/component'] ?? ''
    counts[target] = (counts[target] ?? 0) + 1
  }
  return counts
}

const services = ['identity', 'agents', 'providers', 'memory', 'tools', 'channels', 'packages', 'traces']
const certificates = 'certificates'

const makeCertificates = async (): Promise<void> => {
  const parent = await mkdtemp(join(tmpdir(), 'clawmesh-certificates-'))
  try {
    const hosts = services.map((service) => `${release}-${service}.${where}`)
    const folder = await certify(parent, 'mesh', hosts)
    const names = ['tls.crt', 'tls.key', 'ca.crt']
    const files = await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')]))
    const stringData = Object.fromEntries(files) as Record<string, string>
    await applyIn(where, { apiVersion: 'v1', kind: 'Secret', metadata: { name: certificates }, stringData })
  } finally {
    await rm(parent, { recursive: true })
  }
}

beforeAll(async () => {
  await makeNamespace(where)
  await makeCertificates()
  await startDatabases(dependenciesImage, where)
})
afterAll(() => kubectl('delete', 'namespace', where, '--timeout', '300s'))

test('ha is installed with three of everything on the way of a request, and every service answers over TLS', async () => {
  const meshTls = { mode: 'mutual', existingSecret: { name: certificates } }
  await helm(installArgs('ha', ...there), { ...values, meshTls })
  const three = ['gateway', 'identity', 'agents', 'providers', 'memory', 'channels', 'traces']
  const wanted = { ...Object.fromEntries(three.map((target) => [target, 3])), tools: 1, packages: 1 }
  // Those that are scaled by load begin with one.
  const pods = await eventually(
    'all replicas',
    async () => {
      const ready = (await list<Pod>('pods')).filter((pod) => isOurs(pod) && isReady(pod))
      return isDeepStrictEqual(countsOf(ready), wanted) && ready
    },
    600_000,
  )
  // Both nodes have some of each.
  for (const target of three) {
    const nodes = pods
      .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === target)
      .map(({ spec }) => (spec as { nodeName: string }).nodeName)
    expect([target, new Set(nodes).size]).toEqual([target, 2])
  }
  expect((await list('horizontalpodautoscalers')).length).toBe(5)
  expect((await list('poddisruptionbudgets')).length).toBe(9)

  const said = await helm(['test', release, '--logs', '--timeout', '5m', ...there])
  expect(said).toContain('Phase:          Succeeded')
  expect(said).not.toContain('WRONG')
})
