/** The profile for much load, beside the release of the other files: a namespace and servers of its own. */
import { isDeepStrictEqual } from 'node:util'
import { eventually } from '../support/eventually.ts'
import { startDatabases } from './databases.ts'
import { elsewhere, helm, isReady, kubectl, release, type Pod } from './kube.ts'
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

beforeAll(async () => {
  await makeNamespace(where)
  await startDatabases(dependenciesImage, where)
})
afterAll(() => kubectl('delete', 'namespace', where, '--timeout', '300s'))

test('ha is installed with three of everything on the way of a request, and every service answers', async () => {
  await helm(installArgs('ha', ...there), values)
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
