/** A release without one of its servers for a while: what its pods still do, and what `clawmesh doctor` says inside them. */
import { eventually } from '../support/eventually.ts'
import { psql } from './databases.ts'
import { kubectl, release, tryKubectl } from './kube.ts'
import { podsOf } from './pods.ts'
import { ensureRelease, openRelease, type Installed } from './release.ts'

let installed: Installed

beforeAll(async () => {
  await ensureRelease()
  installed = await openRelease()
})
afterAll(() => installed?.stop())

const noticeLimitMs = 120_000
const returnLimitMs = 300_000

interface Readiness {
  ready: boolean
  waitingFor: string[]
  goesWithout: string[]
}
/** What the first pod of a target answers to the kubelet's question. */
const readinessOf = async (target: string): Promise<Readiness> => {
  const [pod] = await podsOf(target)
  const answer = await fetch(`http://${pod!.status.podIP}:8080/readyz`)
  return { ready: answer.ok, ...((await answer.json()) as Omit<Readiness, 'ready'>) }
}
const chat = () =>
  installed.api().request('POST', '/v1/chat/completions', {
    model: 'goclaw:default',
    messages: [{ role: 'user', content: 'hello' }],
  })
/** What the program says that is wrong, in a pod of agents. */
const doctor = async (): Promise<{ code: number | null; wrong: string[] }> => {
  const { code, stdout } = await tryKubectl(['exec', `deployment/${release}-agents`, '--', 'clawmesh', 'doctor'])
  return { code, wrong: stdout.split('\n').filter((line) => line.startsWith('WRONG')) }
}
/** Chats are answered, and pods of every kind are ready and miss nothing. */
const untilWhole = () =>
  eventually(
    'a whole release',
    async () => {
      const [edge, agents] = [await readinessOf('gateway'), await readinessOf('agents')]
      const isWhole = [edge, agents].every(({ ready, goesWithout }) => ready && goesWithout.length === 0)
      return isWhole && (await chat()).status === 200
    },
    returnLimitMs,
  )

/** Takes a server's pod away, does something, and starts it anew, empty. */
const without = async (server: 'nats' | 'redis', work: () => Promise<void>): Promise<void> => {
  await untilWhole()
  await kubectl('scale', `deployment/${server}`, '--replicas=0')
  try {
    await kubectl('wait', '--for=delete', 'pod', '--selector', `server=${server}`, '--timeout', '120s')
    await work()
  } finally {
    await kubectl('scale', `deployment/${server}`, '--replicas=1')
    await kubectl('rollout', 'status', `deployment/${server}`, '--timeout', '180s')
  }
  await untilWhole()
}

test('the doctor finds nothing wrong in a pod of a whole release', async () => {
  await untilWhole()
  expect(await doctor()).toEqual({ code: 0, wrong: [] })
})

test('without NATS chats go on, pods stay ready and say what they go without, and the doctor names it', async () => {
  await without('nats', async () => {
    const readiness = await eventually(
      'a pod that notices',
      async () => {
        const found = await readinessOf('agents')
        return found.goesWithout.length > 0 && found
      },
      noticeLimitMs,
    )
    expect(readiness).toMatchObject({ ready: true, goesWithout: ['bus'] })
    expect((await chat()).status).toBe(200)
    expect(await doctor()).toEqual({ code: 1, wrong: [expect.stringMatching(/^WRONG NATS: /)] })
  })
})

test('without Redis chats go on and pods stay ready, and the doctor names it', async () => {
  await without('redis', async () => {
    expect((await chat()).status).toBe(200)
    expect(await readinessOf('gateway')).toMatchObject({ ready: true })
    const { stdout } = await tryKubectl(['exec', `deployment/${release}-gateway`, '--', 'clawmesh', 'doctor'])
    expect(stdout).toMatch(/^WRONG Redis: /m)
  })
})

test('without PostgreSQL requests are 503 with a time to come back, an edge alone is ready, and the doctor names it', async () => {
  await untilWhole()
  const select = (server: string) =>
    kubectl('patch', 'service', 'postgres', '--patch', JSON.stringify({ spec: { selector: { server } } }))
  // The server itself keeps what it stored: its Service leads nowhere, and who is connected is turned out. That takes a node a
  // moment to know, in which some come back, so they are turned out again.
  const turnOut = () =>
    psql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'clawmesh' AND client_addr <> '127.0.0.1'`,
    )
  await select('nobody')
  try {
    const startedAt = performance.now()
    const answer = await eventually(
      'an answer without a database',
      async () => {
        await turnOut()
        const given = await installed.api().request('GET', '/v1/agents')
        return given.status !== 200 && given
      },
      noticeLimitMs,
    )
    process.stdout.write(`PostgreSQL away: ${answer.status} after ${Math.round(performance.now() - startedAt)} ms\n`)
    expect([answer.status, Number(answer.headers.get('retry-after')) > 0]).toEqual([503, true])
    const waiting = await eventually(
      'a pod that waits',
      async () => {
        await turnOut()
        const found = await readinessOf('agents')
        return !found.ready && found
      },
      noticeLimitMs,
    )
    expect(waiting.waitingFor).toContain('agents database')
    expect(await readinessOf('gateway')).toMatchObject({ ready: true })
    process.stdout.write(`PostgreSQL away: not ready after ${Math.round(performance.now() - startedAt)} ms\n`)
    const { code, wrong } = await doctor()
    process.stdout.write(`PostgreSQL away: looked at after ${Math.round(performance.now() - startedAt)} ms\n`)
    expect([code, wrong.some((line) => line.startsWith('WRONG database of agents: '))]).toEqual([1, true])
  } finally {
    await select('postgres')
  }
  await untilWhole()
})
