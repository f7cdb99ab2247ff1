import { z } from 'zod'
import { json, okBool, okString, page, slug, timestamp, usage, userId, uuid } from './common.ts'
import { defineHttpService } from './operation.ts'

const agentParams = z.object({ id: z.string().min(1).max(100).describe('Id or key of the agent') })
const config = json.nullable()

export const agentStatuses = ['active', 'inactive', 'summoning', 'summon_failed'] as const
export const agentTypes = ['open', 'predefined'] as const

export const agent = z
  .object({
    id: uuid,
    created_at: timestamp,
    updated_at: timestamp,
    tenant_id: uuid,
    agent_key: z.string(),
    display_name: z.string().optional(),
    frontmatter: z.string().optional(),
    owner_id: z.string(),
    provider: z.string().describe('Name of the provider; empty means the default one'),
    model: z.string(),
    context_window: z.number().int(),
    max_tool_iterations: z.number().int(),
    workspace: z.string(),
    restrict_to_workspace: z.literal(true),
    agent_type: z.enum(agentTypes),
    is_default: z.boolean(),
    status: z.enum(agentStatuses),
    budget_monthly_cents: z.number().int().nullish(),
    tools_config: json.optional(),
    sandbox_config: json.optional(),
    subagents_config: json.optional(),
    memory_config: json.optional(),
    compaction_config: json.optional(),
    context_pruning: json.optional(),
    other_config: json.optional(),
  })
  .meta({ id: 'Agent', description: 'An agent: a prompt, a model and what it may use' })

const agentWritable = z.object({
  agent_key: slug(100).optional(),
  display_name: z.string().max(255).optional(),
  frontmatter: z.string().nullish(),
  provider: z.string().max(50).optional(),
  model: z.string().max(200).optional(),
  context_window: z.number().int().max(2_147_483_647).optional(),
  max_tool_iterations: z.number().int().max(10_000).optional(),
  workspace: z.string().max(1024).optional(),
  agent_type: z.enum(agentTypes).optional(),
  is_default: z.boolean().optional(),
  status: z.enum(agentStatuses).optional(),
  budget_monthly_cents: z.number().int().min(0).max(2_147_483_647).nullish(),
  tools_config: config.optional(),
  sandbox_config: config.optional(),
  subagents_config: config.optional(),
  memory_config: config.optional(),
  compaction_config: config.optional(),
  context_pruning: config.optional(),
  other_config: config.optional(),
  name: slug(100).optional().describe('Alias of agent_key'),
  description: z.string().max(100_000).optional().describe('Alias of other_config.description'),
  system_prompt: z.string().max(200_000).optional().describe('Kept in other_config.system_prompt'),
  monthly_cents: z.number().int().min(0).max(2_147_483_647).nullish().describe('Alias of budget_monthly_cents'),
})

export const message = z
  .object({
    role: z.enum(['system', 'user', 'assistant', 'tool']),
    content: z.string(),
    thinking: z.string().optional(),
    media_refs: z.array(json).optional(),
    tool_calls: z
      .array(z.object({ id: z.string(), name: z.string(), arguments: json, parse_error: z.string().optional() }))
      .optional(),
    tool_call_id: z.string().optional(),
    is_error: z.boolean().optional(),
    created_at: timestamp.optional(),
  })
  .meta({ id: 'Message', description: 'One message of a session' })

const sessionSummary = z
  .object({
    key: z.string(),
    messageCount: z.number().int(),
    created: timestamp,
    updated: timestamp,
    label: z.string().optional(),
    channel: z.string().optional(),
    userID: z.string().optional(),
    metadata: z.record(z.string(), z.string()).optional(),
    model: z.string().optional(),
    provider: z.string().optional(),
    inputTokens: z.number().int().optional(),
    outputTokens: z.number().int().optional(),
    agentName: z.string().optional(),
    estimatedTokens: z.number().int().optional(),
    contextWindow: z.number().int().optional(),
    compactionCount: z.number().int().optional(),
    session_key: z.string(),
    agent_id: z.string().optional(),
    user_id: z.string().optional(),
    message_count: z.number().int(),
    input_tokens: z.number().int().optional(),
    output_tokens: z.number().int().optional(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'SessionSummary', description: 'A chat session without its messages; fields of both naming styles' })

const sessionDetail = z
  .object({
    key: z.string(),
    messages: z.array(message),
    summary: z.string(),
    created: timestamp,
    updated: timestamp,
    agentUUID: uuid,
    userID: z.string().optional(),
    model: z.string().optional(),
    provider: z.string().optional(),
    channel: z.string().optional(),
    inputTokens: z.number().int().optional(),
    outputTokens: z.number().int().optional(),
    compactionCount: z.number().int().optional(),
    label: z.string().optional(),
    spawnedBy: z.string().optional(),
    spawnDepth: z.number().int().optional(),
    metadata: z.record(z.string(), z.string()).optional(),
  })
  .meta({ id: 'SessionDetail', description: 'A chat session with its messages' })

const sessionParams = z.object({ key: z.string().min(1).max(500).describe('Key of the session') })

const contentPart = z.looseObject({
  type: z.enum(['text', 'input_text', 'image_url', 'input_image', 'output_text']),
  text: z.string().optional(),
  image_url: z.union([z.string(), z.looseObject({ url: z.string() })]).optional(),
})

export const chatMessageInput = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.union([z.string(), z.array(contentPart)]).nullish(),
})

const sseExample = `data: {"id":"chatcmpl-1f0c9a2b","object":"chat.completion.chunk","created":1795166400,"model":"goclaw:support","choices":[{"index":0,"delta":{"content":"On Friday."},"finish_reason":null}]}

data: [DONE]

`

