/**
 * A read-through cache: bounded, expiring, remembering misses, and evicting what the bus says has changed. While its
 * source is away and the bus is not, values outlive their time: no change can have gone unnoticed.
 */
import { cacheSubject, cacheTag, MeshError, type CacheKind, type CacheTag } from '@clawmesh/contracts'
import { LRUCache } from 'lru-cache'
import type { Bus } from '../bus/bus.ts'
import { databaseError } from '../db/database.ts'

export interface Cache<V> {
  /** The value for a key of a tenant, loaded once however many ask. */
  get: (tenantId: string, key: string, load: () => Promise<V | undefined>) => Promise<V | undefined>
  /** The value if it is there, without a promise. `null` is a remembered miss, `undefined` says nothing. */
  peek: (tenantId: string, key: string) => V | null | undefined
  clear: () => void
  /** Calls back after an eviction, with its tag. */
  onInvalidation: (handler: (tag: CacheTag) => void) => void
  stats: () => { size: number; hits: number; misses: number }
}

export interface CacheOptions {
  /**
   * What the values are derived from. A key of the first kind is the cache's own key; a key of any other says nothing
   * about which values depend on it, so all of its tenant's are evicted.
   */
  kinds: readonly [CacheKind, ...CacheKind[]]
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
/** Tenants whose generation is remembered; beyond that all of them begin a new one. */
const maxGenerations = 100_000

const isAway = (thrown: unknown): boolean => {
  const error = databaseError(thrown)
  return error instanceof MeshError && error.code === 'UNAVAILABLE'
}

/** Evicts what a tag names from the caches of every process. */
export const evict = (bus: Pick<Bus, 'signal'>, tag: CacheTag): void => bus.signal(cacheSubject(tag.kind), tag)

/**
 * Numbers that stand in the keys of entries: with a new one, all entries under the old one are out of reach at once and
 * leave when their place is needed.
 */
const createGenerations = () => {
  let latest = 0
  let ofAll = 0
  const ofTenant = new Map<string, number>()
  const renewAll = () => {
    ofAll = ++latest
    ofTenant.clear()
  }
  return {
    keyOf: (tenantId: string, key: string) => `${ofTenant.get(tenantId) ?? ofAll} ${tenantId} ${key}`,
    renewAll,
    renew: (tenantId: string) => {
      if (ofTenant.size >= maxGenerations) renewAll()
      ofTenant.set(tenantId, ++latest)
    },
  }
}

/** A cache of things derived from some kinds. It empties itself when the bus was away, as it may have missed a tag. */
export const createCache = <V extends object>({
  kinds,
  max,
  ttlMs,
  missTtlMs = ttlMs,
  bus,
}: CacheOptions): Cache<V> => {
  // Its clock is asked each time: with a resolution it would set a timer in every millisecond.
  const entries = new LRUCache<string, Entry<V>>({ max, ttl: ttlMs + staleMs, ttlResolution: 0 })
  const loading = new Map<string, Promise<V | undefined>>()
  const generations = createGenerations()
  const { keyOf } = generations
  // Evicted while loading, the loaded value may already be old: it is handed over but not kept.
  let evictions = 0
  let hits = 0
  let misses = 0
  const [ownKind] = kinds

  const clear = () => {
    evictions++
    loading.clear()
    entries.clear()
    generations.renewAll()
  }
  const evictTagged = ({ kind, tenantId, key }: CacheTag) => {
    if (tenantId === undefined) return clear()
    evictions++
    loading.clear()
    if (key !== undefined && kind === ownKind) entries.delete(keyOf(tenantId, key))
    else generations.renew(tenantId)
  }
  const handlers: ((tag: CacheTag) => void)[] = []
  const invalidate = (tag: CacheTag) => {
    evictTagged(tag)
    for (const handler of handlers) handler(tag)
  }
  for (const kind of kinds) bus.subscribe(cacheSubject(kind), (message) => invalidate(cacheTag.parse(message)))
  bus.onReconnect(() => invalidate({ kind: ownKind }))

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
    const startedAfter = evictions
    const promise = load()
      .then(
        (value) => {
          if (evictions === startedAfter) keep(cacheKey, value)
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
    clear,
    onInvalidation: (handler) => void handlers.push(handler),
    stats: () => ({ size: entries.size, hits, misses }),
  }
}
