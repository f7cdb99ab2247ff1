/** SIGTERM under load, for the long suite and its short form. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fakeOpenAi } from '../../fakes/openai.ts'
import type { FakeUpstream, Script } from '../../fakes/http-fake.ts'
import { startAll, type AllInOne } from '../../support/mesh-all.ts'
import type { Api } from '../../support/mesh-api.ts'
import { startLoad, type LoadReport } from '../../support/mesh-load.ts'
import { meshStartLimitMs, registerUpstream, startMesh, type Mesh } from '../../support/mesh-processes.ts'

interface Plan {
  rounds: number
  /** How long the load goes on before and after a signal. */
  loadMs: number
}

/** Most answers come at once, so that connections change hands often; every tenth outlasts the time for good-byes. */
const script = (n: number): Script => (n % 10 === 1 ? { chunks: 5, chunkDelayMs: 300 } : { chunks: 5 })
/** An edge learns that a replica leaves from an answer of it: as long as Kubernetes has it, for a busy machine. */
const leavingSlowlyMs = '5000'
const endedWell = { code: 0, signal: null }

const expectNothingFailed = (report: LoadReport): void => {
  expect(report.failed).toEqual([])
  expect(report.endedWithError).toBe(0)
}

/** A stream that takes a while; resolves with its whole text once it has ended, and rejects when it is cut. */
const longStream = async (api: Api, upstream: FakeUpstream, script: Script) => {
  upstream.next(script)
  const response = await fetch(`${api.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...api.headers, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'goclaw:default', stream: true, messages: [{ role: 'user', content: 'slowly' }] }),
  })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  const first = await reader.read()
  return async (): Promise<string> => {
    let text = first.value ?? ''
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text += piece.value
    return text
  }
}

const roundsOf = ({ rounds }: Plan): number[] => Array.from({ length: rounds }, (_, at) => at + 1)

export const sigtermAllTests = (plan: Plan): void => {
  const { loadMs } = plan
  describe('a process of all targets', () => {
    let upstream: FakeUpstream
    let dataDir: string
    let running: AllInOne | undefined

    // They follow each other on the same data, as a first start takes seconds.
    const begin = async (env: Record<string, string> = {}) => {
      running = await startAll({ dataDir, env: { CLAWMESH_RATE_LIMIT_RPM: '0', ...env } })
      await registerUpstream(running.api(), upstream)
      return running
    }
    beforeAll(async () => {
      upstream = await fakeOpenAi()
      dataDir = await mkdtemp(join(tmpdir(), 'clawmesh-sigterm-'))
    })
    afterEach(() => running?.stop())
    afterAll(async () => {
      await upstream?.close()
      await rm(dataDir, { recursive: true, force: true })
    })

    test.each(roundsOf(plan))(
      'that is told to leave under load finishes what it has accepted, and exits with 0 (round %i)',
      async () => {
        const all = await begin()
        const load = startLoad({ edges: [all.url], workersPerEdge: 8, headers: all.api().headers, upstream, script })
        await sleep(loadMs)
        load.mark()
        const ended = await all.kill('SIGTERM')
        const report = await load.stop()
        expectNothingFailed(report)
        expect(ended).toEqual(endedWell)
        // While it says good-bye it still serves, and afterwards it does not.
        expect(report.answeredAfterMark).toBeGreaterThan(0)
        expect(report.refused).toBeGreaterThan(0)
      },
    )

    test('lets an open stream go on to its end', async () => {
      const all = await begin()
      const rest = await longStream(all.api(), upstream, { text: 'it takes its time', chunks: 6, chunkDelayMs: 500 })
      const [ended, text] = await Promise.all([all.kill('SIGTERM'), rest()])
      expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true)
      expect(ended).toEqual(endedWell)
    })

    test('ends a stream that outlasts its patience with an error event, and exits with 0', async () => {
      const all = await begin({ CLAWMESH_DRAIN_TIMEOUT_MS: '1000' })
      const rest = await longStream(all.api(), upstream, { text: 'for ever', chunks: 8, chunkDelayMs: 5_000 })
      const [ended, text] = await Promise.all([all.kill('SIGTERM'), rest()])
      expect(text).toContain('"error"')
      expect(text).not.toContain('[DONE]')
      expect(ended).toEqual(endedWell)
    })
  })
}

export const sigtermMeshTests = (plan: Plan): void => {
  const { loadMs } = plan
  describe('a process of a mesh', () => {
    let mesh: Mesh

    beforeAll(async () => {
      mesh = await startMesh({ gateways: 2, agents: 2, together: 2, env: { CLAWMESH_LAME_DUCK_MS: leavingSlowlyMs } })
    }, meshStartLimitMs)
    afterAll(() => mesh?.stop())

    const loadOn = (edges: readonly string[]) =>
      startLoad({ edges, workersPerEdge: 8, headers: mesh.api().headers, upstream: mesh.upstream, script })

    test.each(roundsOf(plan).flatMap((round) => ['agents', 'services'].map((kind) => [kind, round] as const)))(
      'a replica of %s that leaves under load is not noticed at the edges (round %i)',
      async (kind, round) => {
        const name = `${kind}-${1 + (round % 2)}`
        const load = loadOn(mesh.edges)
        await sleep(loadMs)
        load.mark()
        expect(await mesh.kill(name, 'SIGTERM')).toEqual(endedWell)
        await sleep(loadMs / 2)
        const report = await load.stop()
        expectNothingFailed(report)
        expect(report).toMatchObject({ refused: 0, unaccepted: 0 })
        await mesh.restart(name)
      },
    )

    test.each(roundsOf(plan))(
      'a gateway that leaves under load finishes what it has accepted, and the other one goes on (round %i)',
      async () => {
        const load = loadOn([mesh.edges[0]!])
        await sleep(loadMs)
        load.mark()
        const ended = await mesh.kill('gateway-1', 'SIGTERM')
        const report = await load.stop()
        expectNothingFailed(report)
        expect(ended).toEqual(endedWell)
        expect(report.answeredAfterMark).toBeGreaterThan(0)
        expect(report.refused).toBeGreaterThan(0)
        expect((await mesh.api(1).request('GET', '/v1/agents')).status).toBe(200)
        await mesh.restart('gateway-1')
      },
    )

    test('an open stream survives its gateway and its agents replica being told to leave', async () => {
      const rest = await longStream(mesh.api(0), mesh.upstream, {
        text: 'it takes its time',
        chunks: 6,
        chunkDelayMs: 500,
      })
      const names = ['gateway-1', 'agents-1', 'agents-2']
      const [text, ...ended] = await Promise.all([rest(), ...names.map((name) => mesh.kill(name, 'SIGTERM'))])
      expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true)
      expect(ended).toEqual(names.map(() => endedWell))
      await Promise.all(names.map((name) => mesh.restart(name)))
    })

    test.each(['gateway-2', 'agents-2'])(
      '%s ends a stream that outlasts its patience with an error event',
      async (name) => {
        const impatient = { CLAWMESH_DRAIN_TIMEOUT_MS: '1000' }
        const agents = ['agents-1', 'agents-2'].filter((each) => each !== name)
        // The stream must be on the replica that is told to leave.
        await Promise.all([name, ...agents].map((each) => mesh.kill(each)))
        await mesh.restart(name, impatient)
        if (name !== 'agents-2') await mesh.restart('agents-2')
        const rest = await longStream(mesh.api(1), mesh.upstream, { text: 'for ever', chunks: 8, chunkDelayMs: 5_000 })
        const [ended, text] = await Promise.all([mesh.kill(name, 'SIGTERM'), rest()])
        expect(text).toContain('"error"')
        expect(text).not.toContain('[DONE]')
        expect(ended).toEqual(endedWell)
        await mesh.restart('agents-1')
        await mesh.restart(name)
      },
    )

    test('every process of the mesh exits with 0', async () => {
      const ended = await Promise.all(mesh.names.map(async (name) => ({ name, ...(await mesh.kill(name, 'SIGTERM')) })))
      expect(ended).toEqual(mesh.names.map((name) => ({ name, ...endedWell })))
    })
  })
}
