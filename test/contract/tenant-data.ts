/** A tenant with one of everything, so that another tenant has something to look for. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { AllInOne, TestTenant } from '../support/all-in-one.ts'
import { membersOf, validSample } from './json-samples.ts'
import { creatable, resourceOfField, type ListedResource, type Resource } from './routes.ts'
import { secretMark } from '../support/secret-sweep.ts'
import { eventually } from '../support/eventually.ts'

export interface FullTenant extends TestTenant {
  /** Stands in everything that the tenant stores; nobody else may ever read it. */
  marker: string
  /** Everything it has, by what names it. */
  ids: Readonly<Record<ListedResource, readonly string[]>>
  /** The same, also for what no table lists. */
  idsOf: (resource: Resource) => readonly string[]
  userId: string
}

/** Fills a new tenant through the public API. */
export const makeFullTenant = async (mesh: AllInOne, name: string): Promise<FullTenant> => {
  const tenant = await mesh.makeTenant(name)
  const tag = randomBytes(4).toString('hex')
  const marker = `marker${tag}`
  // Nobody may ever read it at all.
  const secret = `${marker}-${secretMark}`
  const userId = `user-${tag}`
  const headers = tenant.as('admin', userId)

  const call = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const answer = await mesh.request(method, path, { headers, ...(body === undefined ? {} : { body }) })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }
  const listOf = async (path: string, field: string): Promise<Record<string, unknown>[]> =>
    (await call('GET', path))[field] as Record<string, unknown>[]

  await mesh.request('PATCH', `/v1/tenants/${tenant.id}`, {
    headers: mesh.owner(),
    body: { settings: { note: marker } },
  })
  await mesh.request('POST', `/v1/tenants/${tenant.id}/users`, {
    headers: mesh.owner(),
    body: { user_id: userId, role: 'owner' },
  })
  const configKey = `note-${tag}`
  await call('PUT', `/v1/system-configs/${configKey}`, { value: marker })
  const modelName = `model-${tag}`
  await call('PUT', `/v1/model-pricing/${modelName}`, { input_per_million: 1, output_per_million: 2 })
  const apiKey = await call('POST', '/v1/api-keys', { name: marker, scopes: ['operator.read'] })

  // Not enabled, so that nobody goes and looks for its keys.
  const oidcIssuer = await call('POST', `/v1/tenants/${tenant.id}/oidc-issuers`, {
    issuer: `https://login.example.org/${marker}`,
    audiences: [marker],
    default_role: 'viewer',
    enabled: false,
  })

  const providerName = `provider-${tag}`
  const provider = await call('POST', '/v1/providers', {
    name: providerName,
    display_name: marker,
    provider_type: 'openai_compat',
    api_base: mesh.upstream.base,
    api_key: `sk-${secret}`,
    settings: { note: marker },
  })
  // A tenant gets it when somebody first looks, which would seem to be a change.
  await call('GET', '/v1/agents/default')
  const agentKey = `agent-${tag}`
  const agent = await call('POST', '/v1/agents', {
    agent_key: agentKey,
    display_name: marker,
    system_prompt: marker,
    provider: providerName,
    model: 'gpt-4o',
  })
  const agentPath = `/v1/agents/${agentKey}`
  await call('POST', `${agentPath}/shares`, { user_id: `friend-${marker}`, role: 'viewer' })
  await call('PUT', `${agentPath}/instances/${userId}/files/USER.md`, { content: marker })
  const documentPath = `notes-${tag}.md`
  await call('PUT', `${agentPath}/memory/documents/${documentPath}`, { content: `# Note\n${marker}` })
  await call('PUT', `${agentPath}/memory/documents/own-${documentPath}`, { content: marker, user_id: userId })
  const entityOf = async (name: string): Promise<string> => {
    const body = { external_id: `${name}-${tag}`, name: `${name} ${marker}`, entity_type: 'person' }
    return String((await call('POST', `${agentPath}/kg/entities`, body))['id'])
  }
  const entities = [await entityOf('first'), await entityOf('second')]
  await call('POST', `${agentPath}/kg/dedup/scan`, { threshold: 0.01 })
  const [candidate] = (await call('GET', `${agentPath}/kg/dedup`)) as unknown as Record<string, unknown>[]
  const [entry] = await listOf('/v1/memory', 'entries')

  await call('POST', '/v1/chat/completions', {
    model: `goclaw:${agentKey}`,
    messages: [{ role: 'user', content: `remember ${marker}` }],
  })
  const [session] = await listOf('/v1/sessions', 'sessions')
  const sessionKey = String(session!['key'])
  await call('PATCH', `/v1/sessions/${encodeURIComponent(sessionKey)}`, { label: marker, metadata: { note: marker } })
  // One that every tenant has a file of the same name as, and one that nobody else has.
  for (const path of ['secret.txt', `${tag}.txt`])
    await call('POST', '/v1/tools/invoke', { tool: 'write_file', agentId: agentKey, args: { path, content: marker } })
  const channel = await call('POST', '/v1/channels/instances', {
    name: `channel-${tag}`,
    display_name: marker,
    channel_type: 'telegram',
    agent_id: agentKey,
    credentials: { token: secret },
    config: { note: marker, allow_from: [userId] },
  })
  // Off, so that nothing is sent anywhere.
  const webhook = await call('POST', '/v1/webhooks', {
    url: `https://${tag}.example.org/${marker}`,
    description: marker,
    events: ['*'],
    enabled: false,
  })
  const mcpServer = await call('POST', '/v1/mcp/servers', {
    name: `server-${tag}`,
    display_name: marker,
    transport: 'streamable-http',
    url: `https://${tag}.example.org/mcp`,
    api_key: secret,
    headers: { [marker]: secret },
    settings: { note: marker },
  })
  const mcpPath = `/v1/mcp/servers/${String(mcpServer['id'])}`
  await call('POST', `${mcpPath}/grants/agent`, { agent_id: agent['id'], tool_allow: [marker] })
  await call('POST', `${mcpPath}/grants/user`, { user_id: userId, tool_deny: [marker] })
  await call('PUT', `${mcpPath}/user-credentials`, { api_key: secret })

  const cliCredential = await call('POST', '/v1/cli-credentials', {
    binary_name: `program-${tag}`,
    tips: marker,
    // What a program is given is taken out of what its tenant's tools say, so it is not the marker alone.
    env: { KEY: `${secret}-of-a-program` },
  })
  const cliUser = `of-programs-${tag}`
  await call('PUT', `/v1/cli-credentials/${String(cliCredential['id'])}/user-credentials/${cliUser}`, {
    env: { [marker]: `${secret}-of-a-user` },
  })

  const trace = await eventually('a trace of a run that has ended', async () =>
    (await listOf('/v1/traces', 'traces')).find(({ status }) => status !== 'running'),
  )

  const listed: Record<ListedResource, string[]> = {
    agent: [String(agent['id']), agentKey],
    session: [sessionKey],
    memoryDocument: [String(entry!['id'])],
    kgEntity: entities,
    kgCandidate: [String(candidate!['id'])],
    provider: [String(provider['id'])],
    trace: [String(trace['id'])],
    channelInstance: [String(channel['id'])],
    mcpServer: [String(mcpServer['id'])],
    cliUser: [cliUser],
    cliCredential: [String(cliCredential['id'])],
    apiKey: [String(apiKey['id'])],
    oidcIssuer: [String(oidcIssuer['id'])],
    webhook: [String(webhook['id'])],
    documentPath: [documentPath],
    // A real one is good for one time, and would be gone before the tests are.
    exportToken: [randomUUID()],
    storedFile: [`${agentKey}/${userId}/${tag}.txt`],
    mediaFile: [randomUUID()],
    fileName: ['USER.md'],
    providerName: [providerName],
    userId: [userId],
    configKey: [configKey],
    modelName: [modelName],
    member: [userId],
    tenant: [tenant.id, tenant.slug],
    builtinTool: ['read_file'],
    publicFile: ['swagger-ui.css'],
    chatgptAccount: ['openai-codex'],
  }

  /** A body as small as its schema allows, in which names are those of the tenant's own things. */
  const bodyFor = (schema: Parameters<typeof validSample>[0]): object => {
    const members = membersOf(schema)
    const references = members.flatMap((member) => {
      const resource = resourceOfField[member]
      return resource === undefined ? [] : [[member, listed[resource][0]]]
    })
    const named = members.includes('name') ? { name: `name-${tag}` } : {}
    return { ...(validSample(schema) as object), ...named, ...(Object.fromEntries(references) as object) }
  }
  const created = await Promise.all(
    [...creatable].map(async ([resource, { path, definition }]) => {
      const made = await call('POST', path, definition.body === undefined ? undefined : bodyFor(definition.body))
      return [resource as Resource, [String(made['id'])]] as const
    }),
  )

  const all = new Map<Resource, readonly string[]>([...(Object.entries(listed) as [Resource, string[]][]), ...created])

  return {
    ...tenant,
    as: (role, user = userId) => tenant.as(role, user),
    marker,
    userId,
    ids: listed,
    idsOf: (resource) => all.get(resource) ?? [],
  }
}
