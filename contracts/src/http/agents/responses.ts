/** Responses as OpenAI words them, and in the older words of GoClaw: requests, answers, and the events of a stream. */
import { z } from 'zod'
import { openAiUser } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { askedModel } from './asked-model.ts'
import { chatMessageInput, inputAudio } from './chat-completion.ts'
import {
  functionFields,
  functionName,
  mostTools,
  reasoningEfforts,
  sampling,
  schemaFields,
} from './openai-parameters.ts'

const contentPart = z.looseObject({
  type: z.enum(['input_text', 'output_text', 'text', 'refusal', 'input_image', 'input_file', 'input_audio']),
  text: z.string().optional(),
  refusal: z.string().optional(),
  image_url: z.string().nullish(),
  input_audio: inputAudio.nullish(),
  file_data: z.string().nullish().meta({ description: 'A data URL of a PDF or of text' }),
  file_url: z.string().nullish(),
  filename: z.string().nullish(),
})
const content = z.union([z.string(), z.array(contentPart)])

const callId = z.string().min(1).max(200)

const message = z.looseObject({
  type: z.literal('message').optional(),
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content,
})
const functionCall = z.looseObject({
  type: z.literal('function_call'),
  call_id: callId,
  name: z.string().min(1).max(200),
  arguments: z.string(),
})
const functionCallOutput = z.looseObject({
  type: z.literal('function_call_output'),
  call_id: callId,
  output: content,
})
/** Any other item of OpenAI's: references are resolved, thoughts passed over, the rest is refused. */
const otherItem = z.looseObject({ type: z.string().max(100) })

const inputItem = z
  .union([functionCall, functionCallOutput, message, otherItem])
  .meta({ id: 'ResponseInputItem', description: 'A message, a call of a function, or what the function answered' })

const textFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({ type: z.literal('json_schema'), ...schemaFields }),
])

const tool = z.looseObject({
  type: z
    .string()
    .max(100)
    .meta({ description: '`function`; others are refused', examples: ['function'] }),
  ...functionFields,
  name: functionName.optional().meta({ examples: ['get_weather'] }),
})
const namedTool = z.looseObject({ type: z.literal('function'), name: functionName })
const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  namedTool,
  z.looseObject({
    type: z.literal('allowed_tools'),
    mode: z.enum(['auto', 'required']),
    tools: z.array(namedTool).max(mostTools),
  }),
  z.looseObject({ type: z.string().max(100) }),
])

const responseRequest = z.looseObject({
  model: askedModel,
  input: z
    .union([z.string().min(1), z.array(inputItem).min(1)])
    .nullish()
    .meta({ description: "OpenAI's dialect", examples: ['When is the release?'] }),
  messages: z
    .array(chatMessageInput)
    .min(1)
    .nullish()
    .meta({ description: "GoClaw's dialect, where there is no input", examples: [null] }),
  instructions: z.string().nullish(),
  previous_response_id: z
    .string()
    .max(200)
    .nullish()
    .meta({ examples: [null] }),
  stream: z.boolean().nullish(),
  max_output_tokens: z.number().int().min(1).nullish(),
  max_tokens: z.number().int().min(1).nullish(),
  user: openAiUser.nullish(),
  ...sampling,
  reasoning: z.looseObject({ effort: z.enum(reasoningEfforts).nullish() }).nullish(),
  text: z.looseObject({ format: textFormat.nullish() }).nullish(),
  tools: z.array(tool).max(mostTools).nullish(),
  tool_choice: toolChoice.nullish(),
})

const usage = z.object({
  input_tokens: z.number().int(),
  input_tokens_details: z.object({ cached_tokens: z.number().int() }),
  output_tokens: z.number().int(),
  output_tokens_details: z.object({ reasoning_tokens: z.number().int() }),
  total_tokens: z.number().int(),
  prompt_tokens: z.number().int(),
  completion_tokens: z.number().int(),
})

const outputText = z.object({
  type: z.enum(['output_text', 'text']),
  text: z.string(),
  annotations: z.array(z.unknown()).optional(),
})

const outputItem = z
  .union([
    z.object({
      id: z.string().optional(),
      type: z.literal('message'),
      status: z.enum(['in_progress', 'completed', 'incomplete']).optional(),
      role: z.literal('assistant'),
      phase: z.enum(['commentary', 'final_answer']).optional().meta({ description: 'Commentary comes before a tool' }),
      content: z.array(outputText),
    }),
    z.object({
      id: z.string().optional(),
      type: z.literal('function_call'),
      status: z.enum(['in_progress', 'completed', 'incomplete']).optional(),
      call_id: z.string(),
      name: z.string(),
      arguments: z.string(),
    }),
  ])
  .meta({ id: 'ResponseOutputItem', description: 'What the agent said, or a function that the client is to call' })

const status = z.enum(['completed', 'failed', 'in_progress', 'incomplete'])
const id = z
  .string()
  .regex(/^resp-[0-9a-f]{8}$/)
  .meta({ examples: ['resp-1f0c9a2b'] })

const responseObject = z
  .looseObject({
    id,
    object: z.literal('response'),
    created_at: z
      .number()
      .int()
      .meta({ examples: [1_795_166_400] }),
    model: z.string(),
    status,
    output: z.array(outputItem),
    output_text: z.string().meta({ examples: ['On Friday.'] }),
    usage: usage.nullable(),
    error: z.union([z.object({ code: z.string(), message: z.string() }), z.string()]).nullish(),
    incomplete_details: z.object({ reason: z.literal('max_output_tokens') }).nullish(),
    previous_response_id: z.string().nullish(),
    metadata: z.record(z.string(), z.string()).nullish(),
  })
  .meta({ id: 'Response', description: 'The answer of one agent turn as a response. The request is echoed beside it' })

