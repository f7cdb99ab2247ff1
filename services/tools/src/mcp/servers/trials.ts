/** Connections that are made once, to see whether a server can be reached and what it has. */
import { cutText } from '@clawmesh/chassis'
import type { Connect, RemoteTool } from '../client/connect.ts'
import { placeOf } from '../client/programs.ts'
import { signedIn, targetOf, type TargetAuth } from '../client/target.ts'
import type { McpSecrets } from '../secrets.ts'
import type { McpServer } from './types.ts'

const mostReason = 500

export interface Trials {
  /** The tools of a server. @throws what connecting to it throws */
  toolsOf: (
    server: Pick<McpServer, 'transport' | 'command' | 'args' | 'url'> & Partial<Pick<McpServer, 'settings'>>,
    secrets: McpSecrets,
    signal: AbortSignal,
    /** Of the user, where users sign in. */
    auth?: TargetAuth,
  ) => Promise<RemoteTool[]>
}

interface Parts {
  connect: Connect
  openVariables: readonly string[]
  timeoutMs: number
}

export const createTrials = ({ connect, openVariables, timeoutMs }: Parts): Trials => ({
  toolsOf: async (server, secrets, signal, auth) => {
    const hooks = { closed: () => undefined, toolsChanged: () => undefined }
    const target = {
      ...targetOf(server, secrets, undefined, openVariables),
      place: placeOf(server.settings ?? {}, undefined),
    }
    const connection = await connect(auth === undefined ? target : signedIn(target, auth), hooks, { timeoutMs, signal })
    try {
      return await connection.tools()
    } finally {
      await connection.close()
    }
  },
})

/** Why a trial failed, as an admin is told it. */
export const trialFailure = (thrown: unknown): string =>
  cutText(
    thrown instanceof Error && thrown.message !== '' ? thrown.message : 'the server could not be reached',
    mostReason,
  )
