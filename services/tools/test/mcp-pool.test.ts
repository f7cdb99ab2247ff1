/** The pool of MCP connections, over connections that a test holds in its hands. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connect, ConnectHooks, McpConnection } from '../src/mcp/client/connect.ts'
import {
  createPool,
  defaultPoolLimits,
  type ConnectionKey,
  type Pool,
  type PoolLimits,
} from '../src/mcp/client/pool.ts'
import type { McpTarget } from '../src/mcp/client/target.ts'

let pool: Pool
afterEach(() => pool.close())

const target: McpTarget = { transport: 'sse', command: '', args: [], url: 'https://x.example/', headers: {}, env: {} }
const keyOf = (serverId: string, more: Partial<ConnectionKey> = {}): ConnectionKey => ({
  tenantId: 't',
  serverId,
  version: '1',
  ...more,
})
const never = new AbortController().signal

/** A pool whose connections are counted; `fails` decides whether the next one opens, `pings` whether one answers. */
const start = (limits: Partial<PoolLimits> = {}) => {
  const state = {
    ...{ opened: 0, open: 0, most: 0, listed: 0, fails: false, pings: true },
    hooks: [] as ConnectHooks[],
    listMs: undefined as number | undefined,
  }
  const connect: Connect = async (_, hooks) => {
    state.opened++
    if (state.fails) throw new Error('refused')
    state.hooks.push(hooks)
    state.most = Math.max(state.most, ++state.open)
    const id = state.opened
    const connection: McpConnection & { id: number } = {
      id,
      tools: async () => {
        state.listed++
        return []
      },
      listMs: () => state.listMs,
      call: () => Promise.reject(new Error('not called here')),
      ping: async () => {
        if (!state.pings) throw new Error('silent')
      },
      close: async () => void state.open--,
    }
    return connection
  }
  pool = createPool({ connect, limits, toolsChanged: () => undefined })
  const use = <T>(key: ConnectionKey, work: (id: number) => Promise<T>, signal = never): Promise<T> =>
    pool.use(
      key,
      () => target,
      signal,
      (connection) => work((connection as McpConnection & { id: number }).id),
    )
  const id = (key: ConnectionKey) => use(key, async (connection) => connection)
  return { state, use, id }
}
const until = async (holds: () => boolean | Promise<boolean>) => {
  while (!(await holds())) await sleep(5)
}

test('numbers and times are those of the contract', () => {
  const minuteMs = 60_000
  expect(defaultPoolLimits).toMatchObject({
    ...{ shared: 200, sharedIdleMs: 20 * minuteMs, sharedWaitMs: minuteMs, sweepMs: minuteMs },
    ...{ personal: 30, personalIdleMs: 15 * minuteMs, personalWaitMs: 10_000 },
    ...{ pingMs: 30_000, pingFailures: 3, backoffMs: 2_000, maxBackoffMs: minuteMs, attempts: 10 },
  })
  start()
})

test('a connection is opened once, however many use it', async () => {
  const { state, id } = start()
  expect(new Set(await Promise.all(Array.from({ length: 50 }, () => id(keyOf('a')))))).toEqual(new Set([1]))
  expect(state.opened).toBe(1)
})

test('a list of tools is asked for again once it is as old as the server says, and not before', async () => {
  const { state, id } = start({ leastListMs: 1 })
  state.listMs = 60_000
  await id(keyOf('a'))
  pool.keepList(keyOf('a'))
  expect(state.listed).toBe(1)
  state.listMs = 0
  await id(keyOf('b'))
  await sleep(5)
  for (const _ of Array.from({ length: 10 })) pool.keepList(keyOf('b'))
  await until(() => state.listed === 3)
  expect(state.opened).toBe(2)
})

test('200 calls of 40 servers share 20 places, and all are served', async () => {
  const { state, use } = start({ shared: 20 })
  const calls = Array.from({ length: 200 }, (_, at) =>
    use(keyOf(`server-${at % 40}`), async () => {
      await sleep(5)
      return at
    }),
  )
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 200 }, (_, at) => at))
  expect(pool.size()).toBeLessThanOrEqual(20)
  expect(state.most).toBeLessThanOrEqual(40)
})

