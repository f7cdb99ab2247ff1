/**
 * Which keys of which providers have failed of late, by model: those cool down while others are asked. All replicas know the
 * same, as each tells the others what it has seen; one that has just started begins with nothing.
 */
import { newId, type Bus, sha256Hex } from '@clawmesh/chassis'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import type { FailureKind } from '../chat/protocols/failure.ts'

/** What cools down: a key of a provider, for one model. */
export interface Place {
  providerId: string
  key: string
  model: string
}

export interface Cooldown {
  model: string
  /** Of the key, which is not kept. */
  fingerprint: string
  kind: FailureKind
  /** In a row. */
  failures: number
  reason: string
  untilMs: number
  /** Somebody is finding out whether it serves again. */
  isProbed: boolean
}

/** `due`: it has rested long enough for one call to try it. */
export type Readiness = 'ready' | 'due' | 'cooling'

/**
 * Cooldowns in milliseconds, doubled with each further failure. What passes by itself is tried again within half a minute,
 * so that a provider is back soon after it is well; keys, accounts and names are mended by people, and cost more to try.
 */
const passing = { firstMs: 5_000, longestMs: 30_000 }
const mended = { firstMs: 30_000, longestMs: 3_600_000 }
const times: Partial<Record<FailureKind, { firstMs: number; longestMs: number }>> = {
  rate_limit: passing,
  failed: passing,
  timeout: passing,
  cut: passing,
  credentials: mended,
  quota: mended,
  missing: mended,
}
const longestAskedMs = 3_600_000

/** Forgotten so long after the end of a cooldown. */
const keptMs = 86_400_000
const mostProviders = 10_000
/** Keys times models: more than anybody uses, and less than one who tries names would fill. */
const mostPlacesOfProvider = 200
const subject = 'mesh.provider-cooldowns'

const message = z.object({
  from: z.string(),
  providerId: z.string(),
  place: z.string(),
  cooldown: z
    .object({
      model: z.string(),
      fingerprint: z.string(),
      kind: z.string().transform((kind) => kind as FailureKind),
      failures: z.number(),
      reason: z.string(),
      leftMs: z.number(),
      isProbed: z.boolean(),
    })
    .optional(),
})

export const fingerprintOf = (key: string): string => sha256Hex(key).slice(0, 12)

const cooldownMsOf = (kind: FailureKind, failures: number, askedMs: number): number => {
  const { firstMs, longestMs } = times[kind] ?? passing
  const own = Math.min(firstMs * 2 ** Math.min(failures - 1, 20), longestMs)
  return Math.max(own, Math.min(askedMs, longestAskedMs))
}

export const createCooldowns = (bus: Pick<Bus, 'signal' | 'subscribe'>, now: () => number = Date.now) => {
  const self = newId()
  /** By provider first, so that one tenant's places push out no other's. Of a cooldown that is long over nothing is known. */
  const byProvider = new LRUCache<string, LRUCache<string, Cooldown>>({ max: mostProviders })

  const remove = (providerId: string, place: string): boolean => {
    const places = byProvider.get(providerId)
    if (places?.delete(place) !== true) return false
    if (places.size === 0) byProvider.delete(providerId)
    return true
  }

  const put = (providerId: string, place: string, cooldown: Cooldown): void => {
    const places = byProvider.get(providerId) ?? new LRUCache<string, Cooldown>({ max: mostPlacesOfProvider })
    byProvider.set(providerId, places)
    places.set(place, cooldown, { ttl: Math.max(0, cooldown.untilMs - now()) + keptMs })
  }

  const tell = (providerId: string, place: string, cooldown?: Cooldown): void => {
    const { untilMs, ...rest } = cooldown ?? { untilMs: 0 }
    bus.signal(subject, {
      from: self,
      providerId,
      place,
      // Clocks differ: what travels is how long.
      ...(cooldown === undefined ? {} : { cooldown: { ...rest, leftMs: Math.max(0, untilMs - now()) } }),
    })
  }

  const listen = () =>
    bus.subscribe(subject, (received) => {
      const parsed = message.safeParse(received)
      if (!parsed.success || parsed.data.from === self) return
      const { providerId, place, cooldown } = parsed.data
      if (cooldown === undefined) return void remove(providerId, place)
      const { leftMs, ...rest } = cooldown
      put(providerId, place, { ...rest, untilMs: now() + leftMs })
    })

  const placeOf = ({ key, model }: Place): string => `${fingerprintOf(key)} ${model}`
  const find = (place: Place): Cooldown | undefined => byProvider.get(place.providerId)?.get(placeOf(place))

  return {
    listen,

    readiness: (place: Place): Readiness => {
      // Nearly always there is nothing, and nothing need be worked out.
      const cooldown = byProvider.has(place.providerId) ? find(place) : undefined
      if (cooldown === undefined) return 'ready'
      return cooldown.untilMs <= now() ? 'due' : 'cooling'
    },

    why: (place: Place): Cooldown | undefined => find(place),

    /** Takes the one try of a place that is due; all others leave it alone until the outcome is known. */
    probe: (place: Place): void => {
      const cooldown = find(place)
      if (cooldown === undefined) return
      const probed = { ...cooldown, isProbed: true, untilMs: now() + passing.longestMs }
      put(place.providerId, placeOf(place), probed)
      tell(place.providerId, placeOf(place), probed)
    },

    /** @param askedMs what upstream has asked for */
    failed: (place: Place, kind: FailureKind, reason: string, askedMs = 0): void => {
      if (times[kind] === undefined) return
      const known = find(place)
      // What fails beside the failure that began the cooldown is the same failure.
      const isSame = known !== undefined && !known.isProbed && known.untilMs > now()
      const failures = (known?.failures ?? 0) + (isSame ? 0 : 1)
      const fingerprint = fingerprintOf(place.key)
      const untilMs = Math.max(isSame ? known.untilMs : 0, now() + cooldownMsOf(kind, failures, askedMs))
      const cooldown = { model: place.model, fingerprint, kind, failures, reason, untilMs, isProbed: false }
      put(place.providerId, placeOf(place), cooldown)
      tell(place.providerId, placeOf(place), cooldown)
    },

    served: (place: Place): void => {
      if (!byProvider.has(place.providerId)) return
      if (remove(place.providerId, placeOf(place))) tell(place.providerId, placeOf(place))
    },

    of: (providerId: string): Cooldown[] => [...(byProvider.get(providerId)?.values() ?? [])],
  }
}

export type Cooldowns = ReturnType<typeof createCooldowns>
