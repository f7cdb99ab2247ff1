/** Sign-ins of users at MCP servers, as their use cases speak of them (docs/adr/0050). */
import type { AuthorizationServerMetadata, OAuthClientInformationMixed } from '@modelcontextprotocol/client'

/** What a server says with a refusal. */
export interface Challenge {
  resourceMetadataUrl?: string | undefined
  /** The scope that it wants, space separated. */
  scope?: string | undefined
}

/** A server wants the user to sign in, or to allow more than before. */
export class SignInNeeded extends Error {
  readonly challenge: Challenge
  constructor(challenge: Challenge) {
    super('the server wants its users to sign in')
    this.challenge = challenge
  }
}

/** Where a server's users sign in, as it has said itself. */
export interface Discovery {
  /** The address of the server that said so: what came of it is for no other one. */
  serverUrl: string
  authorizationServerUrl: string
  metadata: AuthorizationServerMetadata
  /** What tokens are asked for (RFC 8707). */
  resource: string
}

export interface Tokens {
  accessToken: string
  /** Empty where there is none. */
  refreshToken: string
  /** What was granted, space separated. */
  scope: string
  /** Undefined where nobody knows. */
  expiresAt: Date | undefined
}

/** The tokens of one user for one server. */
export interface Account extends Tokens {
  id: string
  tenantId: string
  serverId: string
  userId: string
  discovery: Discovery
  client: OAuthClientInformationMixed
  /** Grows with every token that is stored. */
  version: number
}

/** A sign-in that waits for its answer. */
export interface SignIn {
  id: string
  serverId: string
  userId: string
  state: string
  scope: string
  discovery: Discovery
  verifier: string
  /** What the user opens. */
  url: string
  client: OAuthClientInformationMixed
  expiresAt: Date
}

/** Sign-ins and accounts of one tenant. */
export interface OauthRows {
  account: (serverId: string, userId: string) => Promise<Account | undefined>
  /** Instead of the one that the user had. @throws NOT_FOUND when the server has gone */
  saveAccount: (account: Omit<Account, 'id' | 'tenantId' | 'version'>) => Promise<void>
  /** Whether renewing the tokens of this version is ours alone for so long, over all replicas. */
  claim: (id: string, version: number, forMs: number) => Promise<boolean>
  release: (id: string, version: number) => Promise<void>
  /** False where others have changed the account meanwhile. */
  renew: (account: Account, tokens: Tokens) => Promise<boolean>
  /** Forgets the account of this version. False where others have changed it meanwhile. */
  forget: (account: Pick<Account, 'id' | 'version' | 'serverId' | 'userId'>) => Promise<boolean>
  /** As what we are known there; undefined where that is not, or with another address to come back to. */
  client: (serverId: string, issuer: string, redirectUri: string) => Promise<OAuthClientInformationMixed | undefined>
  /** Of several at once the last one stays. */
  saveClient: (
    serverId: string,
    issuer: string,
    redirectUri: string,
    client: OAuthClientInformationMixed,
  ) => Promise<void>
  forgetClient: (serverId: string, issuer: string) => Promise<void>
  /** The wanted one, or the one of the same scope that is open already. @throws NOT_FOUND when the server has gone */
  begin: (wanted: SignIn) => Promise<SignIn>
  /** The one that is open. */
  open: (serverId: string, userId: string) => Promise<SignIn | undefined>
  /** One that is open, by its id. */
  find: (id: string) => Promise<SignIn | undefined>
  /** Ends the sign-in of a state, which is good once. */
  take: (state: string) => Promise<SignIn | undefined>
  /** A server has said that its users have to sign in. */
  markServer: (serverId: string) => Promise<void>
}
