/** ChatGPT accounts as their use cases speak of them, and the rows that these need. */
import type { Actor } from '@clawmesh/chassis'
import type { Tokens } from './authorization-server.ts'

export const accountType = 'chatgpt_oauth'

/** A provider of any type under the name of an account. Tokens are in clear, and empty where none is stored. */
export interface Account {
  id: string
  tenantId: string
  name: string
  providerType: string
  apiBase: string
  enabled: boolean
  settings: Record<string, unknown>
  accessToken: string
  refreshToken: string
  /** Grows with every token that is stored. */
  keyVersion: number
  /** A token is stored that no key opens. */
  isUnreadable: boolean
}

/** The accounts of one tenant. */
export interface AccountRows {
  named: (name: string) => Promise<Account | undefined>
  find: (id: string) => Promise<Account | undefined>
  /** Makes or changes the account of a name, and gives its id; undefined where that is a provider of another type. */
  save: (
    account: { name: string; displayName: string; apiBase: string; tokens: Tokens },
    actor: Actor,
  ) => Promise<string | undefined>
  /** Whether renewing the tokens of this version is ours alone for so long, over all replicas. */
  claim: (id: string, version: number, forMs: number) => Promise<boolean>
  release: (id: string, version: number) => Promise<void>
  /** False where others have changed the account meanwhile. */
  renew: (id: string, version: number, tokens: Tokens) => Promise<boolean>
  /** Forgets the tokens of this version. */
  signOut: (id: string, version: number) => Promise<void>
  /** Adds to the settings. */
  learn: (id: string, settings: Record<string, string>) => Promise<void>
  remove: (id: string, actor: Actor) => Promise<void>
}

/** A sign-in that waits for its answer. */
export interface SignIn {
  id: string
  userId: string
  alias: string
  state: string
  verifier: string
  displayName: string
  apiBase: string
  expiresAt: Date
}

/** The sign-ins of one tenant. */
export interface FlowRows {
  /** The sign-in that is open for user and alias, else the wanted one; undefined while another is open. */
  begin: (wanted: Omit<SignIn, 'id'>, actor: Actor) => Promise<SignIn | undefined>
  open: (userId: string, alias: string) => Promise<SignIn | undefined>
  /** Whether it was open. */
  end: (id: string) => Promise<boolean>
}
