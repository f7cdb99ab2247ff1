/** The declared routes, and what their parameters stand for. */
import { allRoutes, type Role, type Route } from '@clawmesh/contracts'

/** What a path parameter or a field can name. */
export const resources = {
  // Things that belong to one tenant: another tenant's are not found.
  agent: 'tenant',
  session: 'tenant',
  memoryDocument: 'tenant',
  kgEntity: 'tenant',
  kgCandidate: 'tenant',
  provider: 'tenant',
  trace: 'tenant',
  channelInstance: 'tenant',
  mcpServer: 'tenant',
  cliCredential: 'tenant',
  apiKey: 'tenant',
  oidcIssuer: 'tenant',
  webhook: 'tenant',
  exportToken: 'tenant',
  storedFile: 'tenant',
  mediaFile: 'tenant',
  // Names inside something that belongs to a tenant: writing to one that another tenant uses is no conflict.
  documentPath: 'name',
  providerName: 'name',
  userId: 'name',
  cliUser: 'name',
  configKey: 'name',
  modelName: 'name',
  // Things of the installation.
  tenant: 'installation',
  // A user in a tenant that the path names; only system owners get there.
  member: 'installation',
  builtinTool: 'installation',
  publicFile: 'installation',
  // There is one of this name for every user of an agent.
  fileName: 'installation',
  // Made by signing in under it; that accounts of others stay apart is pinned in services/providers/test.
  chatgptAccount: 'installation',
} as const

export type ListedResource = keyof typeof resources
/**
 * What a parameter names: a listed resource, or by its place (`widgets/{id}`) one that `POST /v1/widgets` creates in a
 * tenant. Only what is created in another way, or belongs to no tenant, has to be listed.
 */
export type Resource = ListedResource | `${string}/{${string}}`

/** Whose a thing is. */
export const scopeOfResource = (resource: Resource): (typeof resources)[ListedResource] =>
  Object.hasOwn(resources, resource) ? resources[resource as ListedResource] : 'tenant'

/** What a path parameter names, by the segment before it, where its place alone does not tell. */
export const resourceOfParam: Readonly<Record<string, ListedResource>> = {
  'agents/{id}': 'agent',
  'agents/{agentID}': 'agent',
  'api-keys/{id}': 'apiKey',
  'builtin/{name}': 'builtinTool',
  'chatgpt/{provider}': 'chatgptAccount',
  'channel-instances/{id}': 'channelInstance',
  'docs/{path...}': 'publicFile',
  'download/{token}': 'exportToken',
  'cli-credentials/{id}': 'cliCredential',
  'documents/{path...}': 'documentPath',
  'entities/{entityID}': 'kgEntity',
  'files/{fileName}': 'fileName',
  'files/{path...}': 'storedFile',
  'instances/{id}': 'channelInstance',
  'media/{id}': 'mediaFile',
  'memory/{id}': 'memoryDocument',
  'model-pricing/{name...}': 'modelName',
  'models/{id}': 'agent',
  'oidc-issuers/{issuerId}': 'oidcIssuer',
  'providers/{id}': 'provider',
  'servers/{id}': 'mcpServer',
  'sessions/{key}': 'session',
  'storage/{path...}': 'storedFile',
  'system-configs/{key}': 'configKey',
  'tenants/{id}': 'tenant',
  'traces/{traceID}': 'trace',
  'user-credentials/{userId}': 'cliUser',
  'users/{userId}': 'member',
  'webhooks/{id}': 'webhook',
}

/** Fields of bodies and queries that name something which may be another tenant's. */
export const resourceOfField: Readonly<Record<string, ListedResource>> = {
  actor_id: 'userId',
  agent_id: 'agent',
  agentId: 'agent',
  candidate_id: 'kgCandidate',
  entity_id: 'kgEntity',
  owner_id: 'userId',
  key: 'session',
  path: 'documentPath',
  // A response is a turn of a session.
  previous_response_id: 'session',
  provider: 'providerName',
  ids: 'kgCandidate',
  server_id: 'mcpServer',
  session_key: 'session',

  sessionKey: 'session',
  source_id: 'kgEntity',
  target_id: 'kgEntity',
  tenant_id: 'tenant',
  user_id: 'userId',
  user: 'userId',
}

/** Fields that look like names of things, but name nothing that is stored: new names, secrets, places elsewhere. */
export const namesNothing: readonly string[] = [
  // Filters a list; that another tenant's filters all away is pinned in services/traces/test/usage-caps.test.ts.
  'cap_id',
  // Of the webhook in the path; that another tenant's is unknown is pinned in services/channels/test/webhooks.test.ts.
  'delivery_id',
  'agent_key',
  'api_key',
  'chatId',
  'external_id',
  'newKey',
  'prompt_cache_key',
  'slug',
]

