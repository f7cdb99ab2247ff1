/** Commands that wait for an operator in a mesh of two replicas of tools, of which one dies. */
import { eventually } from '../support/eventually.ts'
import { sessionOf } from '../support/mesh-api.ts'
import { meshStartLimitMs, startMesh, type Mesh } from '../support/mesh-processes.ts'
import { connectWs, type WsClient } from '../support/ws-client.ts'

let mesh: Mesh
let operator: WsClient
beforeAll(async () => {
  mesh = await startMesh({
    together: 2,
    env: { CLAWMESH_EXEC_ASK: 'always', CLAWMESH_EXEC_ON_HOST: 'true', CLAWMESH_SANDBOX_MODE: 'off' },
  })
  operator = await connectWs(Number(new URL(mesh.edges[0]!).port), { token: mesh.token, user_id: 'olga' })
}, meshStartLimitMs)
afterAll(async () => {
  operator?.socket.terminate()
  await mesh?.stop()
})

interface Pending {
  id: string
  sessionKey: string
}
const runs = 6
const keyOf = (run: number) => `agent:default:approvals-${run}`

test('each is answered wherever it waits; those of a replica that dies are denied, and no run hangs', async () => {
  const { request } = mesh.api()
  mesh.upstream.next(
    ...Array.from({ length: runs }, () => ({
      toolCalls: [{ name: 'exec', arguments: '{"command":"echo it ran"}' }],
    })),
  )
  const asked = Array.from({ length: runs }, (_, run) =>
    request('POST', '/v1/agents/default/wake', { message: 'go', session_key: keyOf(run) }),
  )
  const pendingOf = async () => (await operator.need<{ pending: Pending[] }>('exec.approval.list')).pending
  const pending = await eventually('all commands', async () => {
    const all = await pendingOf()
    return all.length === runs && all
  })
  for (const { id } of pending)
    await operator.event('exec.approval.requested', (approval: { id: string; command: string }) => {
      if (approval.id === id) expect(approval.command).toBe('echo it ran')
      return approval.id === id
    })

  await mesh.kill('services-1')
  // Those of the dead replica wait no more, the others still do.
  const left = await eventually('the dead to be denied', async () => {
    const denied = operator.events.filter(({ event }) => event === 'exec.approval.resolved')
    const all = await pendingOf().catch(() => pending)
    return denied.length > 0 && denied.length + all.length === runs && all
  })
  expect(left.length).toBeGreaterThan(0)
  for (const { id } of left) await operator.need('exec.approval.approve', { id })

  for (const answer of await Promise.all(asked)) expect(answer.status).toBe(200)
  for (let run = 0; run < runs; run++) {
    const { messages } = await sessionOf(mesh.api(), keyOf(run))
    const result = messages.find(({ role }) => role === 'tool')!.content
    const isLeft = left.some(({ sessionKey }) => sessionKey === keyOf(run))
    expect(result.includes('it ran')).toBe(isLeft)
  }
})