const openAiEvent = z.looseObject({
  type: z.enum([
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.function_call_arguments.delta',
    'response.function_call_arguments.done',
    'response.output_item.done',
    'response.completed',
    'response.failed',
    'response.incomplete',
  ]),
  sequence_number: z.number().int().min(0),
  response: responseObject.optional(),
  output_index: z.number().int().optional(),
  content_index: z.number().int().optional(),
  item_id: z.string().optional(),
  item: outputItem.optional(),
  part: outputText.optional(),
  delta: z.string().optional(),
  text: z.string().optional(),
  arguments: z.string().optional(),
})

const streamEvent = z
  .union([
    openAiEvent,
    z.object({
      type: z.literal('response.started'),
      response: z.object({ id, status: z.literal('in_progress'), created_at: z.number().int() }),
    }),
    z.object({
      type: z.literal('response.delta'),
      delta: z.object({ type: z.literal('content'), content: z.string() }),
    }),
    z.object({
      type: z.literal('response.done'),
      response: z.object({
        id,
        status,
        usage: usage.optional(),
        error: z.string().optional(),
        output: z.array(outputItem),
      }),
    }),
  ])
  .meta({ id: 'ResponseStreamEvent', description: 'The data of one event of a streamed response, in either dialect' })

const sseExample = `event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg-1f0c9a2b-0","output_index":0,"content_index":0,"delta":"On Friday.","logprobs":[]}

`

export const responses = defineHttpTable('agents', {
  createResponse: {
    method: 'POST',
    path: '/v1/responses',
    role: 'operator',
    summary: 'One agent turn through a Responses call, plain JSON or server-sent events',
    description:
      "With `input` the call is in OpenAI's dialect, with `messages` in GoClaw's; `?dialect=` chooses that of the answer.",
    rules: {
      choosesTheDialect:
        "`input` speaks OpenAI's dialect and wins over `messages`, which speak GoClaw's; without either it is answered 400, and `?dialect=` overrides the dialect of the answer",
      findsTheAgent:
        'The agent is found as in chat completions: by the prefix of the model, a header, else `default`; unknown or not active 404, without access 403',
      namesTheUser:
        "The user is the credential's or the header's, else the `user` of the body, else one that the credential gives",
      hasASessionOfItsOwn:
        'Each call without a previous response has a session of its own, `agent:<key>:responses-<user>-<eight characters>`, which keeps its input and its answer',
      readsInputItems:
        'Input is a text or a list of messages, function calls and their outputs, with texts, images, audio and files, inline or at a URL; system and developer messages are instructions like `instructions`',
      refusesOtherItems:
        'Thoughts among the input are passed over; items and parts of other kinds are answered 400 `unsupported_parameter` with `param` input',
      resolvesReferences:
        'An item reference stands for that item of an earlier response of the caller with the agent, whole or streamed; one that is unknown is answered 404',
      continuesResponses:
        'With `previous_response_id` the turn goes on in the session of that response; after an older response in a copy of the session up to it',
      findsOwnResponses:
        'A previous response that is unknown, not completed, of another user or another agent is answered 404',
      answersFunctionCalls:
        'Outputs of function calls continue the turn that ended with the calls; one that answers no open call, and an open call without its output, are answered 400',
      honoursParameters:
        'Token limit, temperature, top_p, reasoning effort, text format and parallel_tool_calls hold for every model call of the turn',
      refusesWhatItCannot:
        'What the provider or the mesh cannot honour is answered 400 `unsupported_parameter` with `param`, a parameter that OpenAI does not have 400 `unknown_parameter`',
      callsFunctions:
        'Functions among the tools are offered to the model; a call of one is an output item with its call id, and ends the turn',
      answersWhole:
        'The answer is the last message and the function calls, with both namings of usage and the parameters of the request',
      speaksGoClaw: "In GoClaw's dialect the text is a part of type `text`, and what the request said is not echoed",
      streamsTypedEvents:
        "A stream in OpenAI's dialect names each event and numbers it: created, in progress, then for each item its beginning, its pieces and its end, then completed, with the whole response",
      separatesCommentary:
        'Text that comes before tools of the agent is a message of its own in the stream, of phase `commentary`',
      streamsGoClawEvents:
        "A stream in GoClaw's dialect has `response.started`, a `response.delta` for each piece of text and `response.done`, as data lines only",
      saysItWasCut: 'A turn cut by the token limit is `incomplete`, with the reason in `incomplete_details`',
      failsBeforeTheStream:
        'A run that fails before its first sign of life is answered with its own status, streamed or not',
      failsInTheStream:
        'A run that fails later ends the stream with `response.failed`, or a `response.done` of status failed',
      sharesTheRateLimit: 'Its runs count with those of chat completions',
    },
    query: z.object({ dialect: z.enum(['goclaw', 'openai']).optional().describe('The dialect of the answer') }),
    body: responseRequest,
    response: { 200: responseObject },
    headers: {
      'X-GoClaw-Agent-Id': 'Id or key of the agent, where the model names none',
      'X-GoClaw-Agent': 'Alias of X-GoClaw-Agent-Id',
    },
    produces: 'text/event-stream',
    producesExample: sseExample,
    eventData: streamEvent,
    errors: [400, 404, 412, 413, 429, 503, 504],
    dialect: 'openai',
    startsRun: true,
  },
})
