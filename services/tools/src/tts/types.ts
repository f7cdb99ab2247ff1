/** Speech made of texts, whoever makes it. */
import type { GuardedFetchOptions } from '@clawmesh/chassis/fetch'
import type { ttsFormats, ttsVendors } from '@clawmesh/contracts'

export type TtsVendor = (typeof ttsVendors)[number]
export type TtsFormat = (typeof ttsFormats)[number]

export interface Speech {
  audio: Uint8Array
  mimeType: string
  /** With its dot. */
  extension: string
}

/** How a text is to be spoken; what is absent is as the vendor is set up. */
export interface Manner {
  voice?: string | undefined
  model?: string | undefined
  /** What is wished; a vendor that has no such format takes MP3. */
  format: TtsFormat
}

export type Outward = Pick<GuardedFetchOptions, 'allow' | 'resolve' | 'signal' | 'timeoutMs'>

/** A vendor that is set up. */
export interface SpeechVendor {
  name: TtsVendor
  /** @throws SpeechFailure; what the address guard throws */
  speak: (text: string, manner: Manner, out: Outward) => Promise<Speech>
}

/** Why a vendor gave no speech. What a vendor says is not repeated: it may name the key. */
export class SpeechFailure extends Error {}

export interface SpeechRequest extends Manner {
  text: string
  /** Who is to speak, and nobody else. */
  provider?: TtsVendor | undefined
}

/** What speaks for the tenant of a call. */
export interface Speaker {
  /** @throws FAILED_PRECONDITION, RESOURCE_EXHAUSTED, UNAVAILABLE, CANCELLED */
  speak: (request: SpeechRequest, signal: AbortSignal) => Promise<Speech & { provider: TtsVendor }>
}

/** Of one answer. */
export const mostAudioBytes = 10 * 1024 * 1024
/** Longer texts are cut, whatever a tenant sets: no vendor takes more in one request. */
export const longestText = 4_096
