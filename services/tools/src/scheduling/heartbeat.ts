/** Lets an agent look after its checklist by itself. */
import { cutText } from '@clawmesh/chassis'
import { z } from 'zod'
import { defineTool } from '../tool/define-tool.ts'
import { toolError } from '../tool/tool-error.ts'
import { says, type ToolResult } from '../tool/tool.ts'
import { needed } from './needed.ts'

const shownChars = 50_000
const hours = /^(\d\d:\d\d)-(\d\d:\d\d)$/

const parameters = z.object({
  action: z.enum(['status', 'get', 'set', 'toggle', 'set_checklist', 'get_checklist', 'test', 'logs']),
  enabled: z.boolean().optional().describe('For set and toggle'),
  interval: z.number().int().min(300).max(31_536_000).optional().describe('For set: seconds between two, at least 300'),
  active_hours: z.string().max(11).optional().describe('For set: as 08:00-20:00, or empty for any time'),
  timezone: z.string().max(50).optional().describe('For set: the IANA time zone of the hours'),
  channel: z.string().max(100).optional().describe('For set: name of the channel that answers are sent through'),
  chat_id: z.string().max(255).optional().describe('For set: chat on that channel'),
  prompt: z.string().max(100_000).optional().describe('For set: what is said to you each time'),
  isolated_session: z.boolean().optional().describe('For set: whether each has a session of its own'),
  light_context: z.boolean().optional().describe('For set: whether context files are left out'),
  max_retries: z.number().int().min(0).max(10).optional().describe('For set'),
  content: z.string().max(100_000).optional().describe('For set_checklist: the whole checklist'),
  limit: z.number().int().min(1).max(50).default(10).describe('For logs'),
})

type Asked = z.output<typeof parameters>

/** @throws TOOL_ERROR for hours that are none */
const hoursOf = (text: string | undefined) => {
  if (text === undefined) return {}
  if (text === '') return { activeHoursStart: '', activeHoursEnd: '' }
  const found = hours.exec(text)
  if (found === null) throw toolError('active_hours must be like 08:00-20:00')
  return { activeHoursStart: found[1]!, activeHoursEnd: found[2]! }
}

const operations: Record<Asked['action'], (asked: Asked) => [operation: string, params: object]> = {
  status: () => ['heartbeat.get', {}],
  get: () => ['heartbeat.get', {}],
  set: ({ action: _, interval, active_hours, content: _content, limit: _limit, ...fields }) => [
    'heartbeat.set',
    { ...fields, intervalSec: interval, ...hoursOf(active_hours) },
  ],
  toggle: ({ enabled }) => ['heartbeat.toggle', { enabled: needed(enabled, 'toggle', 'enabled') }],
  set_checklist: ({ content }) => ['heartbeat.checklist.set', { content: needed(content, 'set_checklist', 'content') }],
  get_checklist: () => ['heartbeat.checklist.get', {}],
  test: () => ['heartbeat.test', {}],
  logs: ({ limit }) => ['heartbeat.logs', { limit }],
}

export const heartbeat = defineTool({
  name: 'heartbeat',
  displayName: 'Heartbeat',
  category: 'scheduling',
  groups: ['automation'],
  needs: ['schedules'],
  configHint: 'Config → Cron',
  description:
    'Look after a checklist by yourself every so often: set the checklist and how often, see what came of it. Only the owner of the agent, and whom a rule allows to, can have it changed.',
  parameters,
  run: async (asked, { schedules }): Promise<ToolResult> => {
    const result = await schedules.manage(...operations[asked.action](asked))
    return says(cutText(JSON.stringify(result), shownChars))
  },
})