const chatCompletion = z
  .object({
    id: z
      .string()
      .regex(/^chatcmpl-[0-9a-f]{8}$/)
      .meta({ examples: ['chatcmpl-1f0c9a2b'] }),
    object: z.literal('chat.completion'),
    created: z.number().int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.literal(0),
        message: z.object({ role: z.literal('assistant'), content: z.string() }),
        finish_reason: z.enum(['stop', 'length']),
      }),
    ),
    usage: usage.optional(),
  })
  .meta({ id: 'ChatCompletion', description: 'The answer of one agent turn, as OpenAI words it' })

export const agents = defineHttpService('agents', {
  listAgents: {
    method: 'GET',
    path: '/v1/agents',
    role: 'viewer',
    summary: 'The agents the calling user may use, newest first',
    response: { 200: z.object({ agents: z.array(agent) }) },
    errors: [400],
  },
  createAgent: {
    method: 'POST',
    path: '/v1/agents',
    role: 'admin',
    summary: 'Create an agent owned by the calling user',
    body: agentWritable.extend({
      tenant_id: uuid.optional().describe('Honoured for the owner role only'),
    }),
    response: { 201: agent },
    errors: [400, 404, 409],
  },
  getAgent: {
    method: 'GET',
    path: '/v1/agents/{id}',
    role: 'viewer',
    summary: 'One agent by id or key',
    params: agentParams,
    response: { 200: agent },
    errors: [404],
  },
  updateAgent: {
    method: 'PUT',
    path: '/v1/agents/{id}',
    role: 'admin',
    ownerOnly: true,
    summary: 'Change the fields that the body names; objects are replaced whole',
    params: agentParams,
    body: agentWritable,
    response: { 200: okString },
    errors: [400, 404, 409],
  },
  deleteAgent: {
    method: 'DELETE',
    path: '/v1/agents/{id}',
    role: 'admin',
    ownerOnly: true,
    summary: 'Delete an agent and all data that hangs on it',
    params: agentParams,
    response: { 200: okString },
    errors: [404],
  },
  wakeAgent: {
    method: 'POST',
    path: '/v1/agents/{id}/wake',
    role: 'operator',
    summary: 'Run the agent once on a message and wait for the answer',
    params: agentParams,
    body: z.object({
      message: z.string().min(1),
      session_key: z.string().min(1).max(500).optional(),
      user_id: userId.optional(),
      metadata: json.optional(),
    }),
    response: { 200: z.object({ content: z.string(), run_id: uuid, usage: usage.optional() }) },
    errors: [400, 404, 429, 503, 504],
    startsRun: true,
  },
  createChatCompletion: {
    method: 'POST',
    path: '/v1/chat/completions',
    role: 'operator',
    summary: 'One agent turn through an OpenAI chat-completions call, plain JSON or server-sent events',
    description:
      'With `stream: true` the answer comes as server-sent events and ends with `[DONE]`; hanging up cancels the turn. The session is that of the agent and user.',
    body: z.looseObject({
      model: z
        .string()
        .max(500)
        .default('')
        .meta({ description: '`goclaw:<agent key>`', examples: ['goclaw:support'] }),
      messages: z
        .array(chatMessageInput)
        .min(1)
        .meta({ examples: [[{ role: 'user', content: 'When is the release?' }]] }),
      stream: z.boolean().nullish(),
      stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
      user: userId.nullish(),
      max_tokens: z.number().int().min(1).nullish(),
      max_completion_tokens: z.number().int().min(1).nullish(),
    }),
    response: { 200: chatCompletion },
    headers: {
      'X-GoClaw-Agent-Id': 'Id or key of the agent, where the model names none',
      'X-GoClaw-Agent': 'Alias of X-GoClaw-Agent-Id',
    },
    produces: 'text/event-stream',
    producesExample: sseExample,
    errors: [400, 404, 413, 429, 503, 504],
    errorStyle: 'openai',
    startsRun: true,
  },
  listSessions: {
    method: 'GET',
    path: '/v1/sessions',
    role: 'viewer',
    summary: 'Chat sessions, most recently updated first',
    query: z.object({
      agent_id: z.string().max(100).optional().describe('Only sessions with this agent, id or key'),
      agentId: z.string().max(100).optional().describe('Alias of agent_id'),
      channel: z.string().max(50).optional().describe('Only sessions on this channel'),
      user_id: userId.optional().describe('Only for callers that see all'),
      ...page(20, 500),
    }),
    response: {
      200: z.object({
        sessions: z.array(sessionSummary),
        total: z.number().int(),
        limit: z.number().int(),
        offset: z.number().int(),
      }),
    },
    errors: [400],
  },
  getSession: {
    method: 'GET',
    path: '/v1/sessions/{key}',
    role: 'viewer',
    summary: 'One session with its messages and running summary',
    params: sessionParams,
    response: { 200: sessionDetail },
    errors: [404],
  },
  patchSession: {
    method: 'PATCH',
    path: '/v1/sessions/{key}',
    role: 'operator',
    summary: 'Change label, model or metadata of a session',
    params: sessionParams,
    body: z.object({
      label: z.string().max(500).optional(),
      model: z.string().max(200).optional(),
      metadata: z.record(z.string(), z.string()).optional(),
    }),
    response: { 200: z.object({ ok: z.literal(true), key: z.string() }) },
    errors: [400, 404],
  },
  resetSession: {
    method: 'POST',
    path: '/v1/sessions/{key}/reset',
    role: 'operator',
    summary: "Clear a session's messages and summary",
    params: sessionParams,
    response: { 200: okBool },
    errors: [404],
  },
  deleteSession: {
    method: 'DELETE',
    path: '/v1/sessions/{key}',
    role: 'operator',
    summary: 'Delete a session',
    params: sessionParams,
    response: { 200: okBool },
    errors: [404],
  },
})
