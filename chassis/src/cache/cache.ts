/**
 * A read-through cache: bounded, expiring, remembering misses, and told by the bus what to forget. While its source is
 * away and the bus is not, values outlive their time: nobody can have changed them unheard.
 */
import { cacheSubject, invalidation, MeshError, type CacheKind, type Invalidation } from '@clawmesh/contracts'
import { LRUCache } from 'lru-cache'
import type { Bus } from '../bus/bus.ts'
import { databaseError } from '../db/database.ts'

export interface Cache<V> {
  /** The value for a key of a tenant, loaded once however many ask. */
  get: (tenantId: string, key: string, load: () => Promise<V | undefined>) => Promise<V | undefined>
  /** The value if it is there, without a promise. `null` is a remembered miss, `undefined` says nothing. */
  peek: (tenantId: string, key: string) => V | null | undefined
  clear: () => void
  /** Calls back after something was forgotten because it may have changed; an empty key stands for everything. */
  onInvalidation: (handler: (told: Invalidation) => void) => void
  stats: () => { size: number; hits: number; misses: number }
}

interface CacheOptions {
  kind: CacheKind
  /** Entries, misses included. */
  max: number
  ttlMs: number
  /** How long a miss is remembered; default as long as a value. */
  missTtlMs?: number
  bus: Bus
}

const missing = Symbol('missing')

interface Entry<V> {
  readonly value: V | typeof missing
  freshUntilMs: number
}

/** How long a value past its time may stand in for a source that is away. */
const staleMs = 300_000
/** A source that was away is asked again after this time. */
const askAgainMs = 1_000

const isAway = (thrown: unknown): boolean => {
  const error = databaseError(thrown)
  return error instanceof MeshError && error.code === 'UNAVAILABLE'
}

/** Forgets a key of a tenant everywhere; an empty key forgets everything of the kind. */
export const invalidate = (bus: Bus, kind: CacheKind, message: Invalidation): void =>
  bus.signal(cacheSubject(kind), message)

/** A cache of one kind. It empties itself when the bus was away, as it may have missed an invalidation. */
export const createCache = <V extends object>({ kind, max, ttlMs, missTtlMs = ttlMs, bus }: CacheOptions): Cache<V> => {
  const entries = new LRUCache<string, Entry<V>>({ max, ttl: ttlMs + staleMs })
  const loading = new Map<string, Promise<V | undefined>>()
  // Told to forget while loading, the loaded value may already be old: it is handed over but not kept.
  let generation = 0
  let hits = 0
  let misses = 0
  const keyOf = (tenantId: string, key: string) => `${tenantId} ${key}`

  const evict = (tenantId: string, key: string) => {
    generation++
    loading.clear()
    if (key === '') entries.clear()
    else entries.delete(keyOf(tenantId, key))
  }
  const handlers: ((told: Invalidation) => void)[] = []
  const hear = (told: Invalidation) => {
    evict(told.tenantId, told.key)
    for (const handler of handlers) handler(told)
  }
  bus.subscribe(cacheSubject(kind), (message) => hear(invalidation.parse(message)))
  bus.onReconnect(() => hear({ tenantId: '', key: '' }))

  const keep = (cacheKey: string, value: V | undefined): void => {
    const freshMs = value === undefined ? missTtlMs : ttlMs
    const entry: Entry<V> = { value: value ?? missing, freshUntilMs: performance.now() + freshMs }
    entries.set(cacheKey, entry, { ttl: value === undefined ? freshMs : freshMs + staleMs })
  }
  const fresh = (cacheKey: string): V | typeof missing | undefined => {
    const entry = entries.get(cacheKey)
    return entry !== undefined && entry.freshUntilMs > performance.now() ? entry.value : undefined
  }
  /** What was known of a key whose source is away; @throws what keeps the source from answering, when that is nothing */
  const orStale = (cacheKey: string, thrown: unknown): V => {
    const entry = entries.get(cacheKey)
    if (entry === undefined || entry.value === missing || !bus.connected() || !isAway(thrown)) throw thrown
    entry.freshUntilMs = performance.now() + askAgainMs
    return entry.value
  }

  const loadOnce = (cacheKey: string, load: () => Promise<V | undefined>): Promise<V | undefined> => {
    const startedIn = generation
    const promise = load()
      .then(
        (value) => {
          if (generation === startedIn) keep(cacheKey, value)
          return value
        },
        (thrown: unknown) => orStale(cacheKey, thrown),
      )
      .finally(() => {
        if (loading.get(cacheKey) === promise) loading.delete(cacheKey)
      })
    loading.set(cacheKey, promise)
    return promise
  }

  return {
    get: async (tenantId, key, load) => {
      const cacheKey = keyOf(tenantId, key)
      const known = fresh(cacheKey)
      if (known !== undefined) {
        hits++
        return known === missing ? undefined : known
      }
      misses++
      return loading.get(cacheKey) ?? loadOnce(cacheKey, load)
    },
    peek: (tenantId, key) => {
      const known = fresh(keyOf(tenantId, key))
      if (known !== undefined) hits++
      return known === missing ? null : known
    },
    clear: () => evict('', ''),
    onInvalidation: (handler) => void handlers.push(handler),
    stats: () => ({ size: entries.size, hits, misses }),
  }
}
