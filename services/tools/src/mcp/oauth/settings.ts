/** What the settings of a server say of signing in to it. What cannot be read says nothing. */
import { z } from 'zod'

const schema = z.object({
  auth: z.enum(['oauth', 'none']).optional().catch(undefined),
  oauth: z
    .object({
      client_id: z.string().min(1).max(2_048).optional().catch(undefined),
      scope: z.string().max(2_048).optional().catch(undefined),
      token_exchange: z.boolean().optional().catch(undefined),
    })
    .catch({})
    .default({}),
})

export interface OauthSettings {
  auth: 'oauth' | 'none' | undefined
  /** As what an admin has registered us. */
  clientId: string | undefined
  scope: string | undefined
  /** The keys of users are tokens that are exchanged for others. */
  exchanges: boolean
}

export const oauthSettings = (settings: Record<string, unknown>): OauthSettings => {
  const { auth, oauth } = schema.parse(settings)
  return { auth, clientId: oauth.client_id, scope: oauth.scope, exchanges: oauth.token_exchange === true }
}

interface Signed {
  transport: string
  settings: Record<string, unknown>
}

/** Whether users may sign in to a server at all: programs have no place for it, and an admin may say that nobody does. */
export const maySignInTo = ({ transport, settings }: Signed): boolean =>
  transport !== 'stdio' && oauthSettings(settings).auth !== 'none'

/** Whether users have to sign in to a server: an admin says so, or the server did. */
export const isSignedInTo = (server: Signed & { wantsSignIn: boolean }): boolean =>
  maySignInTo(server) && (server.wantsSignIn || oauthSettings(server.settings).auth === 'oauth')
