/** Authorization servers of MCP servers: found, registered with and asked for tokens, by the functions of the official SDK. */
import {
  assertSecureTokenEndpoint,
  checkResourceAllowed,
  computeScopeUnion,
  discoverOAuthServerInfo,
  exchangeAuthorization,
  fetchToken,
  isHttpsUrl,
  OAuthError,
  OAuthErrorCode,
  refreshAuthorization,
  registerClient,
  resourceUrlFromServerUrl,
  selectClientAuthMethod,
  startAuthorization,
  validateAuthorizationResponseIssuer,
  type AuthorizationServerMetadata,
  type FetchLike,
  type OAuthClientInformationMixed,
  type OAuthTokens,
} from '@modelcontextprotocol/client'
import { cutText } from '@clawmesh/chassis'
import type { Account, Challenge, Discovery, Tokens } from './types.ts'

const timeoutMs = 15_000
const longestToken = 32_768
const longestScope = 4_096
const longestAddress = 4_096
const mostDiscoveryChars = 65_536
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/** Says in words what stands between a user and a sign-in. `isFinal`: what was shown is good for nothing any more. */
export class OauthFault extends Error {
  readonly isFinal: boolean
  /** The authorization server does not know us any more: we are to register anew. */
  readonly isUnknownClient: boolean
  constructor(reason: string, code?: string) {
    super(cutText(reason, 500))
    this.isUnknownClient = code === OAuthErrorCode.InvalidClient || code === OAuthErrorCode.UnauthorizedClient
    this.isFinal = this.isUnknownClient || code === OAuthErrorCode.InvalidGrant
  }
}

const faultOf = (thrown: unknown): OauthFault => {
  if (thrown instanceof OauthFault) return thrown
  if (thrown instanceof OAuthError) return new OauthFault(`${thrown.code}: ${thrown.message}`, thrown.code)
  return new OauthFault(thrown instanceof Error ? thrown.message : 'the authorization server could not be asked')
}

const asking = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (thrown) {
    throw faultOf(thrown)
  }
}

/** Where tokens go, and where a user is sent, is encrypted, or this machine. @throws OauthFault */
const checkEndpoints = (metadata: AuthorizationServerMetadata): void => {
  const { authorization_endpoint: sent, token_endpoint: asked, registration_endpoint: registers } = metadata
  for (const endpoint of [sent, asked, registers])
    try {
      if (endpoint !== undefined) assertSecureTokenEndpoint(endpoint)
    } catch {
      throw new OauthFault('the authorization server has an endpoint that is not encrypted')
    }
}

interface Parts {
  /** Reaches public addresses only. */
  fetch: FetchLike
  /** Where browsers come back to. */
  redirectUri: string
  /** Where our metadata can be read, which is our name then; of use where it is an https address. */
  metadataUrl: string
}

/** What is said of us to those that we register with, and to those that read it. */
export const clientMetadata = (redirectUri: string) => ({
  client_name: 'Clawmesh',
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
})

/** How we name ourselves to the token endpoint: without a secret, where that will do. */
const authMethodFor = ({ token_endpoint_auth_methods_supported: known }: AuthorizationServerMetadata): string =>
  known === undefined || known.includes('none')
    ? 'none'
    : (known.find((method) => method === 'client_secret_basic' || method === 'client_secret_post') ?? 'none')

const tokensOf = (answer: OAuthTokens, askedScope: string): Tokens => {
  const {
    access_token: accessToken,
    refresh_token: refreshToken = '',
    scope = askedScope,
    expires_in: seconds,
  } = answer
  if (answer.token_type.toLowerCase() !== 'bearer')
    throw new OauthFault(`tokens of type ${answer.token_type} are not known`)
  if (accessToken.length > longestToken || refreshToken.length > longestToken)
    throw new OauthFault('the authorization server gives tokens that are too long')
  const expiresAt =
    seconds === undefined || !(seconds > 0) ? undefined : new Date(Date.now() + Math.min(seconds, 1e9) * 1_000)
  return { accessToken, refreshToken, scope: cutText(scope, longestScope), expiresAt }
}

