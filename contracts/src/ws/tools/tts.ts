import { z } from 'zod'
import { okBool } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

/** In the order in which they are asked where none is named. */
export const ttsVendors = ['openai', 'elevenlabs', 'edge', 'minimax'] as const
export const ttsFormats = ['mp3', 'opus'] as const
/** Which answers are spoken by themselves. */
export const ttsAutoModes = ['off', 'always', 'inbound', 'tagged'] as const
/** What of an answer is spoken by itself. */
export const ttsSpeakingModes = ['final', 'all'] as const

const provider = z.enum(ttsVendors)
const auto = z.enum(ttsAutoModes)
const providerOrNone = z.union([provider, z.literal('')])
const isAudited = 'It is an entry of the audit log'

export const tts = defineWsTable('tools', {
  'tts.status': {
    role: 'viewer',
    summary: 'How texts are spoken for the tenant',
    rules: {
      tellsWhatTheTenantSays:
        'The system configs `tts.provider`, `tts.auto`, `tts.mode`, `tts.max_length` and `tts.timeout_ms` of the tenant hold; what is not there or cannot be read is as the installation has it',
      isEnabledByAuto: '`enabled` is whether `auto` is anything but `off`',
      namesWhatIsSetUp:
        '`providers` are those that are set up, in the order in which they are asked; their keys are told to nobody',
    },
    params: z.object({}),
    result: z.object({
      enabled: z.boolean(),
      provider: providerOrNone.describe('Who is asked first; empty where none is set up and none was chosen'),
      auto,
      mode: z.enum(ttsSpeakingModes),
      maxLength: z.number().int(),
      timeoutMs: z.number().int(),
      providers: z.array(provider),
    }),
    errors: [],
  },
  'tts.enable': {
    role: 'admin',
    summary: 'Have answers spoken by themselves',
    rules: {
      setsAuto: 'It sets `tts.auto` of the tenant to the mode that is named, else to `always`',
      saysWhatItNeeds: 'Where no provider is set up it is answered FAILED_PRECONDITION, and nothing changes',
      isAudited,
    },
    params: z.object({ auto: auto.exclude(['off']).default('always') }),
    result: okBool,
    errors: ['FAILED_PRECONDITION'],
  },
  'tts.disable': {
    role: 'admin',
    summary: 'Have no answers spoken by themselves',
    rules: { setsAutoOff: 'It sets `tts.auto` of the tenant to `off`', isAudited },
    params: z.object({}),
    result: okBool,
    errors: [],
  },
  'tts.convert': {
    role: 'operator',
    summary: 'Speak a text',
    rules: {
      cutsLongTexts: 'A text longer than `maxLength` is cut',
      fallsBack:
        'Where the first provider fails and none was named, the others that are set up are asked one after the other, with their own voice and model',
      asksTheNamedAlone: 'Where a provider is named nobody else is asked',
      saysWhatItNeeds:
        'Where no provider is set up, or the named one is not, it is answered FAILED_PRECONDITION with what is missing',
      saysWhyNobodySpoke:
        'Where no provider speaks it is answered UNAVAILABLE, with a reason for each that was asked and without what the provider wrote',
      saysWhatItIs: '`mimeType` and `extension` are those of the audio: a provider without Opus answers MP3',
      isBounded:
        'A tenant has at most four texts spoken at once on a replica, a fifth is answered RESOURCE_EXHAUSTED; audio over 10 MiB counts as a failure, and so does what takes longer than `timeoutMs`',
      reachesNothingInside: 'Addresses of providers go through the guard of outgoing requests, that of a WebSocket too',
    },
    params: z.object({
      text: z.string().trim().min(1).max(100_000),
      provider: provider.optional(),
      voice: z.string().min(1).max(200).optional(),
      model: z.string().min(1).max(200).optional(),
      format: z.enum(ttsFormats).default('mp3'),
    }),
    result: z.object({
      audio: z.string().describe('Base64'),
      mimeType: z.string(),
      extension: z.string(),
      provider,
    }),
    errors: ['FAILED_PRECONDITION', 'RESOURCE_EXHAUSTED'],
    takesLong: true,
  },
  'tts.setProvider': {
    role: 'admin',
    summary: 'Choose the provider that speaks first',
    rules: {
      setsTheProvider: 'It sets `tts.provider` of the tenant, whether or not that provider is set up',
      isAudited,
    },
    params: z.object({ provider }),
    result: z.object({ ok: z.literal(true), provider }),
    errors: [],
  },
  'tts.providers': {
    role: 'viewer',
    summary: 'The providers that can speak',
    rules: { listsAll: 'All that are known come, set up or not; `primary` is the one that is asked first' },
    params: z.object({}),
    result: z.object({
      providers: z.array(z.object({ name: provider, configured: z.boolean() })),
      primary: providerOrNone,
    }),
    errors: [],
  },
})
