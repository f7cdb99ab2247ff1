/** What a program of the Agent Client Protocol may do. */
import { listOf, objectOf, textOf, type Json } from '../chat/protocols/json.ts'
import { Refusal } from './json-rpc.ts'

const modes = ['approve-all', 'approve-reads', 'deny-all'] as const
export type PermissionMode = (typeof modes)[number]

/** What a provider's settings say; everything is approved unless they say otherwise, and nothing for a word that is none. */
export const permissionMode = (setting: unknown): PermissionMode => {
  if (setting === undefined || setting === null || setting === '') return 'approve-all'
  return modes.find((mode) => mode === setting) ?? 'deny-all'
}

type Deed = 'read' | 'write'

/** Kinds of tool calls that only look. */
const looks = new Set(['read', 'search', 'think'])

const permits = (mode: PermissionMode, deed: Deed): boolean =>
  mode === 'approve-all' || (mode === 'approve-reads' && deed === 'read')

/** @throws Refusal */
export const checkPermitted = (mode: PermissionMode, deed: Deed): void => {
  if (!permits(mode, deed)) throw new Refusal('not permitted')
}

/** The answer to a question whether a tool call may go on: once, where it can be allowed once. */
export const decidePermission = (mode: PermissionMode, { toolCall, options }: Json): Json => {
  const kind = textOf(objectOf(toolCall)?.['kind'])
  const wanted = permits(mode, looks.has(kind) ? 'read' : 'write')
    ? ['allow_once', 'allow_always']
    : ['reject_once', 'reject_always']
  const offered = listOf(options)
    .map(objectOf)
    .filter((option) => option !== undefined)
  const chosen = wanted.map((each) => offered.find((option) => option['kind'] === each)).find(Boolean)
  return {
    outcome: chosen === undefined ? { outcome: 'cancelled' } : { outcome: 'selected', optionId: chosen['optionId'] },
  }
}
