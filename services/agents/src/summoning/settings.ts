/** Configuration of summonings. */
import { integer, type Setting } from '@clawmesh/chassis'

export const summoningSettings = {
  summonCallMs: {
    env: ['CLAWMESH_SUMMON_CALL_MS'],
    schema: integer(300_000, 100),
    about: 'How long a model may take for all files of an agent; after that it is asked for fewer at a time',
  },
} satisfies Record<string, Setting>
