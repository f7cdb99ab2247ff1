/** Messages as Anthropic words them: the request, the answer, and the events of a stream. */
import { z } from 'zod'
import { json } from '../common.ts'
import { askedModel } from './asked-model.ts'
import { disableFallbacks } from './openai-parameters.ts'

/** Tools in one request: MCP servers of a client bring many. */
const mostTools = 512

const cacheControl = z.looseObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() })
const cached = { cache_control: cacheControl.nullish().meta({ examples: [null] }) }

const text = z.looseObject({ type: z.literal('text'), text: z.string(), ...cached })
const image = z.looseObject({
  type: z.literal('image'),
  source: z.discriminatedUnion('type', [
    z.looseObject({ type: z.literal('base64'), media_type: z.string().max(100), data: z.string() }),
    z.looseObject({ type: z.literal('url'), url: z.string() }),
    z.looseObject({ type: z.literal('file') }),
  ]),
  ...cached,
})
const document = z.looseObject({
  type: z.literal('document'),
  source: z.discriminatedUnion('type', [
    z.looseObject({ type: z.literal('base64'), media_type: z.string().max(100), data: z.string() }),
    z.looseObject({ type: z.literal('text'), media_type: z.string().max(100), data: z.string() }),
    z.looseObject({
      type: z.literal('content'),
      content: z.union([z.string(), z.array(z.union([text, z.looseObject({ type: z.string().max(100) })]))]),
    }),
    z.looseObject({ type: z.literal('url'), url: z.string() }),
    z.looseObject({ type: z.literal('file') }),
  ]),
  title: z.string().nullish(),
  context: z.string().nullish(),
  ...cached,
})
const callId = z.string().min(1).max(200)
const toolUse = z.looseObject({
  type: z.literal('tool_use'),
  id: callId,
  name: z.string().min(1).max(200),
  input: json,
  ...cached,
})
const toolResult = z.looseObject({
  type: z.literal('tool_result'),
  tool_use_id: callId,
  content: z
    .union([z.string(), z.array(z.union([text, image, document, z.looseObject({ type: z.string().max(100) })]))])
    .nullish(),
  is_error: z.boolean().nullish(),
  ...cached,
})
/** Any other block of Anthropic's: thoughts are passed over, the rest is refused. */
const otherBlock = z.looseObject({ type: z.string().max(100) })

const block = z
  .union([text, image, document, toolUse, toolResult, otherBlock])
  .meta({ id: 'AnthropicBlock', description: 'A text, an image, a document, a call of a tool, or what the tool said' })

const message = z.looseObject({ role: z.enum(['user', 'assistant']), content: z.union([z.string(), z.array(block)]) })

const tool = z.looseObject({
  type: z
    .string()
    .max(100)
    .nullish()
    .meta({ description: '`custom`; tools of Anthropic itself are refused', examples: ['custom'] }),
  name: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{1,128}$/)
    .meta({ examples: ['get_weather'] }),
  description: z.string().nullish(),
  input_schema: json.optional().meta({ description: 'A JSON Schema of the input' }),
  strict: z.boolean().nullish(),
  ...cached,
})

const parallel = { disable_parallel_tool_use: z.boolean().nullish() }
const toolChoice = z.discriminatedUnion('type', [
  z.looseObject({ type: z.enum(['auto', 'any', 'none']), ...parallel }),
  z.looseObject({ type: z.literal('tool'), name: z.string().max(128), ...parallel }),
])

const thinking = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('enabled'),
    budget_tokens: z.number().int().min(1),
    display: z.enum(['summarized', 'omitted']).nullish(),
  }),
  z.looseObject({ type: z.literal('adaptive'), display: z.enum(['summarized', 'omitted']).nullish() }),
  z.looseObject({ type: z.literal('disabled') }),
])

const outputConfig = z.looseObject({
  effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).nullish(),
  format: z.looseObject({ type: z.literal('json_schema'), schema: json }).nullish(),
})

/** What makes a prompt. */
const prompt = {
  model: askedModel,
  messages: z
    .array(message)
    .min(1)
    .max(100_000)
    .meta({ examples: [[{ role: 'user', content: 'When is the release?' }]] }),
  system: z
    .union([z.string(), z.array(text)])
    .nullish()
    .meta({ description: "Instructions after the agent's own" }),
  tools: z.array(tool).max(mostTools).nullish(),
  tool_choice: toolChoice.nullish(),
  thinking: thinking.nullish(),
  output_config: outputConfig.nullish(),
  ...cached,
}

export const messageRequest = z.looseObject({
  ...prompt,
  max_tokens: z.number().int().min(1).nullish(),
  stream: z.boolean().nullish(),
  temperature: z.number().min(0).max(1).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  stop_sequences: z.array(z.string().max(1_000)).max(64).nullish(),
  metadata: z
    .looseObject({ user_id: z.string().max(512).nullish() })
    .nullish()
    .meta({ description: 'Kept with the trace of the run' }),
  disable_fallbacks: disableFallbacks,
})

export const countRequest = z.looseObject(prompt)

const usage = z
  .object({
    input_tokens: z.number().int().meta({ description: 'Without those of the next two' }),
    cache_creation_input_tokens: z.number().int(),
    cache_read_input_tokens: z.number().int(),
    output_tokens: z.number().int(),
  })
  .meta({ id: 'AnthropicUsage' })

const thinkingBlock = z.object({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() })
const textBlock = z.object({ type: z.literal('text'), text: z.string(), citations: z.null() })
const toolUseBlock = z.object({ type: z.literal('tool_use'), id: z.string(), name: z.string(), input: json })
const answerBlock = z.union([textBlock, toolUseBlock, thinkingBlock])
const stopReason = z.enum(['end_turn', 'max_tokens', 'tool_use'])

export const messageObject = z
  .object({
    id: z
      .string()
      .regex(/^msg_[0-9a-f]{32}$/)
      .meta({ examples: ['msg_1f0c9a2b7c1e4a529d3f2b6c1e0f4a77'] }),
    type: z.literal('message'),
    role: z.literal('assistant'),
    model: z.string(),
    content: z.array(answerBlock),
    stop_reason: stopReason.nullable(),
    stop_sequence: z.null(),
    usage,
  })
  .meta({ id: 'AnthropicMessage', description: 'The answer of one agent turn, as Anthropic words it' })

const delta = z.union([
  z.object({ type: z.literal('text_delta'), text: z.string() }),
  z.object({ type: z.literal('thinking_delta'), thinking: z.string() }),
  z.object({ type: z.literal('signature_delta'), signature: z.string() }),
  z.object({ type: z.literal('input_json_delta'), partial_json: z.string() }),
])
const index = z.number().int().min(0)

export const messageEvent = z
  .union([
    z.object({ type: z.literal('message_start'), message: messageObject }),
    z.object({ type: z.literal('ping') }),
    z.object({ type: z.literal('content_block_start'), index, content_block: answerBlock }),
    z.object({ type: z.literal('content_block_delta'), index, delta }),
    z.object({ type: z.literal('content_block_stop'), index }),
    z.object({
      type: z.literal('message_delta'),
      delta: z.object({ stop_reason: stopReason, stop_sequence: z.null() }),
      usage,
    }),
    z.object({ type: z.literal('message_stop') }),
    z.object({
      type: z.literal('error'),
      error: z.object({ type: z.string(), message: z.string() }),
      request_id: z.string().nullable(),
    }),
  ])
  .meta({ id: 'AnthropicStreamEvent', description: 'The data of one event of a streamed message' })
