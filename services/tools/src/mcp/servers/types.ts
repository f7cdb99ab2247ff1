/** A server as its use cases speak of it. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape, ResponseShape } from '@clawmesh/chassis'
import type { McpSecrets } from '../secrets.ts'

type Operations = typeof http.mcpServers.operations
type Shown = ResponseShape<Operations['getMcpServer']['response'][200]>

export type McpTransport = Shown['transport']

/** A stored server; of its secrets it has the names only. Texts that are not set are empty. */
export interface McpServer extends Pick<
  Shown,
  'id' | 'name' | 'transport' | 'timeoutSec' | 'settings' | 'enabled' | 'createdBy'
> {
  displayName: string
  command: string
  args: string[]
  url: string
  toolPrefix: string
  createdAt: Date
  updatedAt: Date
  hasApiKey: boolean
  headerNames: string[]
  envNames: string[]
  /** Moves when connections that are open must not be used any more. */
  connectionVersion: number
  /** It has said itself that its users have to sign in. */
  wantsSignIn: boolean
}

/** What of a server can be written. */
export type ServerFields = Pick<
  McpServer,
  | 'name'
  | 'displayName'
  | 'transport'
  | 'command'
  | 'args'
  | 'url'
  | 'toolPrefix'
  | 'timeoutSec'
  | 'settings'
  | 'enabled'
>

/** Fields and secrets to be written. */
export interface ServerWrite {
  fields: Partial<ServerFields>
  /** Absent leaves what is stored. */
  secrets?: McpSecrets | undefined
  /** It stands elsewhere from now on: nobody is signed in there. */
  moves: boolean
}

export type NewServer = BodyShape<Operations['createMcpServer']>
export type ServerChanges = BodyShape<Operations['updateMcpServer']>
export type ServerTrial = BodyShape<Operations['testMcpConnection']>
