/** Which tools of a server somebody may use: what the agent may, narrowed by what the user may. */
import type { ToolLists } from '../grants/types.ts'
import type { McpSecrets } from '../secrets.ts'
import type { McpServer } from '../servers/types.ts'

/** A server that an agent may use for a user. Secrets are sealed still. */
export interface GrantedServer {
  server: McpServer
  sealed: string | null
  /** The secrets of one that the configuration names, which no tenant has set and no user signs in to. */
  ofInstallation?: McpSecrets
  /** The user's own secrets, where there are any, and their row. */
  own: { id: string; sealed: string } | undefined
  /** Set where users sign in to the server: the account of the user, while there is one. */
  signIn: { accountId: string | undefined } | undefined
  agent: ToolLists
  /** Absent where nothing was said of the user. */
  user: ToolLists | undefined
}

/** What a connection depends on: the server as it is set, and whose secrets or sign-in it is made with, if anybody's. */
export const connectionVersion = (ofServer: number, ofUser: string): string => `${ofServer} ${ofUser}`

/** A non-empty list of allowed names keeps those alone, of several lists what is in all; what any list denies is denied. */
export const mayUse = ({ agent, user }: Pick<GrantedServer, 'agent' | 'user'>, tool: string): boolean => {
  const lists = user === undefined ? [agent] : [agent, user]
  return lists.every(
    ({ toolAllow, toolDeny }) => !toolDeny.includes(tool) && (toolAllow.length === 0 || toolAllow.includes(tool)),
  )
}