export const createAuthorization = ({ fetch: reach, redirectUri, metadataUrl }: Parts) => {
  const fetchFn: FetchLike = (url, init) => {
    const timeout = AbortSignal.timeout(timeoutMs)
    return reach(url, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout })
  }

  return {
    redirectUri,

    /**
     * Where the users of a server sign in, and for which scope (RFC 9728, 8414, OpenID Connect Discovery).
     * @throws OauthFault when it does not say so, or says what it may not
     */
    discover: async (serverUrl: string, challenge: Challenge): Promise<{ discovery: Discovery; scope: string }> => {
      const { resourceMetadataUrl, scope } = challenge
      const from =
        resourceMetadataUrl !== undefined && URL.canParse(resourceMetadataUrl)
          ? { resourceMetadataUrl: new URL(resourceMetadataUrl) }
          : {}
      const found = await asking(discoverOAuthServerInfo(serverUrl, { ...from, fetchFn }))
      const { authorizationServerUrl, authorizationServerMetadata: metadata, resourceMetadata } = found
      if (metadata === undefined) throw new OauthFault('the server does not say where its users sign in')
      if (!metadata.code_challenge_methods_supported?.includes('S256'))
        throw new OauthFault('the authorization server does not offer PKCE with S256')
      checkEndpoints(metadata)
      const own = resourceUrlFromServerUrl(serverUrl)
      const resource = resourceMetadata?.resource ?? own.href
      if (!checkResourceAllowed({ requestedResource: own, configuredResource: resource }))
        throw new OauthFault('the server names another resource than itself')
      const discovery = { serverUrl, authorizationServerUrl, metadata, resource }
      if (JSON.stringify(discovery).length > mostDiscoveryChars)
        throw new OauthFault('the authorization server says more of itself than is kept')
      const wanted = scope ?? resourceMetadata?.scopes_supported?.join(' ')
      return { discovery, scope: cutText(wanted ?? '', longestScope) }
    },

    /** Makes us known to an authorization server, by whichever way it offers. @throws OauthFault */
    client: async (
      { authorizationServerUrl, metadata }: Discovery,
      scope: string,
    ): Promise<OAuthClientInformationMixed> => {
      if (metadata.client_id_metadata_document_supported === true && isHttpsUrl(metadataUrl))
        return { client_id: metadataUrl }
      if (metadata.registration_endpoint === undefined)
        throw new OauthFault('the authorization server takes no registrations: a client_id is needed in settings.oauth')
      return asking(
        registerClient(authorizationServerUrl, {
          metadata,
          clientMetadata: { ...clientMetadata(redirectUri), token_endpoint_auth_method: authMethodFor(metadata) },
          ...(scope === '' ? {} : { scope }),
          fetchFn,
        }),
      )
    },

    /** What a user opens, and what proves later that it was us. @throws OauthFault */
    start: async (
      { authorizationServerUrl, metadata, resource }: Discovery,
      client: OAuthClientInformationMixed,
      { state, scope }: { state: string; scope: string },
    ): Promise<{ url: string; verifier: string }> => {
      const lasting = metadata.scopes_supported?.includes('offline_access') === true ? 'offline_access' : undefined
      const asked = scope === '' ? undefined : computeScopeUnion(scope, lasting)
      const { authorizationUrl, codeVerifier } = await asking(
        startAuthorization(authorizationServerUrl, {
          ...{ metadata, clientInformation: client, redirectUrl: redirectUri, state },
          resource: new URL(resource),
          ...(asked === undefined ? {} : { scope: asked }),
        }),
      )
      if (authorizationUrl.href.length > longestAddress) throw new OauthFault('the address of the sign-in is too long')
      return { url: authorizationUrl.href, verifier: codeVerifier }
    },

    /** @throws OauthFault when the answer came from another authorization server (RFC 9207) */
    checkIssuer: ({ metadata }: Discovery, iss: string | undefined): void => {
      try {
        const issParameterSupported = metadata['authorization_response_iss_parameter_supported'] === true
        validateAuthorizationResponseIssuer({ iss, expectedIssuer: metadata.issuer, issParameterSupported })
      } catch {
        throw new OauthFault('the answer comes from another authorization server')
      }
    },

    /** @throws OauthFault */
    tokensForCode: async (
      {
        discovery,
        client,
        verifier,
        scope,
      }: { discovery: Discovery; client: OAuthClientInformationMixed; verifier: string; scope: string },
      code: string,
      iss: string | undefined,
    ): Promise<Tokens> => {
      const { authorizationServerUrl, metadata, resource } = discovery
      const answer = exchangeAuthorization(authorizationServerUrl, {
        ...{ metadata, clientInformation: client, authorizationCode: code, codeVerifier: verifier, fetchFn },
        redirectUri,
        resource: new URL(resource),
        ...(iss === undefined ? {} : { iss }),
      })
      return tokensOf(await asking(answer), scope)
    },

    /** New tokens for the old refresh token, which stays where no other comes. @throws OauthFault */
    tokensForRefresh: async ({ discovery, client, refreshToken, scope }: Account): Promise<Tokens> => {
      const { authorizationServerUrl, metadata, resource } = discovery
      const answer = refreshAuthorization(authorizationServerUrl, {
        ...{ metadata, clientInformation: client, refreshToken, resource: new URL(resource), fetchFn },
      })
      return tokensOf(await asking(answer), scope)
    },

    /** Whether an authorization server exchanges tokens of others (RFC 8693). */
    exchanges: ({ metadata }: Discovery): boolean => metadata.grant_types_supported?.includes(exchangeGrant) === true,

    /** A token for the server, for one that the user has from elsewhere (RFC 8693). @throws OauthFault */
    tokensForSubject: async (
      { authorizationServerUrl, metadata, resource }: Discovery,
      client: OAuthClientInformationMixed,
      { subjectToken, scope }: { subjectToken: string; scope: string },
    ): Promise<Tokens> => {
      const request = new URLSearchParams({
        grant_type: exchangeGrant,
        subject_token: subjectToken,
        subject_token_type: accessTokenType,
        requested_token_type: accessTokenType,
        ...(scope === '' ? {} : { scope }),
      })
      const answer = fetchToken(
        {
          redirectUrl: undefined,
          clientMetadata: clientMetadata(redirectUri),
          clientInformation: () => client,
          prepareTokenRequest: () => request,
          ...unused,
        },
        authorizationServerUrl,
        { metadata, resource: new URL(resource), fetchFn },
      )
      return tokensOf(await asking(answer), scope)
    },

    /** Tells the authorization server that tokens are not used any more, where it wants to know (RFC 7009). */
    revoke: async ({ discovery: { metadata }, client, refreshToken, accessToken }: Account): Promise<void> => {
      // OpenID Connect Discovery does not know it, and servers name it there all the same.
      const { revocation_endpoint: endpoint, revocation_endpoint_auth_methods_supported: own } =
        metadata as RevocationMetadata
      if (endpoint === undefined) return
      const { client_id: id, client_secret: secret = '' } = client
      const methods = own ?? metadata.token_endpoint_auth_methods_supported ?? []
      const method = selectClientAuthMethod(client, methods)
      const answer = await fetchFn(assertSecureTokenEndpoint(endpoint), {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          ...(method === 'client_secret_basic' ? { authorization: basic(id, secret) } : {}),
        },
        body: new URLSearchParams({
          token: refreshToken || accessToken,
          ...(method === 'client_secret_basic' ? {} : { client_id: id }),
          ...(method === 'client_secret_post' ? { client_secret: secret } : {}),
        }),
      })
      await answer.body?.cancel()
      if (!answer.ok) throw new OauthFault(`the authorization server answers ${answer.status}`)
    },
  }
}

/** What RFC 7009 adds to metadata. */
interface RevocationMetadata {
  revocation_endpoint?: string
  revocation_endpoint_auth_methods_supported?: string[]
}

/** The Authorization header of a client (RFC 6749, section 2.3.1). */
const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from([id, secret].map(encodeURIComponent).join(':')).toString('base64')}`

/** What an exchange of tokens never asks a provider for. */
const unused = {
  tokens: () => undefined,
  saveTokens: () => undefined,
  redirectToAuthorization: () => undefined,
  saveCodeVerifier: () => undefined,
  codeVerifier: () => '',
}

export type Authorization = ReturnType<typeof createAuthorization>
