/** How a tenant wants texts to be spoken: its system configs, over what the installation says. */
import type { SystemConfigs } from '@clawmesh/chassis'
import { ttsAutoModes, ttsSpeakingModes, ttsVendors } from '@clawmesh/contracts'
import { z } from 'zod'
import { longestText, type TtsVendor } from './types.ts'
import type { TtsConfig } from './vendors/table.ts'

export interface Choices {
  /** Empty where nothing is set up and nobody has chosen. */
  provider: TtsVendor | ''
  auto: (typeof ttsAutoModes)[number]
  mode: (typeof ttsSpeakingModes)[number]
  maxLength: number
  timeoutMs: number
}

const numberUpTo = (most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(most))

const schemas = {
  provider: z.enum(ttsVendors),
  auto: z.enum(ttsAutoModes),
  mode: z.enum(ttsSpeakingModes),
  maxLength: numberUpTo(longestText),
  timeoutMs: numberUpTo(120_000),
}

/** What cannot be read counts as not set. @param ready vendors that are set up, the first that is asked first */
export const choicesOf = (config: TtsConfig, stored: SystemConfigs, ready: readonly TtsVendor[]): Choices => ({
  provider: schemas.provider.safeParse(stored['tts.provider']).data ?? (config.ttsProvider || (ready[0] ?? '')),
  auto: schemas.auto.safeParse(stored['tts.auto']).data ?? config.ttsAuto,
  mode: schemas.mode.safeParse(stored['tts.mode']).data ?? config.ttsMode,
  maxLength: schemas.maxLength.safeParse(stored['tts.max_length']).data ?? config.ttsMaxLength,
  timeoutMs: schemas.timeoutMs.safeParse(stored['tts.timeout_ms']).data ?? config.ttsTimeoutMs,
})

/** The vendors with the chosen one in front. */
export const inOrder = <V extends { name: TtsVendor }>(vendors: readonly V[], first: string): V[] =>
  vendors.toSorted((a, b) => Number(b.name === first) - Number(a.name === first))