test('a tenant whose calls hold half of the places leaves the others to other tenants', async () => {
  const { use, id } = start({ shared: 4, sharedWaitMs: 20 })
  const done = Promise.withResolvers<undefined>()
  const busy = ['a', 'b'].map((server) => use(keyOf(server), () => done.promise))
  await expect(id(keyOf('c'))).rejects.toThrow('too many MCP connections')
  expect(await id(keyOf('d', { tenantId: 'other' }))).toBe(3)
  done.resolve(undefined)
  await Promise.all(busy)
  // Its own idle ones make room, not those of the other tenant.
  expect(await id(keyOf('c'))).toBe(4)
  expect(await id(keyOf('d', { tenantId: 'other' }))).toBe(3)
})

test('who finds every place in use is told so in time', async () => {
  const { use, id } = start({ shared: 1, sharedWaitMs: 20 })
  const done = Promise.withResolvers<undefined>()
  const busy = use(keyOf('a'), () => done.promise)
  await expect(id(keyOf('b'))).rejects.toThrow('too many MCP connections')
  done.resolve(undefined)
  await busy
  expect(await id(keyOf('b'))).toBe(2)
})

test('users with their own secrets have connections of their own, counted by server', async () => {
  const { id, use } = start({ personal: 1, personalWaitMs: 20 })
  const of = (userId: string | undefined) => keyOf('a', { userId })
  expect([await id(of(undefined)), await id(of('ann')), await id(of(undefined))]).toEqual([1, 2, 1])
  const done = Promise.withResolvers<undefined>()
  const busy = use(of('ann'), () => done.promise)
  await expect(id(of('bob'))).rejects.toThrow('too many')
  done.resolve(undefined)
  await busy
  expect(await id(of('bob'))).toBe(3)
})

test('a connection of an older version, or one that was dropped, is not used again', async () => {
  const { state, id } = start()
  await id(keyOf('a'))
  expect(await id(keyOf('a', { version: '2' }))).toBe(2)
  await pool.drop('t', 'a')
  expect(state.open).toBe(0)
  expect(await id(keyOf('a', { version: '2' }))).toBe(3)
})

test('a server that is away is said to be at once, and is there again after a pause', async () => {
  const { state, id } = start({ backoffMs: 20 })
  state.fails = true
  await expect(id(keyOf('a'))).rejects.toThrow('refused')
  await expect(id(keyOf('a'))).rejects.toThrow('not connected')
  state.fails = false
  await until(() =>
    id(keyOf('a')).then(
      () => true,
      () => false,
    ),
  )
})

test('one that ends is opened again, and not for ever', async () => {
  const { state, id } = start({ backoffMs: 1, maxBackoffMs: 2, attempts: 3 })
  await id(keyOf('a'))
  state.fails = true
  state.hooks[0]!.closed()
  await expect(id(keyOf('a'))).rejects.toThrow('not connected')
  await until(() => state.opened === 4)
  await sleep(20)
  expect(state.opened).toBe(4)
  state.fails = false
  await pool.drop('t', 'a')
  expect(await id(keyOf('a'))).toBe(5)
})

test('one that does not answer pings counts as gone, and is opened again', async () => {
  const { state, id } = start({ pingMs: 5, pingFailures: 3, backoffMs: 1 })
  await id(keyOf('a'))
  state.pings = false
  await until(() => state.opened > 1)
  state.pings = true
  await until(() =>
    id(keyOf('a')).then(
      (connection) => connection > 1,
      () => false,
    ),
  )
})

test('an idle connection is closed', async () => {
  const { state, id } = start({ sharedIdleMs: 10, sweepMs: 5 })
  await id(keyOf('a'))
  await until(() => state.open === 0)
  expect(pool.size()).toBe(0)
})

test('who leaves waits for no place', async () => {
  const { use } = start({ shared: 1 })
  const done = Promise.withResolvers<undefined>()
  const busy = use(keyOf('a'), () => done.promise)
  const leaving = new AbortController()
  const waiting = use(keyOf('b'), async () => 1, leaving.signal)
  await until(() => pool.size() === 1)
  leaving.abort(new Error('left'))
  await expect(waiting).rejects.toThrow('left')
  done.resolve(undefined)
  await busy
})
