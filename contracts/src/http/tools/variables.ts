import { z } from 'zod'
import { smallRecord } from '../../small-record.ts'

/** Variables of the environment that a command is run with. What a name may be is the domain's to say. */
export const variables = smallRecord(200, 'variables', z.record(z.string().min(1).max(256), z.string().max(65_536)))
