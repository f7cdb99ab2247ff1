import { z } from 'zod'
import { json } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

const hash = z.string().regex(/^[0-9a-f]{16}$/)
const raw = z.union([z.string(), json]).describe('JSON5 text, or the object itself')
const baseHash = z.string().optional().describe('Hash of the configuration that the change was made from')
const changed = z.object({
  ok: z.literal(true),
  path: z.string(),
  config: json,
  hash,
  restart: z.literal(false),
})

export const config = defineWsTable('gateway', {
  'config.get': {
    role: 'owner',
    summary: 'The configuration that holds, without secrets',
    rules: {
      masksSecrets: 'A secret that is set is `***`, and so is the password in a URL',
      hashesWhatIsShown:
        '`hash` is the beginning of the SHA-256 of the configuration as it is shown, and changes with it',
      narrowsToAKey: '`key` has what stands at that dotted key as `value`; where nothing does it is absent',
    },
    params: z.object({ key: z.string().max(200).optional().describe('Dotted') }),
    result: z.object({ config: json, hash, path: z.string(), value: z.unknown().optional() }),
    errors: [],
  },
  'config.schema': {
    role: 'owner',
    summary: 'JSON Schema of the configuration',
    rules: {
      describesEverySetting:
        'Every setting is described, with its meaning; what a running mesh cannot change is `readOnly`',
    },
    params: z.object({}),
    result: z.object({ json }),
    errors: [],
  },
  'config.apply': {
    role: 'owner',
    summary: 'Replace what was changed of the configuration',
    rules: {
      takesBackTheRest:
        'What is given holds from now on, over the file; changes of before that are not given are taken back, and what is given as it is shown stays',
      takesTheConfigItself: 'Params that name none of these are the configuration itself',
      refusesStaleHashes:
        'A `baseHash` that is not the hash of the configuration by now is refused, and of two changes at once one is',
      refusesWhatCannotChange:
        'Keys that nobody reads, wrong values, secrets, what is set by a variable, and settings that are not live are refused and named, and then nothing has changed',
      isRecorded: 'The change is an event `config.applied` of the master tenant, without values',
    },
    params: z.object({ raw, baseHash }),
    aliases: { raw: ['config'] },
    wholeParam: 'raw',
    result: changed,
    errors: [],
  },
  'config.patch': {
    role: 'owner',
    summary: 'Change parts of the configuration',
    rules: {
      changesWhatItNames:
        'What is given holds from now on, over the file, and all else stays; null takes a change back',
      takesAKey: '`key` and `value` change what stands at one dotted key',
      reachesEveryProcess: 'Live settings change in every process, and in those that start later',
      refusesStaleHashes: 'A change that was made from another configuration, by its `baseHash`, is refused',
      refusesWhatCannotChange: 'What `config.apply` refuses is refused here too, and the key is named',
      isRecorded: 'The change is an event `config.patched` of the master tenant, without values',
    },
    params: z.object({
      raw: raw.optional(),
      baseHash,
      key: z.string().min(1).max(200).optional().describe('Dotted'),
      value: z.unknown().optional(),
    }),
    result: changed,
    errors: [],
  },
})
