/** What clawgo's consoles ask of a gateway: what it is, what it logs, what has changed. */
import { z } from 'zod'
import { timestamp } from '../common.ts'
import { defineHttpTable, type HttpOperation } from '../operation.ts'

const logRecord = z
  .object({
    time: timestamp,
    timestamp: timestamp.describe('The same'),
    level: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']),
    msg: z.string(),
    message: z.string().describe('The same as msg'),
    component: z.string().optional(),
    fields: z.record(z.string(), z.string()).optional(),
  })
  .meta({ id: 'LogRecord', description: 'A log record, as consoles of clawgo show it' })

const clawgo = { method: 'GET', dialect: 'clawgo', queryToken: true } as const
const socket = {
  ...clawgo,
  upgrade: 'websocket',
  response: { 101: z.undefined() },
  errors: [400, 429, 503],
} as const satisfies Partial<HttpOperation>

const takesTheCredentialAnywhere =
  'The credential is taken from `Authorization`, else `?token=`, else the cookie `clawgo_webui_token`, else the token in the address of the page that asks'
const guardsCookies =
  'A cookie or the address of a page counts only where the page is of this server, or of a listed origin'
const endsWithTheCredential =
  'The connection is closed once its credential does not hold any more, and when this replica leaves'

export const operatorConsole = defineHttpTable('gateway', {
  getVersion: {
    ...clawgo,
    path: '/api/version',
    role: 'viewer',
    summary: 'The version, and the chat platforms that the installation can talk to',
    rules: {
      listsPlatforms: '`compiled_channels` are in the order of the alphabet',
      answersWithoutChannels: 'While channels do not answer the list is empty, and the answer is 200 all the same',
      takesTheCredentialAnywhere,
      guardsCookies,
      speaksPlainText: 'Errors are a line of text, here and at every other path below /api',
    },
    response: {
      200: z.object({ ok: z.literal(true), gateway_version: z.string(), compiled_channels: z.array(z.string()) }),
    },
    errors: [],
  },
  getRecentLogs: {
    ...clawgo,
    path: '/api/logs/recent',
    role: 'admin',
    summary: 'The last log records of all processes, oldest first',
    rules: {
      limitsTheRecords:
        'The last 10 unless `limit` says otherwise, at most 200; what is no positive number counts as 10',
      listsTheOldestFirst: 'Records of every level stand in the order in which they were written',
      showsAdminsTheirTenants: 'Owners see every record, admins those that name their tenant',
      hidesSecrets: 'Values of fields that hold secrets are masked',
      namesTimeAndTextTwice: 'A record has `time` and `timestamp`, `msg` and `message`, as clients look for either',
    },
    query: z.object({
      limit: z.coerce
        .number()
        .int()
        .min(1)
        .catch(10)
        .overwrite((limit) => Math.min(limit, 200))
        .default(10)
        .describe('Records, at most 200'),
    }),
    response: { 200: z.object({ ok: z.literal(true), logs: z.array(logRecord) }) },
    errors: [],
  },
  openLogsLive: {
    ...socket,
    path: '/api/logs/live',
    role: 'admin',
    summary: 'New log records over a WebSocket, as they are written',
    description:
      'A frame is `{"ok": true, "type": "log_entry", "entry": ...}` with a record as `/api/logs/recent` has it.',
    rules: {
      startsAtTheEnd: 'What was logged before the connection is not repeated; then a frame comes for each record',
      showsAdminsTheirTenants: 'Owners are sent every record, admins those that name their tenant',
      endsWithTheCredential,
      refusesPlainRequests: 'A request that asks for no WebSocket is answered 400 in plain text',
    },
  },
  openEventsLive: {
    ...socket,
    path: '/api/events/live',
    role: 'viewer',
    summary: 'What changes in the configuration of a tenant, over a WebSocket',
    description:
      'Frames are `{"type": "ready"}`, then `{"type": "config_changed", "source": ...}`, where the source is `provider` or `webui`.',
    rules: {
      saysThatItIsReady: 'The first frame is `ready`; what clients send is read and dropped',
      tellsChanges:
        "A change of the tenant's providers, channels or configuration is `config_changed` with where it came from, and another tenant's is not told",
      endsWithTheCredential,
      refusesStrangers: 'Without a credential, or with a role that is too low, the upgrade is refused in plain text',
    },
  },
})
