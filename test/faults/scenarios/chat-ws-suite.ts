/** The tests over conversations whose parts die, for the long suite and its short form. */
import { meshStartLimitMs, startMesh, type Mesh } from '../../support/mesh-processes.ts'
import { eventually } from '../../support/eventually.ts'
import { connectWs } from '../../support/ws-client.ts'
import { answerWith, asOwner, converse, readCompletion, slowly, story, wsPort, type Conversation } from './chat-ws.ts'

interface Plan {
  /** Deaths of each kind. */
  rounds: number
  env: Readonly<Record<string, string>>
  /** How soon a client must be told that the process of its run died. */
  toldWithinMs: number
}

/** Nothing was lost or doubled, and the history is what was shown. */
const expectWhole = async ({ device, history }: Conversation) => {
  const { client } = device
  const end = await device.end()
  expect(end).toMatchObject({ type: 'run.completed', payload: { content: story } })
  expect(device.shown()).toBe(story)
  expect(device.events().map(({ seq }) => seq)).toEqual(device.events().map((_, at) => at + 1))
  expect((await history(client)).map(({ role, content }) => [role, content])).toEqual([
    ['user', 'tell me a story'],
    ['assistant', story],
  ])
  await client.close()
}

/** Waits until an edge has found its agents replica again. */
const reaches = async (mesh: Mesh, edge: number) => {
  const client = await connectWs(wsPort(mesh, edge), asOwner)
  await eventually('the way to the new process', async () => (await client.ask('agent')).ok)
  await client.close()
}

/** @returns the mesh, once it runs: two edges pinned to two agents replicas */
export const chatFaultTests = ({ rounds, env, toldWithinMs }: Plan): (() => Mesh) => {
  let mesh: Mesh
  beforeAll(async () => {
    mesh = await startMesh({ gateways: 2, agents: 2, pinned: true, together: true, env })
  }, meshStartLimitMs)
  afterAll(() => mesh?.stop())
  const times = (work: () => Promise<void>) => async () => {
    for (let round = 0; round < rounds; round++) await work()
  }
  const limitMs = rounds * 300_000

  test(
    'a client whose socket dies in mid-run resumes the turn at another edge, and nothing is lost or doubled',
    times(async () => {
      const talk = await converse(mesh)
      talk.device.client.socket.terminate()
      expect(await talk.answer).toBeUndefined()
      expect(await talk.device.resume(wsPort(mesh, 1))).toMatchObject({ isRunning: true })
      const waiting = talk.device.client.need('agent.wait', { sessionKey: talk.key })
      await expectWhole({ ...talk, history: async (client) => (await waiting, talk.history(client)) })
    }),
    limitMs,
  )

  test(
    'a client whose gateway dies in mid-run resumes the turn at another one, and nothing is lost or doubled',
    times(async () => {
      const talk = await converse(mesh)
      await mesh.kill('gateway-1')
      expect(await talk.answer).toBeUndefined()
      expect(await talk.device.resume(wsPort(mesh, 1))).toMatchObject({ isRunning: true })
      await expectWhole(talk)
      await mesh.restart('gateway-1')
    }),
    limitMs,
  )

  test(
    'when the agents process dies in mid-run everybody is told, what was shown is kept, and the session goes on',
    times(async () => {
      const talk = await converse(mesh)
      const { device, key, history } = talk
      await device.resume(wsPort(mesh, 1))
      await mesh.kill('agents-1')
      const killedAt = performance.now()
      expect(await talk.answer).toMatchObject({ ok: false, error: { code: 'UNAVAILABLE' } })
      const end = await device.end()
      const toldAfterMs = performance.now() - killedAt
      console.log(`told after ${Math.round(toldAfterMs)} ms`)
      expect(toldAfterMs).toBeLessThan(toldWithinMs)
      expect(end.type).toBe('run.failed')
      // The last piece may have been kept and not been shown any more; the end of the run tells it.
      const kept = end.payload!.content!
      expect(kept.slice(0, device.shown().length)).toBe(device.shown())
      expect(await history(device.client)).toMatchObject([
        { role: 'user', content: 'tell me a story' },
        { role: 'assistant', content: kept, partial: true },
      ])
      const next = await device.client.need('chat.send', { message: 'go on', sessionKey: key })
      expect(next).toMatchObject({ content: 'You said: go on' })
      await device.client.close()
      await mesh.restart('agents-1')
      await reaches(mesh, 0)
    }),
    limitMs,
  )
  test(
    'a stream over HTTP whose gateway dies in mid-run is taken up at another one, and nothing is lost or doubled',
    times(async () => {
      answerWith(mesh, 'tell me a story', slowly)
      const first = await readCompletion(mesh, 0, {}, async (content) => {
        if (content.includes('word5')) await mesh.kill('gateway-1')
      })
      expect(first.isWhole).toBe(false)
      const rest = await readCompletion(mesh, 1, { 'last-event-id': first.lastId })
      expect(rest.isWhole).toBe(true)
      expect(first.content + rest.content).toBe(story)
      await mesh.restart('gateway-1')
    }),
    limitMs,
  )

  test(
    'a stream over HTTP whose agents process dies in mid-run is told what was shown, and how it ended, by another one',
    times(async () => {
      answerWith(mesh, 'tell me a story', slowly)
      const first = await readCompletion(mesh, 0, {}, async (content) => {
        if (content.includes('word5')) await mesh.kill('agents-1')
      })
      const again = await readCompletion(mesh, 1, { 'last-event-id': `${first.lastId.split('/')[0]}/0` })
      expect(again).toMatchObject({ isWhole: false, error: { code: 'UNAVAILABLE' } })
      expect(again.content.slice(0, first.content.length)).toBe(first.content)
      expect(story.startsWith(again.content)).toBe(true)
      await mesh.restart('agents-1')
      await reaches(mesh, 0)
    }),
    limitMs,
  )

  return () => mesh
}
