/** Speaking texts for tenants, and what they choose about it. */
import { createPlaces, cutText, type Call, type SystemConfigs } from '@clawmesh/chassis'
import { MeshError, ttsVendors } from '@clawmesh/contracts'
import { choicesOf, inOrder, type Choices } from './choices.ts'
import {
  SpeechFailure,
  type Outward,
  type Speech,
  type SpeechRequest,
  type SpeechVendor,
  type TtsVendor,
} from './types.ts'
import type { TtsConfig } from './vendors/table.ts'

interface Parts {
  config: TtsConfig
  vendors: readonly SpeechVendor[]
  /** System configs of the call's tenant, as they are now. */
  storedOf: (call: Call) => Promise<SystemConfigs>
  /** The same, behind a cache. */
  knownOf: (call: Call) => Promise<SystemConfigs>
  /** Sets a system config. @throws FORBIDDEN below admin */
  set: (call: Call, key: string, value: string) => Promise<unknown>
  out: Pick<Outward, 'allow' | 'resolve'>
  /** Told why a vendor did not speak. */
  onFailure: (vendor: TtsVendor, thrown: unknown) => void
}

/** Texts that a tenant may have spoken at once, on one replica. */
const mostAtOnce = 4

const needs = (what: string) => new MeshError('FAILED_PRECONDITION', 'error.tool_needs', { tool: 'tts', needs: what })

const reasonOf = (thrown: unknown): string => {
  if (thrown instanceof SpeechFailure) return thrown.message
  return thrown instanceof MeshError && thrown.code !== 'INTERNAL' ? thrown.message : 'it could not be reached'
}

export const createTtsUseCases = ({ config, vendors, storedOf, knownOf, set, out, onFailure }: Parts) => {
  const ready = vendors.map(({ name }) => name)
  const takePlace = createPlaces(mostAtOnce)

  const candidatesFor = (provider: TtsVendor | undefined, choices: Choices): SpeechVendor[] => {
    if (vendors.length === 0) throw needs('tts_provider')
    if (provider === undefined) return inOrder(vendors, choices.provider)
    const named = vendors.filter(({ name }) => name === provider)
    if (named.length === 0) throw needs(provider)
    return named
  }

  return {
    /** Whether anybody can speak. */
    isReady: vendors.length > 0,

    status: async (call: Call) => {
      const choices = choicesOf(config, await storedOf(call), ready)
      const { auto, provider } = choices
      return { ...choices, enabled: auto !== 'off', providers: inOrder(vendors, provider).map(({ name }) => name) }
    },

    providers: async (call: Call) => ({
      providers: ttsVendors.map((name) => ({ name, configured: ready.includes(name) })),
      primary: choicesOf(config, await storedOf(call), ready).provider,
    }),

    /** @throws FAILED_PRECONDITION where nobody could speak */
    setAuto: async (call: Call, auto: Choices['auto']): Promise<void> => {
      if (auto !== 'off' && vendors.length === 0) throw needs('tts_provider')
      await set(call, 'tts.auto', auto)
    },

    setProvider: async (call: Call, provider: TtsVendor): Promise<void> => {
      await set(call, 'tts.provider', provider)
    },

    /**
     * Speaks a text, cut to what the tenant wants: the named vendor alone, or one after the other until one does.
     * @throws FAILED_PRECONDITION, RESOURCE_EXHAUSTED, CANCELLED; UNAVAILABLE when nobody could
     */
    speak: async (
      call: Call,
      { text, provider, ...manner }: SpeechRequest,
    ): Promise<Speech & { provider: TtsVendor }> => {
      const choices = choicesOf(config, await knownOf(call), ready)
      const { maxLength, timeoutMs } = choices
      const candidates = candidatesFor(provider, choices)
      const { signal } = call
      const leave = takePlace(call.caller.tenantId)
      if (leave === undefined) throw new MeshError('RESOURCE_EXHAUSTED', 'error.too_much_speech', { limit: mostAtOnce })
      try {
        const failures: string[] = []
        for (const vendor of candidates) {
          try {
            // A voice or a model is one vendor's: it says nothing to those who stand in for it.
            const asked = failures.length === 0 ? manner : { format: manner.format }
            const speech = await vendor.speak(cutText(text, maxLength), asked, { ...out, signal, timeoutMs })
            return { ...speech, provider: vendor.name }
          } catch (thrown) {
            if (signal.aborted) throw new MeshError('CANCELLED', 'error.cancelled', {}, { cause: thrown })
            onFailure(vendor.name, thrown)
            failures.push(`${vendor.name}: ${reasonOf(thrown)}`)
          }
        }
        throw new MeshError('UNAVAILABLE', 'error.no_speech', { text: failures.join('. ') })
      } finally {
        leave()
      }
    },
  }
}

export type TtsUseCases = ReturnType<typeof createTtsUseCases>
