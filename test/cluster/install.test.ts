/** The chart on a real cluster: installed, asked by clients, and what the API server holds it to. */
import OpenAI from 'openai'
import { psql } from './databases.ts'
import { helm, isReady, list, release, tryHelm, tryKubectl, type Pod } from './kube.ts'
import { dependenciesImage, ensureRelease, openRelease, upgradeArgs, type Installed } from './release.ts'

let installed: Installed

beforeAll(async () => {
  await ensureRelease()
  installed = await openRelease()
})
afterAll(() => installed?.stop())

test('every pod of a release is ready, and none had to be started again', async () => {
  const pods = await list<Pod>('pods')
  const ours = pods.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/name'] === 'clawmesh')
  const running = ours.filter(({ status }) => status.phase === 'Running')
  const deployments = await list<{ metadata: { labels?: Record<string, string> }; spec: { replicas: number } }>(
    'deployments',
  )
  const asked = deployments.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/name'] === 'clawmesh')
  expect(asked).toHaveLength(9)
  expect(running).toHaveLength(asked.reduce((sum, { spec }) => sum + spec.replicas, 0))
  expect(running.filter((pod) => !isReady(pod)).map(({ metadata }) => metadata.name)).toEqual([])
  expect(
    running.flatMap(({ status }) => (status.containerStatuses ?? []).map(({ restartCount }) => restartCount)),
  ).toEqual(running.map(() => 0))
})

test('helm test asks every service through the edge', async () => {
  const said = await helm(['test', release, '--logs', '--timeout', '5m'])
  expect(said).toContain('Phase:          Succeeded')
  expect(said).not.toContain('WRONG')
})

test('the official OpenAI client chats through the Service, whole and streamed', async () => {
  const client = new OpenAI({ baseURL: `${installed.url}/v1`, apiKey: installed.token, maxRetries: 0 })
  const messages = [{ role: 'user' as const, content: 'hello' }]
  const model = 'goclaw:default'
  installed.upstream.next({ text: 'Hello from a pod.' }, { text: 'one two three', chunks: 3 })
  const whole = await client.chat.completions.create({ model, messages })
  expect(whole.choices[0]!.message.content).toBe('Hello from a pod.')
  const streamed = await client.chat.completions.stream({ model, messages }).finalChatCompletion()
  expect(streamed.choices[0]!.message.content).toBe('one two three')
})

test('memory is searched by vectors of the server itself', async () => {
  const api = installed.api()
  const documents = '/v1/agents/default/memory/documents'
  await api.need('PUT', `${documents}/release.md`, { content: 'The release is on Friday the 4th.' })
  await api.need('PUT', `${documents}/birds.md`, { content: 'Herons stand in shallow water.' })
  const found = await api.need<{ results: { path: string }[] }>('POST', '/v1/agents/default/memory/search', {
    query: 'when is the release?',
  })
  expect(found.results[0]!.path).toBe('release.md')
  expect(await psql(`SELECT extname FROM pg_extension WHERE extname = 'vector'`)).toEqual(['vector'])
  expect(Number((await psql('SELECT count(*) FROM memory.chunks WHERE embedding IS NOT NULL'))[0])).toBeGreaterThan(0)
})

test('the namespace refuses a pod that is not restricted, and took all of the chart', async () => {
  const { code, stderr } = await tryKubectl([
    'run',
    'root',
    `--image=${dependenciesImage}`,
    '--image-pull-policy=Never',
  ])
  expect([code, stderr]).toEqual([1, expect.stringContaining('violates PodSecurity "restricted')])
  const refused = await list<{ reason: string; message: string }>('events')
  expect(refused.filter(({ reason }) => reason === 'FailedCreate')).toEqual([])
})

test('every target has a network policy that the API server took', async () => {
  const rendered = await helm(['get', 'manifest', release])
  const expected = rendered.split('\n').filter((line) => line === 'kind: NetworkPolicy').length
  expect(await list('networkpolicies')).toHaveLength(expected)
})

test.each([
  ['a key that is not there', { nosuch: 1 }, 'nosuch'],
  ['a number for a text', { targets: { agents: { replicaCount: 'many' } } }, 'replicaCount'],
  [
    'two scalers of one Deployment',
    { targets: { traces: { autoscaling: { enabled: true }, keda: { enabled: true } } } },
    'two scalers',
  ],
  ['a time to leave that is too short', { targets: { agents: { terminationGracePeriodSeconds: 5 } } }, 'is less than'],
])('an upgrade with %s is refused and changes nothing', async (_what, wrong, said) => {
  const before = await helm(['history', release, '--output', 'json'])
  const { code, stderr } = await tryHelm(upgradeArgs(), wrong)
  expect([code, stderr]).toEqual([1, expect.stringContaining(said)])
  expect(await helm(['history', release, '--output', 'json'])).toBe(before)
})

test('an upgrade with an object that Kubernetes does not take fails, is taken back, and touches no pod', async () => {
  const names = async () => (await list<Pod>('pods')).map(({ metadata }) => metadata.name).toSorted()
  const before = await names()
  const extra = { extraObjects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'Not A Name' } }] }
  const { code, stderr } = await tryHelm(upgradeArgs('--atomic'), extra)
  expect([code, stderr]).toEqual([1, expect.stringContaining('Invalid value: "Not A Name"')])
  const { info } = JSON.parse(await helm(['status', release, '--output', 'json'])) as { info: { status: string } }
  expect(info.status).toBe('deployed')
  expect(await names()).toEqual(before)
})
