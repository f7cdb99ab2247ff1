/** How many documents, chunks, entities and relations agents hold, by the hour: reports of usage tell it. */
import { createRepeatedPart, type Database, type Feature, type Logger } from '@clawmesh/chassis'
import { createHeldRows, countHeld } from './rows.ts'
import { createHeldRpc } from './rpc.ts'

const everyMs = 15 * 60_000
/** As long as usage is kept unless set otherwise. */
const keptDays = 400

export const createHeld = (database: Database, log: Logger) =>
  ({
    rpc: createHeldRpc(createHeldRows(database)),
    parts: [
      createRepeatedPart({
        name: 'memory counts',
        everyMs,
        work: () => countHeld(database, keptDays),
        failure: 'what agents hold could not be counted',
        log,
      }),
    ],
  }) satisfies Feature & { rpc: object }
