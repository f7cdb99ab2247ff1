/** Agent turns through Anthropic's Messages API. */
import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'
import { countRequest, messageEvent, messageObject, messageRequest } from './message.ts'

/** Room for a picture in base64 beside a long conversation. */
const bodyLimitBytes = 8_388_608

const sseExample = `event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"On Friday."}}

`

const headers = {
  'X-GoClaw-Agent-Id': 'Id or key of the agent, where the model names none',
  'X-GoClaw-Agent': 'Alias of X-GoClaw-Agent-Id',
  'Anthropic-Version': 'Taken, and changes nothing',
  'Anthropic-Beta': 'Taken, and changes nothing',
}

export const messages = defineHttpTable('agents', {
  createMessage: {
    method: 'POST',
    path: '/v1/messages',
    role: 'operator',
    summary: 'One agent turn through an Anthropic Messages call, plain JSON or server-sent events',
    rules: {
      takesKeyHeader:
        'The credential may come in X-Api-Key where there is no Authorization header, as in counting and in models',
      toleratesVersions: 'Anthropic-Version and Anthropic-Beta are taken, whatever they say, and need not be there',
      findsTheAgent:
        'The agent is found as in chat completions: by the prefix of the model, a header, else `default`; unknown or not active 404, without access 403; any other model is only echoed',
      namesTheUser:
        "The user is the credential's or the header's, else one that the credential gives; `metadata.user_id` is kept with the trace and names nobody",
      hasASessionOfItsOwn:
        'Each call has a session of its own, `agent:<key>:messages-<user>-<eight characters>`, which keeps the turn',
      readsBlocks:
        'Texts, images, documents, tool calls and their results reach the model in their order, what failed as failed; system texts are instructions after those of the agent',
      refusesOtherBlocks:
        'Thoughts among the messages are passed over, blocks of other kinds answered 400 and named; so is a conversation that ends with words of the assistant, which the answer cannot go on with',
      honoursParameters:
        'Token limit, temperature, top_p, stop sequences, thinking, effort, output format and disable_parallel_tool_use hold for every model call of the turn; the token limit of the agent is not exceeded',
      refusesWhatItCannot:
        'What the provider or the mesh cannot honour is answered 400 and named, as is a parameter that Anthropic does not have; hints are passed over',
      passesOnCacheMarks:
        '`cache_control` of messages is passed on to providers that know it, the last two marks of them, with the longest time that is asked for; prompt and tools are marked in any case',
      callsTools:
        "Tools of the request are offered to the model beside the agent's own; a call of one ends the turn with stop reason `tool_use`, and `tool_choice` is about them; tools that Anthropic itself runs are refused",
      continuesTurns:
        "Results of calls of the turn before continue it in its session, which holds what the agent's tools said; words behind the results are said in it, too",
      matchesResults: 'A tool call without its result right behind, and a result without its call, are answered 400',
      answersWhole:
        'The answer is the last text and the calls, with stop reason `end_turn`, `tool_use`, or `max_tokens` where the token limit cut it; input that was cached is counted apart, and what no provider counted is 0',
      showsThinking:
        "Where thinking is asked for, what the model thought is a block before its text, with a signature of the mesh's own",
      streamsEvents:
        'A stream is message_start, a ping, for each block its start, deltas and stop, then message_delta with stop reason and usage, and message_stop',
      startsBlocksAnew:
        'What comes after tools of the agent is a block of its own; a ping tells that they run, and of calls after the first the input comes at once',
      failsBeforeTheStream:
        'A run that fails before its first sign of life is answered with its own status, streamed or not',
      failsInTheStream: 'A run that fails later ends the stream with an error event',
      shapesErrors:
        "Errors are in Anthropic's shape with the id of the request, which Request-Id has too, whichever part of the server finds them: 401, 404, 405, 413 and 429 too",
      sharesTheRateLimit: 'Its runs count with those of chat completions',
    },
    body: messageRequest,
    bodyLimitBytes,
    response: { 200: messageObject },
    headers,
    produces: 'text/event-stream',
    producesExample: sseExample,
    eventData: messageEvent,
    errors: [400, 404, 412, 413, 429, 503, 504],
    dialect: 'anthropic',
    keyHeader: true,
    startsRun: true,
  },
  countMessageTokens: {
    method: 'POST',
    path: '/v1/messages/count_tokens',
    role: 'operator',
    summary: 'About how many input tokens a message would take',
    rules: {
      countsThePrompt:
        'What a run of the same request would send, but for what a first chat has besides, is counted at four characters a token: prompt, context files and tools of the agent, and the messages, system texts and tools of the request',
      countsImages: 'An image counts as 1600 tokens, the most that Anthropic counts for one; none is fetched',
      countsDocuments:
        'A document counts as many tokens as its text would have, a PDF at most 300,000; one at a URL is not fetched, and counts as an image does',
      startsNothing: 'No model is asked, nothing is stored and no run is counted',
      readsAsMessagesDo: 'Agents are found and requests refused as for messages',
    },
    body: countRequest,
    bodyLimitBytes,
    response: {
      200: z.object({
        input_tokens: z
          .number()
          .int()
          .meta({ examples: [2_095] }),
      }),
    },
    headers,
    errors: [400, 404, 413],
    dialect: 'anthropic',
    keyHeader: true,
  },
})
