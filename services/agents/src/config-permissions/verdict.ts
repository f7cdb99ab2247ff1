/** What rules say about a wish to change something of an agent (contract notes memory-channels.md 7). */
import type { ConfigPermission } from './types.ts'

/** What somebody would like to change, and where they said so. */
export interface Wish {
  configType: 'cron' | 'heartbeat' | 'file_writer'
  /** `agent`, or `group:<channel>:<chat id>`. */
  scope: string
  userId: string
}

/** Where somebody talks, as scopes of rules name it. */
export const scopeOf = ({
  channel,
  chatId,
  peerKind,
}: {
  channel: string
  chatId: string
  peerKind: string
}): string => (peerKind === 'group' ? `group:${channel}:${chatId}` : 'agent')

type Rule = Pick<ConfigPermission, 'scope' | 'configType' | 'userId' | 'permission'>

/** A pattern is a name, `*`, or what names begin with, as in `group:*`. */
const fits = (pattern: string, name: string): boolean =>
  pattern === name || pattern === '*' || (pattern.endsWith(':*') && name.startsWith(pattern.slice(0, -1)))

/** A rule about the user goes before one about everybody, and of two alike the one that denies. */
export const verdictOf = (
  rules: readonly Rule[],
  { configType, scope, userId }: Wish,
): 'allow' | 'deny' | undefined => {
  const about = rules.filter(
    (rule) => fits(rule.configType, configType) && (rule.scope === 'agent' || fits(rule.scope, scope)),
  )
  for (const user of [userId, '*']) {
    const said = about.filter((rule) => rule.userId === user).map(({ permission }) => permission)
    if (said.length > 0) return said.includes('deny') ? 'deny' : 'allow'
  }
  return undefined
}
