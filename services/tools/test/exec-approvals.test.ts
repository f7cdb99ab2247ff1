/** Commands that wait for the word of an operator, over a real database. */
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { createLocalBus, newId, openServiceDb, outboxRow, type ServiceDb } from '@clawmesh/chassis'
import { wsEventSources, type Caller } from '@clawmesh/contracts'
import { PrismaClient } from '../src/db/client/client.ts'
import { createApprovals } from '../src/exec/approvals/approvals.ts'
import { createAsk } from '../src/questions/ask.ts'
import { createApprovalRows, createApprovalSweep } from '../src/exec/approvals/rows.ts'
import type { Question } from '../src/exec/approvals/types.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { auditTrail } from './mcp-support.ts'
import { newTenant, startTools, type ToolsHarness } from './support.ts'

interface Pending {
  id: string
  command: string
  agentId: string
  userId: string
}

let tools: ToolsHarness
let trail: Awaited<ReturnType<typeof auditTrail>>
let db: ServiceDb<PrismaClient>
beforeAll(async () => {
  tools = await startTools({ execOnHost: true, sandboxMode: 'off', execAsk: 'on-miss' })
  trail = await auditTrail(tools)
  db = openServiceDb(tools.mesh, 'tools', PrismaClient)
  for (const part of db.parts) await part.start?.()
})
afterAll(async () => {
  for (const part of db.parts) await part.stop?.()
  await tools.stop()
})

const tenant = () => newTenant(tools, { role: 'operator', credential: 'gateway-token' })
const ask = async <R>(caller: Caller, method: string, params: object = {}): Promise<R> => {
  const asked = { method: `exec.approval.${method}`, paramsJson: JSON.stringify(params) }
  return JSON.parse((await tools.mesh.methods('tools').callMethod(tools.call(caller), asked)).resultJson) as R
}
const pendingOf = async (caller: Caller) => (await ask<{ pending: Pending[] }>(caller, 'list')).pending
/** The only command that waits, once there is one. */
const waiting = (caller: Caller): Promise<Pending> => eventually('a command', async () => (await pendingOf(caller))[0])
const run = (
  caller: Caller,
  command: string,
  { agent = 'default', ...more }: { agent?: string; working_dir?: string } = {},
  signal = new AbortController().signal,
) =>
  tools.rpc(ToolsServiceService).invokeTool(
    { ...tools.call(caller), signal },
    {
      tool: 'exec',
      argumentsJson: JSON.stringify({ command, ...more }),
      context: { agentId: agent, userId: 'alice', sessionKey: 'agent:default:main' } as never,
    },
  )
const notFound = expect.objectContaining({ code: 'NOT_FOUND' })
/** Runs a command, and answers when it asks. */
const answered = async (
  caller: Caller,
  command: string,
  method: string,
  params: object = {},
  more: Parameters<typeof run>[2] = {},
) => {
  const running = run(caller, command, more)
  const { id } = await waiting(caller)
  const decided = await ask<{ decision: string }>(caller, method, { id, ...params })
  return { id, ...decided, ...(await running) }
}

describe('exec.approval.list', () => {
  rule('exec.approval.list.listsWhatWaits', async () => {
    const caller = tenant()
    expect(await pendingOf(caller)).toEqual([])
    const one = run(caller, 'echo one > x')
    const { id } = await waiting(caller)
    const two = run(caller, 'echo two > x')
    const both = await eventually('both', async () => {
      const all = await pendingOf(caller)
      return all.length === 2 && all
    })
    expect(both).toMatchObject([
      { id, command: 'echo one > x', userId: 'alice', sessionKey: 'agent:default:main', createdAt: expect.any(Number) },
      { command: 'echo two > x' },
    ])
    expect(await pendingOf(tenant())).toEqual([])
    for (const each of both) await ask(caller, 'deny', { id: each.id })
    await Promise.all([one, two])
    expect(await pendingOf(caller)).toEqual([])
  })
})

