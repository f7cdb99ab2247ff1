/** Chat completions as OpenAI words them: the request, the answer, and the chunks of a stream. */
import { z } from 'zod'
import { openAiUser, usage } from '../common.ts'
import { askedModel } from './asked-model.ts'
import {
  functionFields,
  functionName,
  mostTools,
  reasoningEfforts,
  sampling,
  schemaFields,
} from './openai-parameters.ts'

export const inputAudio = z.looseObject({
  data: z.string().meta({ description: 'Base64' }),
  format: z.enum(['wav', 'mp3']),
})

const contentPart = z.looseObject({
  type: z.enum(['text', 'input_text', 'image_url', 'input_image', 'input_audio', 'file', 'output_text', 'refusal']),
  text: z.string().optional(),
  image_url: z.union([z.string(), z.looseObject({ url: z.string() })]).optional(),
  input_audio: inputAudio.optional(),
  file: z
    .looseObject({
      file_data: z.string().nullish().meta({ description: 'A data URL of a PDF or of text' }),
      filename: z.string().nullish(),
    })
    .optional(),
})

const toolCall = z.looseObject({
  id: z.string().min(1).max(200),
  type: z.literal('function').optional(),
  function: z.looseObject({ name: z.string().min(1).max(200), arguments: z.string() }),
})

export const chatMessageInput = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.union([z.string(), z.array(contentPart)]).nullish(),
  tool_calls: z.array(toolCall).nullish().meta({ description: 'Of an assistant' }),
  tool_call_id: z.string().max(200).nullish().meta({ description: 'Of a tool: the call that it answers' }),
})

const stop = z.union([z.string(), z.array(z.string()).max(4)])

const responseFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({ type: z.literal('json_schema'), json_schema: z.looseObject(schemaFields) }),
])

const tool = z.looseObject({
  type: z.enum(['function', 'custom']).meta({ description: 'Functions are taken; others are refused' }),
  function: z.looseObject(functionFields).optional(),
})

const namedTool = z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: functionName }) })

const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.discriminatedUnion('type', [
    namedTool,
    z.looseObject({
      type: z.literal('allowed_tools'),
      allowed_tools: z.looseObject({ mode: z.enum(['auto', 'required']), tools: z.array(namedTool).max(mostTools) }),
    }),
    z.looseObject({ type: z.literal('custom') }),
  ]),
])

export const chatCompletionRequest = z.looseObject({
  model: askedModel,
  messages: z
    .array(chatMessageInput)
    .min(1)
    .meta({ examples: [[{ role: 'user', content: 'When is the release?' }]] }),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  user: openAiUser.nullish(),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
  ...sampling,
  stop: stop.nullish().meta({ description: 'Up to four texts at which the model stops', examples: ['END'] }),
  seed: z.number().int().nullish(),
  n: z.number().int().min(1).max(128).nullish().meta({ description: 'More than one answer is refused' }),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z
    .record(z.string().regex(/^\d{1,9}$/), z.number().min(-100).max(100))
    .nullish()
    .meta({ examples: [{ '1734': -100 }] }),
  response_format: responseFormat.nullish(),
  reasoning_effort: z.enum(reasoningEfforts).nullish(),
  tools: z.array(tool).max(mostTools).nullish(),
  tool_choice: toolChoice.nullish(),
})

const choice = { index: z.literal(0), finish_reason: z.enum(['stop', 'length', 'tool_calls']) }
const completion = {
  id: z
    .string()
    .regex(/^chatcmpl-[0-9a-f]{8}$/)
    .meta({ examples: ['chatcmpl-1f0c9a2b'] }),
  created: z
    .number()
    .int()
    .meta({ examples: [1_795_166_400] }),
  model: z.string(),
}
const called = z.object({
  id: z.string().meta({ examples: ['call_1f0c9a2b7c1e4a529d3f2b6c1e0f4a770'] }),
  type: z.literal('function'),
  function: z.object({
    name: z.string().meta({ examples: ['get_weather'] }),
    arguments: z.string().meta({ examples: ['{"city":"Hanoi"}'] }),
  }),
})

export const chatCompletion = z
  .object({
    ...completion,
    object: z.literal('chat.completion'),
    choices: z.array(
      z.object({
        ...choice,
        message: z.object({
          role: z.literal('assistant'),
          content: z.string(),
          tool_calls: z.array(called).optional().meta({ description: 'Calls of the tools of the request' }),
        }),
      }),
    ),
    usage: usage.optional(),
  })
  .meta({ id: 'ChatCompletion', description: 'The answer of one agent turn, as OpenAI words it' })

export const chatCompletionChunk = z
  .object({
    ...completion,
    object: z.literal('chat.completion.chunk'),
    choices: z
      .array(
        z.object({
          index: choice.index,
          delta: z.object({
            role: z.literal('assistant').optional().meta({ description: 'In the first chunk' }),
            content: z.string().optional(),
            tool_calls: z
              .array(
                z.object({
                  index: z.number().int().min(0),
                  id: z.string().optional(),
                  type: z.literal('function').optional(),
                  function: z.object({ name: z.string().optional(), arguments: z.string() }),
                }),
              )
              .optional()
              .meta({ description: 'Pieces of calls, told apart by their index; the first of each has id and name' }),
          }),
          finish_reason: choice.finish_reason.nullable(),
        }),
      )
      .meta({ description: 'Empty in the chunk with the usage' }),
    usage: usage.nullish(),
  })
  .meta({ id: 'ChatCompletionChunk', description: 'The data of one event of a streamed chat completion' })
