import { cacheSubject, MeshError } from '@clawmesh/contracts'
import { createCache, createLogger, evict, createLocalBus, type Bus, type CacheOptions } from '../src/index.ts'

interface Thing {
  at: number
}

const log = createLogger({ level: 'silent', name: 'test' })

/** A bus whose connection a test can lose and find again. */
const busOfTest = (): Bus & { reconnect: () => void } => {
  const handlers: (() => void)[] = []
  return {
    ...createLocalBus(log),
    onReconnect: (handler) => void handlers.push(handler),
    reconnect: () => handlers.forEach((handler) => handler()),
  }
}

const setUp = (options: Partial<Pick<CacheOptions, 'kinds' | 'max' | 'ttlMs' | 'missTtlMs'>> = {}) => {
  const bus = busOfTest()
  const cache = createCache<Thing>({ kinds: ['agents'], max: 100, ttlMs: 60_000, bus, ...options })
  let loads = 0
  const load = async (): Promise<Thing> => ({ at: ++loads })
  return { bus, cache, load, loads: () => loads }
}

/** How long values are good where that matters: the steps before must fit into it on a busy machine. */
const shortMs = 500
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

it('loads a value once, however many ask for it at once and afterwards', async () => {
  const { cache, load, loads } = setUp()
  const values = await Promise.all(Array.from({ length: 50 }, () => cache.get('t', 'k', load)))
  expect(new Set(values).size).toBe(1)
  expect(await cache.get('t', 'k', load)).toBe(values[0])
  expect(cache.peek('t', 'k')).toBe(values[0])
  expect(loads()).toBe(1)
  expect(cache.stats()).toEqual({ size: 1, hits: 2, misses: 50 })
})

it('keeps tenants and keys apart', async () => {
  const { cache, load, loads } = setUp()
  for (const [tenant, key] of [
    ['a', 'k'],
    ['b', 'k'],
    ['a', 'l'],
    ['', 'a k'],
  ] as const)
    await cache.get(tenant, key, load)
  expect(loads()).toBe(4)
})

it('remembers that there is nothing, as long as it is told', async () => {
  const { cache } = setUp({ missTtlMs: shortMs })
  let asked = 0
  const load = async () => {
    asked++
    return undefined
  }
  expect(cache.peek('t', 'k')).toBeUndefined()
  expect(await cache.get('t', 'k', load)).toBeUndefined()
  expect(await cache.get('t', 'k', load)).toBeUndefined()
  expect(cache.peek('t', 'k')).toBeNull()
  expect(asked).toBe(1)
  await pause(shortMs + 20)
  await cache.get('t', 'k', load)
  expect(asked).toBe(2)
})

it('forgets after its time', async () => {
  const { cache, load, loads } = setUp({ ttlMs: shortMs })
  await cache.get('t', 'k', load)
  await pause(shortMs + 20)
  expect(cache.peek('t', 'k')).toBeUndefined()
  await cache.get('t', 'k', load)
  expect(loads()).toBe(2)
})

it('remembers no failure: who asks next asks anew', async () => {
  const { cache, load } = setUp()
  const failing = async (): Promise<Thing> => {
    throw new Error('away')
  }
  const both = await Promise.allSettled([cache.get('t', 'k', failing), cache.get('t', 'k', failing)])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(
    cache.get('t', 'k', () => {
      throw new Error('at once')
    }),
  ).rejects.toThrow('at once')
  expect(await cache.get('t', 'k', load)).toEqual({ at: 1 })
})

describe('while its source is away', () => {
  const away = async (): Promise<Thing> => {
    throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'identity' })
  }

  it('goes on with what it knows, and asks again only now and then', async () => {
    const { cache, load } = setUp({ ttlMs: shortMs })
    await cache.get('t', 'k', load)
    await pause(shortMs + 20)
    let asked = 0
    const counting = () => {
      asked++
      return away()
    }
    for (let i = 0; i < 5; i++) expect(await cache.get('t', 'k', counting)).toEqual({ at: 1 })
    expect(asked).toBe(1)
    await expect(cache.get('t', 'unknown', away)).rejects.toThrow()
  })

  it('does not, when the bus is away too, or when the source refuses', async () => {
    const { bus, cache, load } = setUp({ ttlMs: shortMs })
    await cache.get('t', 'k', load)
    await pause(shortMs + 20)
    await expect(
      cache.get('t', 'k', async () => {
        throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: 'k' })
      }),
    ).rejects.toThrow()
    bus.connected = () => false
    await expect(cache.get('t', 'k', away)).rejects.toThrow()
  })

  it('does not remember for longer that there was nothing', async () => {
    const { cache } = setUp({ ttlMs: shortMs })
    await cache.get('t', 'k', async () => undefined)
    await pause(shortMs + 20)
    await expect(cache.get('t', 'k', away)).rejects.toThrow()
  })

  it('forgets what it is told to', async () => {
    const { bus, cache, load } = setUp({ ttlMs: shortMs })
    await cache.get('t', 'k', load)
    await pause(shortMs + 20)
    expect(await cache.get('t', 'k', away)).toEqual({ at: 1 })
    evict(bus, { kind: 'agents', tenantId: 't', key: 'k' })
    await expect(cache.get('t', 'k', away)).rejects.toThrow()
  })
})

it('holds no more than it may, and drops what was not asked for longest', async () => {
  const { cache, load } = setUp({ max: 3 })
  for (const key of ['a', 'b', 'c']) await cache.get('t', key, load)
  await cache.get('t', 'a', load)
  for (let at = 0; at < 2; at++) await cache.get('t', `more ${at}`, load)
  expect(cache.stats().size).toBe(3)
  expect(cache.peek('t', 'a')).toEqual({ at: 1 })
  expect(cache.peek('t', 'b')).toBeUndefined()
  expect(cache.peek('t', 'c')).toBeUndefined()
})