describe('exec.approval.approve', () => {
  rule('exec.approval.approve.letsItRun', async () => {
    const caller = tenant()
    const { decision, output, isError } = await answered(caller, 'echo ran | cat', 'approve')
    expect({ decision, output, isError }).toEqual({ decision: 'allow-once', output: 'ran\n', isError: false })
    const { data } = await trail.first(caller.tenantId, 'execApprovalDecided')
    const [source] = wsEventSources.filter(({ name }) => name === 'execApprovalDecided')
    expect(source!.toMessage(data)).toMatchObject({
      event: 'exec.approval.resolved',
      payload: { decision: 'allow-once', userId: 'alice', resolvedBy: 'alice' },
    })
  })

  rule('exec.approval.approve.holdsOnce', async () => {
    const caller = tenant()
    await answered(caller, 'echo again | cat', 'approve')
    expect((await answered(caller, 'echo again | cat', 'deny')).isError).toBe(true)
  })

  rule('exec.approval.approve.remembersAlways', async () => {
    const caller = tenant()
    await answered(caller, 'mkdir sub', 'approve')
    const { decision } = await answered(caller, 'tee out.txt', 'approve', { always: true })
    expect(decision).toBe('allow-always')
    expect((await run(caller, 'tee  "out.txt"')).isError).toBe(false)
    // Neither with other arguments, nor elsewhere, nor under another name, nor of another agent or tenant.
    expect((await answered(caller, 'tee other.txt', 'deny')).isError).toBe(true)
    expect((await answered(caller, 'tee out.txt', 'deny', {}, { working_dir: 'sub' })).isError).toBe(true)
    expect((await answered(caller, 'TEE=1 tee out.txt', 'deny')).isError).toBe(true)
    expect((await answered(tenant(), 'tee out.txt', 'deny')).isError).toBe(true)
    tools.addAgent(caller.tenantId, { agentKey: 'other' })
    expect((await answered(caller, 'tee out.txt', 'deny', {}, { agent: 'other' })).isError).toBe(true)
  })

  rule('exec.approval.approve.remembersOnlyPrograms', async () => {
    const caller = tenant()
    expect((await answered(caller, 'echo a | tee b', 'approve', { always: true })).decision).toBe('allow-always')
    expect((await run(caller, 'echo a | tee b')).isError).toBe(false)
    expect((await answered(caller, 'echo a | tee c', 'deny')).isError).toBe(true)
    // A program of the workspace may be rewritten by the agent that asks.
    await answered(caller, "printf '#!/bin/sh\\necho mine\\n' > tee; chmod +x tee", 'approve')
    const own = await answered(caller, './tee b', 'approve', { always: true })
    expect([own.decision, own.output]).toEqual(['allow-once', 'mine\n'])
    expect((await answered(caller, './tee b', 'deny')).isError).toBe(true)
    expect((await answered(caller, 'echo a | ./tee b', 'approve', { always: true })).decision).toBe('allow-once')
    expect((await answered(caller, 'echo a | ./tee b', 'deny')).isError).toBe(true)
  })

  rule('exec.approval.approve.refusesWhatIsOver', async () => {
    const caller = tenant()
    const running = run(caller, 'echo x > y')
    const { id } = await waiting(caller)
    await expect(ask(tenant(), 'approve', { id })).rejects.toThrow(notFound)
    await ask(caller, 'deny', { id })
    await expect(ask(caller, 'approve', { id })).rejects.toThrow(notFound)
    await expect(ask(caller, 'approve', { id: newId() })).rejects.toThrow(notFound)
    expect((await running).isError).toBe(true)

    // Who has asked goes away.
    const abort = new AbortController()
    const left = run(caller, 'echo x > y', {}, abort.signal)
    const { id: abandoned } = await waiting(caller)
    abort.abort()
    await expect(left).rejects.toThrow(expect.objectContaining({ code: 'CANCELLED' }))
    await eventually('nobody waits', async () => (await pendingOf(caller)).length === 0)
    await expect(ask(caller, 'approve', { id: abandoned })).rejects.toThrow(notFound)
    expect((await trail.first(caller.tenantId, 'execApprovalLapsed')).data).toMatchObject({
      id: abandoned,
      why: 'cancelled',
    })
  })

  rule('exec.approval.approve.isAudited', async () => {
    const caller = tenant()
    const { id } = await answered(caller, 'echo secret-text | cat', 'approve')
    const { action, data } = await trail.first(caller.tenantId, 'execApprovalDecided')
    expect(action).toBe('exec.approved')
    expect(data).toMatchObject({ id, actorId: 'alice', decision: 'allow-once' })
    expect(JSON.stringify(data)).not.toContain('secret-text')
  })
})

