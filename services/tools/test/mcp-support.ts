/** MCP servers of a fresh tenant, as the API keeps them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { auditActions, eventType, type Caller, type CloudEvent, type EventName } from '@clawmesh/contracts'
import { consumeEvents } from '../../../test/support/events.ts'
import { newTenant, type ToolsHarness } from './support.ts'

export type Body = Record<string, any>

/** Where the programs of tests stand: opened to those that run in the sandbox. */
export const repository = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')

/** The API of MCP servers for callers of one tenant. */
export const mcpTenant = (tools: ToolsHarness, overrides: Partial<Caller> = {}) => {
  const admin = newTenant(tools, { role: 'admin', userId: 'ann', ...overrides })
  const as = (other: Partial<Caller>): Caller => ({ ...admin, ...other })
  const ask = (caller: Caller, method: string, path: string, body?: object) =>
    tools.request<Body>(caller, method, `/v1/mcp${path}`, body)
  return {
    admin,
    as,
    ask,
    /** What an admin is answered. */
    get: async (path: string) => (await ask(admin, 'GET', path)).body,
    post: (path: string, body: object) => ask(admin, 'POST', path, body),
    put: (path: string, body: object) => ask(admin, 'PUT', path, body),
    remove: (path: string) => ask(admin, 'DELETE', path),
    /** Registers a server; returns its id. */
    server: async (body: object = {}): Promise<string> => {
      const fields = { name: 'search', transport: 'streamable-http', url: 'https://mcp.example.org/mcp', ...body }
      const { status, body: made } = await ask(admin, 'POST', '/servers', fields)
      if (status !== 201) throw new Error(`${status} ${JSON.stringify(made)}`)
      return made['id'] as string
    },
    agent: (agentKey = 'helper') => tools.addAgent(admin.tenantId, { agentKey }),
  }
}

/** What is recorded of tenants: the action as the activity log calls it, and the data, once it is there. */
export const auditTrail = async ({ bus }: ToolsHarness) => {
  const events: CloudEvent[] = []
  await consumeEvents(bus, {
    durable: 'audit',
    subject: 'mesh.events.*.tools.>',
    batchSize: 100,
    handle: async (batch) => void events.push(...batch),
  })
  const of = (tenantId: string, name: EventName) =>
    events.filter((event) => event.tenantid === tenantId && event.type === eventType(name))
  return {
    of,
    first: async (tenantId: string, name: EventName) => {
      for (;;) {
        const [found] = of(tenantId, name)
        if (found !== undefined) return { action: auditActions.get(eventType(name)), data: found.data }
        await sleep(10)
      }
    },
  }
}
