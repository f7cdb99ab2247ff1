/** Pods that leave and come while clients go on. */
import { eventually } from '../support/eventually.ts'
import { helm, kubectl, list, release, tryKubectl, untilRolledOut, type Pod } from './kube.ts'
import { podsOf } from './pods.ts'
import { ensureRelease, openRelease, targets, upgradeArgs, values, type Installed } from './release.ts'
import { expectNothingLost, underLoad, workers } from './traffic.ts'

let installed: Installed

beforeAll(async () => {
  await ensureRelease()
  installed = await openRelease()
})
afterAll(() => installed?.stop())

const imagesOf = async (): Promise<string[]> => {
  const pods = await list<Pod>('pods')
  const running = pods.filter(({ metadata }) =>
    targets.includes(metadata.labels?.['app.kubernetes.io/component'] ?? ''),
  )
  return [...new Set(running.map(({ spec }) => (spec as { containers: { image: string }[] }).containers[0]!.image))]
}

test('every Deployment is restarted in turn and no request is lost', async () => {
  const report = await underLoad(installed, async () => {
    for (const target of targets) {
      await kubectl('rollout', 'restart', `deployment/${release}-${target}`)
      await untilRolledOut(target)
    }
  })
  expectNothingLost(report)
})

test('an upgrade to the next version, and the way back, lose no request', async () => {
  const next = { images: { slim: { tag: 'next' }, runtime: { tag: 'next' } } }
  const settled = () =>
    eventually(
      'one version',
      async () => {
        const images = await imagesOf()
        return images.length === 2 && images
      },
      300_000,
    )
  const before = await settled()
  expectNothingLost(await underLoad(installed, () => helm(upgradeArgs(), { ...values, ...next })))
  expect((await settled()).every((image) => image.endsWith(':next'))).toBe(true)
  expectNothingLost(await underLoad(installed, () => helm(['rollback', release, '--wait', '--timeout', '15m'])))
  expect((await settled()).toSorted()).toEqual(before.toSorted())
})

test('a node is drained as far as the budgets allow, and no request is lost', async () => {
  const drained = 'node-2'
  const budgets = await list<{ spec: { maxUnavailable: number }; metadata: { name: string } }>('poddisruptionbudgets')
  expect(budgets.map(({ metadata }) => metadata.name).toSorted()).toEqual(
    ['agents', 'gateway', 'identity', 'providers'].map((target) => `${release}-${target}`),
  )
  try {
    const report = await underLoad(installed, async () => {
      await kubectl('drain', drained, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout', '600s')
      for (const target of targets) await untilRolledOut(target)
    })
    expectNothingLost(report)
    const left = (await list<Pod>('pods')).filter(
      ({ spec, status }) => (spec as { nodeName?: string }).nodeName === drained && status.phase === 'Running',
    )
    expect(left.map(({ metadata }) => metadata.name)).toEqual([])
  } finally {
    await kubectl('uncordon', drained)
  }
})

test('an eviction that a budget does not allow is refused', async () => {
  const pods = await podsOf('agents')
  const evict = ({ metadata: { name } }: Pod) =>
    tryKubectl(
      ['create', '--raw', `/api/v1/namespaces/mesh/pods/${name}/eviction`, '--filename', '-'],
      JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'mesh' } }),
    )
  const answers = []
  for (const pod of pods) answers.push(await evict(pod))
  expect(answers.map(({ code }) => code)).toEqual([0, ...pods.slice(1).map(() => 1)])
  expect(answers[1]!.stderr).toMatch(/disruption budget/)
  await untilRolledOut('agents')
})

test.each(['identity', 'providers', 'agents', 'gateway'])(
  'a pod of %s that is killed costs no more than what it was working on',
  async (target) => {
    const [pod] = await podsOf(target)
    const report = await underLoad(installed, async () => {
      await kubectl('delete', 'pod', pod!.metadata.name, '--grace-period=0', '--force')
      await untilRolledOut(target)
    })
    const lost = report.failed.length + report.endedWithError + report.refused + report.unaccepted
    process.stdout.write(
      `${target} killed: ${report.answeredAfterMark} answers meanwhile, ${lost} lost ${JSON.stringify(report)}\n`,
    )
    // A worker has one request under way.
    expect(lost).toBeLessThanOrEqual(workers)
    expect(report.answeredAfterMark).toBeGreaterThan(0)
  },
)