describe('exec.approval.deny', () => {
  rule('exec.approval.deny.refusesIt', async () => {
    const { output, isError, decision } = await answered(tenant(), 'echo x > denied.txt', 'deny')
    expect({ output, isError, decision }).toEqual({
      output: 'an operator denied the command',
      isError: true,
      decision: 'deny',
    })
  })
  rule('exec.approval.deny.refusesWhatIsOver', async () => {
    const caller = tenant()
    const { id } = await answered(caller, 'echo x > y', 'approve')
    await expect(ask(caller, 'deny', { id })).rejects.toThrow(notFound)
    const running = run(caller, 'echo x > y')
    const { id: another } = await waiting(caller)
    await expect(ask(tenant(), 'deny', { id: another })).rejects.toThrow(notFound)
    await ask(caller, 'deny', { id: another })
    await running
  })
  rule('exec.approval.deny.isAudited', async () => {
    const caller = tenant()
    const { id } = await answered(caller, 'echo secret-text | cat', 'deny', { reason: 'not today' })
    const { data } = await trail.first(caller.tenantId, 'execApprovalDecided')
    expect(data).toMatchObject({ id, actorId: 'alice', decision: 'deny', reason: 'not today' })
    expect(JSON.stringify(data)).not.toContain('secret-text')
  })
})

describe('what runs without asking', () => {
  interface Allowed {
    allowed: { id: string; command: string; agentId: string }[]
    total: number
  }
  const allowedOf = (caller: Caller, params: object = {}) => ask<Allowed>(caller, 'allowed', params)
  const always = (caller: Caller, command: string) => answered(caller, command, 'approve', { always: true })

  rule('exec.approval.allowed.listsWhatIsRemembered', async () => {
    const caller = tenant()
    await answered(caller, 'tee once.txt', 'approve')
    await always(caller, 'tee a.txt')
    await always(caller, 'tee b.txt')
    const { allowed, total } = await allowedOf(caller)
    expect([total, allowed.map(({ command }) => command)]).toEqual([2, ['tee b.txt', 'tee a.txt']])
    expect(allowed[0]).toMatchObject({ program: expect.stringMatching(/^\/.*tee/), allowedBy: 'alice' })
    expect((await allowedOf(caller, { limit: 1, offset: 1 })).allowed).toEqual([allowed[1]])
    expect((await allowedOf(tenant())).total).toBe(0)
    const { agentId } = allowed[0]!
    await tools.bus.publishDurable([outboxRow('agentDeleted', caller.tenantId, { id: agentId, actorId: 'ann' })])
    await eventually('nothing', async () => (await allowedOf(caller)).total === 0)
  })

  rule('exec.approval.revoke.asksAgain', async () => {
    const caller = tenant()
    await always(caller, 'tee out.txt')
    const { id } = (await allowedOf(caller)).allowed[0]!
    expect(await ask(caller, 'revoke', { id })).toEqual({ revoked: true })
    expect((await answered(caller, 'tee out.txt', 'deny')).isError).toBe(true)
  })

  rule('exec.approval.revoke.refusesUnknownOnes', async () => {
    const caller = tenant()
    await always(caller, 'tee out.txt')
    const { id } = (await allowedOf(caller)).allowed[0]!
    await expect(ask(tenant(), 'revoke', { id })).rejects.toThrow(notFound)
    await expect(ask(caller, 'revoke', { id: newId() })).rejects.toThrow(notFound)
    expect((await run(caller, 'tee out.txt')).isError).toBe(false)
  })

  rule('exec.approval.revoke.isAudited', async () => {
    const caller = tenant()
    await always(caller, 'tee secret-text')
    const { id, agentId } = (await allowedOf(caller)).allowed[0]!
    await ask(caller, 'revoke', { id })
    const { action, data } = await trail.first(caller.tenantId, 'execAllowanceRevoked')
    expect(action).toBe('exec_allowance.revoked')
    expect(data).toMatchObject({ id, agentId, actorId: 'alice' })
    expect(JSON.stringify(data)).not.toContain('secret-text')
  })
})