describe('told to evict', () => {
  it('a key, it evicts that of that tenant alone', async () => {
    const { bus, cache, load } = setUp()
    for (const tenant of ['a', 'b']) for (const key of ['k', 'l']) await cache.get(tenant, key, load)
    evict(bus, { kind: 'agents', tenantId: 'a', key: 'k' })
    expect(cache.peek('a', 'k')).toBeUndefined()
    expect([cache.peek('a', 'l'), cache.peek('b', 'k'), cache.peek('b', 'l')]).not.toContain(undefined)
  })

  it('a tenant, it evicts all of that tenant and nothing of others', async () => {
    const { bus, cache, load } = setUp()
    for (const tenant of ['a', 'b']) for (const key of ['k', '']) await cache.get(tenant, key, load)
    evict(bus, { kind: 'agents', tenantId: 'a' })
    expect([cache.peek('a', 'k'), cache.peek('a', '')]).toEqual([undefined, undefined])
    expect([cache.peek('b', 'k'), cache.peek('b', '')]).not.toContain(undefined)
    expect(await cache.get('a', 'k', load)).toEqual({ at: 5 })
    expect(cache.peek('a', 'k')).toEqual({ at: 5 })
  })

  it('an empty key, it evicts that key alone', async () => {
    const { bus, cache, load } = setUp()
    for (const key of ['k', '']) await cache.get('a', key, load)
    evict(bus, { kind: 'agents', tenantId: 'a', key: '' })
    expect([cache.peek('a', 'k'), cache.peek('a', '')]).toEqual([{ at: 1 }, undefined])
  })

  it('a kind, it evicts everything', async () => {
    const { bus, cache, load } = setUp()
    for (const tenant of ['a', 'b']) await cache.get(tenant, 'k', load)
    evict(bus, { kind: 'agents' })
    expect(cache.stats().size).toBe(0)
  })

  it('a key of another kind that it depends on, it evicts all of that tenant', async () => {
    const { bus, cache, load } = setUp({ kinds: ['agents', 'providers'] })
    for (const tenant of ['a', 'b']) await cache.get(tenant, 'k', load)
    evict(bus, { kind: 'providers', tenantId: 'a', key: 'openai' })
    expect([cache.peek('a', 'k'), cache.peek('b', 'k')]).toEqual([undefined, { at: 2 }])
  })

  it('a kind that it does not depend on, it evicts nothing', async () => {
    const { bus, cache, load } = setUp()
    await cache.get('a', 'k', load)
    evict(bus, { kind: 'providers' })
    expect(cache.peek('a', 'k')).toEqual({ at: 1 })
  })

  it('something unreadable, it keeps working', async () => {
    const { bus, cache, load } = setUp()
    await cache.get('a', 'k', load)
    for (const message of [undefined, null, 'text', {}, { kind: 'agents', tenantId: 1 }, { kind: 'agents', key: 'k' }])
      bus.signal(cacheSubject('agents'), message)
    expect(cache.peek('a', 'k')).toEqual({ at: 1 })
    evict(bus, { kind: 'agents', tenantId: 'a', key: 'k' })
    expect(cache.peek('a', 'k')).toBeUndefined()
  })

  it('a miss, it looks again', async () => {
    const { bus, cache, load } = setUp()
    await cache.get('a', 'k', async () => undefined)
    evict(bus, { kind: 'agents', tenantId: 'a', key: 'k' })
    expect(await cache.get('a', 'k', load)).toEqual({ at: 1 })
  })

  it.each([
    ['the key', (bus: ReturnType<typeof busOfTest>) => evict(bus, { kind: 'agents', tenantId: 'a', key: 'k' })],
    ['everything', (bus: ReturnType<typeof busOfTest>) => evict(bus, { kind: 'agents' })],
    ['by a connection that comes back', (bus: ReturnType<typeof busOfTest>) => bus.reconnect()],
  ])('%s while it loads, it hands the value over and does not keep it', async (_what, change) => {
    const { bus, cache, load } = setUp()
    const { promise, resolve } = Promise.withResolvers<Thing>()
    const early = cache.get('a', 'k', () => promise)
    change(bus)
    // Asked after the change, the old load will not do.
    const late = await cache.get('a', 'k', load)
    resolve({ at: -1 })
    expect(await early).toEqual({ at: -1 })
    expect(late).toEqual({ at: 1 })
    expect(await cache.get('a', 'k', load)).toEqual({ at: 1 })
  })
})

it('empties itself when the bus was away: it may have missed something', async () => {
  const { bus, cache, load } = setUp()
  await cache.get('a', 'k', load)
  bus.reconnect()
  expect(cache.stats().size).toBe(0)
  expect(await cache.get('a', 'k', load)).toEqual({ at: 2 })
})

it('says what it has evicted, after it has: by key, and everything when the bus was away', async () => {
  const { bus, cache, load } = setUp()
  await cache.get('a', 'k', load)
  const tags: unknown[] = []
  cache.onInvalidation((what) => tags.push([what, cache.peek('a', 'k')]))
  evict(bus, { kind: 'agents', tenantId: 'a', key: 'k' })
  await cache.get('a', 'k', load)
  bus.reconnect()
  expect(tags).toEqual([
    [{ kind: 'agents', tenantId: 'a', key: 'k' }, undefined],
    [{ kind: 'agents' }, undefined],
  ])
})