/** Operations for which what their last parameter names may be missing, as the contract has it; all else answers 404. */
export const fineWhenMissing: Readonly<Record<string, readonly Role[]>> = {
  deleteKgEntity: ['operator', 'admin', 'owner'],
  deleteProvider: ['admin', 'owner'],
  deleteSystemConfig: ['admin', 'owner'],
  deleteBuiltinToolTenantConfig: ['admin', 'owner'],
  deleteMcpServer: ['admin', 'owner'],
  listMcpServerGrants: ['viewer', 'operator', 'admin', 'owner'],
  revokeMcpServerFromAgent: ['admin', 'owner'],
  revokeMcpServerFromUser: ['admin', 'owner'],
  // What a model costs that nobody has told of is unknown.
  getModelPricing: ['viewer', 'operator', 'admin', 'owner'],
  getMcpUserCredentialStatus: ['viewer', 'operator', 'admin', 'owner'],
  deleteCustomTool: ['admin', 'owner'],
  deleteCliCredential: ['admin', 'owner'],
  deleteCliUserCredential: ['admin', 'owner'],
  deleteMcpUserCredentials: ['operator', 'admin', 'owner'],
  endMcpSignIn: ['operator', 'admin', 'owner'],
  // Callers who see all sessions may delete one that is gone already.
  deleteSession: ['admin', 'owner'],
  revokeAgentShare: ['admin', 'owner'],
  listInstanceFiles: ['viewer', 'operator', 'admin', 'owner'],
  updateInstanceMetadata: ['admin', 'owner'],
  getChatgptOauthStatus: ['admin', 'owner'],
}

/** Operations that need the thing that they name to be in a certain state; who may call them is seen in tests of their own. */
export const needsState: readonly string[] = ['regenerateAgent', 'resummonAgent', 'mergeImportAgent']

/** Operations that keep something though they only read: an archive with some queries, who has looked. */
export const keepsByReading: readonly string[] = ['exportAgent', 'exportMcp', 'getCliUserCredential']

export interface Param {
  /** As the route's schema calls it. */
  name: string
  /** `{name}` or `{name...}`, as the path has it. */
  placeholder: string
  /** Key of `resourceOfParam`. */
  place: string
}

export const paramsOf = ({ path }: Pick<Route, 'path'>): Param[] =>
  [...path.matchAll(/([^/]+)\/(\{(\w+)(?:\.{3})?\})/g)].map(([place, , placeholder, name]) => ({
    name: name!,
    placeholder: placeholder!,
    place,
  }))

/** Whether a parameter takes the rest of the path, slashes included. */
export const isRest = ({ placeholder }: Pick<Param, 'placeholder'>): boolean => placeholder.endsWith('...}')

/** The route that creates what a parameter names: a POST on the path before it, which answers 201. */
export const creatorOf = ({ path }: Pick<Route, 'path'>, { placeholder }: Param): Route | undefined => {
  const collection = path.slice(0, path.indexOf(`/${placeholder}`))
  return allRoutes.find(
    (route) => route.method === 'POST' && route.path === collection && 201 in route.definition.response,
  )
}

/** What the tables say of a parameter: by its place, else as the field of the same name (`userID` as `user_id`). */
const listedResourceOf = ({ place, name }: Pick<Param, 'place' | 'name'>): ListedResource | undefined => {
  const field = name.replace(/[A-Z]+/g, (capitals) => `_${capitals.toLowerCase()}`)
  return resourceOfParam[place] ?? resourceOfField[field]
}

/** Resources that no table lists, each with the route that creates it. */
export const creatable: ReadonlyMap<string, Route> = new Map(
  allRoutes.flatMap((route) =>
    paramsOf(route).flatMap((param) => {
      const creator = listedResourceOf(param) === undefined ? creatorOf(route, param) : undefined
      return creator === undefined ? [] : [[param.place, creator] as const]
    }),
  ),
)

/** @throws Error for a parameter that the table does not list and no route creates */
export const resourceOf = (param: Pick<Param, 'place' | 'name'>): Resource => {
  const { place } = param
  const listed = listedResourceOf(param)
  if (listed !== undefined) return listed
  if (creatable.has(place)) return place as Resource
  throw new Error(`nothing creates ${place}: list it in resourceOfParam of test/contract/routes.ts`)
}

/** The path with its parameters filled in; values are encoded, a rest-of-path segment by segment. */
export const fillPath = (route: Pick<Route, 'path'>, valueOf: (param: Param) => string): string =>
  paramsOf(route).reduce((path, param) => {
    const value = valueOf(param)
    const encoded = isRest(param) ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value)
    return path.replace(param.placeholder, () => encoded)
  }, route.path)

/** A name of a route for test titles, unlike any other's. */
export const titleOf = ({ method, path }: Route): string => `${method} ${path}`

export const titled = <R extends Route>(routes: readonly R[]): [string, R][] =>
  routes.map((route) => [titleOf(route), route])

export const guardedRoutes = allRoutes.filter(({ definition }) => definition.role !== 'public')
export const publicRoutes = allRoutes.filter(({ definition }) => definition.role === 'public')