describe('waiting', () => {
  /** A replica of its own: no signal of another one reaches it. */
  const replica = (waitMs: number, lookMs = 200) => {
    const { log } = tools.mesh
    return createApprovals({
      rowsOf: createApprovalRows(db),
      ask: createAsk({ bus: createLocalBus(log), log, waitMs, lookMs }),
    })
  }
  const question = (caller: Caller): Question => ({
    tenantId: caller.tenantId,
    agentId: newId(),
    userId: 'alice',
    sessionKey: '',
    command: 'tee x',
    argumentsHash: 'a'.repeat(64),
  })
  const patient = new AbortController().signal

  it('hears an answer of another replica whose signal is lost', async () => {
    const caller = testCaller({ role: 'operator', credential: 'gateway-token' })
    const asked = replica(60_000).ask(question(caller), patient)
    await ask(caller, 'approve', { id: (await waiting(caller)).id })
    expect(await asked).toBe('allowed')
  })

  it(ruleName('exec.approval.approve.timesOutAsDeny'), async () => {
    const caller = testCaller({ role: 'operator', credential: 'gateway-token' })
    expect(await replica(30).ask(question(caller), patient)).toBe('timeout')
    const { data } = await trail.first(caller.tenantId, 'execApprovalLapsed')
    expect(data).toMatchObject({ why: 'timeout' })
    await expect(ask(caller, 'approve', { id: (data as Pending).id })).rejects.toThrow(notFound)
  })

  it('denies what a process asked that is gone', async () => {
    const caller = testCaller({ role: 'operator', credential: 'gateway-token' })
    const id = newId()
    const rows = createApprovalRows(db)(caller.tenantId)
    await rows.insert(id, question(caller), { waitMs: 60_000, leaseMs: 0 })
    await expect(ask(caller, 'approve', { id })).rejects.toThrow(notFound)
    await createApprovalSweep(db)()
    expect((await trail.first(caller.tenantId, 'execApprovalLapsed')).data).toMatchObject({ id, why: 'lost' })
    expect(await rows.renew(id, 1_000)).toMatchObject({ decision: 'deny' })
  })

  it('asks nothing more where a hundred commands of a tenant wait', async () => {
    const caller = testCaller()
    const rows = createApprovalRows(db)(caller.tenantId)
    const insert = () => rows.insert(newId(), question(caller), { waitMs: 60_000, leaseMs: 60_000 })
    expect(await Promise.all(Array.from({ length: 10 }, insert))).not.toContain(false)
    await db.system.sql.query(
      `INSERT INTO tools.exec_approvals (id, tenant_id, agent_id, user_id, session_key, command, arguments_hash, expires_at, waits_until)
       SELECT gen_random_uuid(), tenant_id, agent_id, user_id, session_key, command, arguments_hash, expires_at, waits_until
       FROM tools.exec_approvals, generate_series(1, 9) WHERE tenant_id = $1`,
      [caller.tenantId],
    )
    expect(await replica(60_000).ask(question(caller), patient)).toBe('full')
  })
})
