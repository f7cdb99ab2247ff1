import { z } from 'zod'
import { json, usage, userId, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { agentParams } from './agents.ts'
import { chatCompletion, chatCompletionChunk, chatCompletionRequest } from './chat-completion.ts'

const sseExample = `data: {"id":"chatcmpl-1f0c9a2b","object":"chat.completion.chunk","created":1795166400,"model":"goclaw:support","choices":[{"index":0,"delta":{"content":"On Friday."},"finish_reason":null}]}

data: [DONE]

`

export const chat = defineHttpTable('agents', {
  wakeAgent: {
    method: 'POST',
    path: '/v1/agents/{id}/wake',
    role: 'operator',
    summary: 'Run the agent once on a message and wait for the answer',
    rules: {
      answersAtTheEnd: 'The answer comes when the run has ended: text, run id and usage',
      findsActiveAgents: 'The agent is named by id or key; an unknown one and one that is not active are answered 404',
      requiresAccess: 'A user without access to the agent is answered 403',
      makesASession:
        'Without a session key the run has a session of its own, `agent:<agent as named>:wake-` and eight hex digits',
      continuesSessions:
        "A session key is used as it is, so that its history accumulates; somebody else's session is answered 403, one of another agent 400",
      namesTheUser: '`user_id` takes the place of the user of the request, unless the credential is bound to one',
      comesFromWake: 'The channel of the run is `wake` and its chat `api`; metadata is accepted and has no effect',
      leavesOutUnknownUsage: 'Usage is absent when the provider reported none',
      requiresAMessage: 'A message is required; a body above 1 MiB is answered 413',
      answersRunErrors:
        'A run that fails is answered with its own status, as in chat: 429 for a spent budget, 503 for a model that cannot be reached',
      deliversSilence: 'The content is empty when the agent has nothing to say',
      summarisesLongConversations:
        'A conversation that takes 85 % of the window of its agent, or 800 messages, is summarised in the background but for its last messages: the model is then shown the summary and what came since, people still see all',
      savesMemoryFirst:
        'Before that the agent may save to memory what should last; where it saves nothing, sentences that sound worth remembering are added to `memory/<date>-auto-extract.md`',
      remembersConversations:
        'With `memory_config.episodic` the summary of a conversation is also the memory document `memory/sessions/<session id>.md` of its user, which the next summary replaces',
      staysUsable:
        'While no summary can be made a conversation goes on with the newest turns that fit; the summary is tried again, then the session says why it failed in `compactionError` until one succeeds',
      makesRoomInATurn:
        'A turn that fills the window by itself has old tool results shortened and, once, its older messages summarised; the message that it is about stays',
    },
    params: agentParams,
    body: z.object({
      message: z.string().min(1),
      session_key: z.string().min(1).max(500).optional(),
      user_id: userId.optional(),
      metadata: json.optional(),
    }),
    response: { 200: z.object({ content: z.string(), run_id: uuid, usage: usage.optional() }) },
    errors: [400, 404, 412, 429, 503, 504],
    startsRun: true,
  },
  createChatCompletion: {
    method: 'POST',
    path: '/v1/chat/completions',
    role: 'operator',
    summary: 'One agent turn through an OpenAI chat-completions call, plain JSON or server-sent events',
    description:
      'With `stream: true` the answer comes as server-sent events and ends with `[DONE]`; hanging up cancels the turn. The session is that of the agent and user.',
    rules: {
      namesAgentByModel:
        '`goclaw:` or `agent:` before the model names the agent by key or id; case counts, and nothing behind it is `default`',
      namesAgentByHeader:
        'Without such a prefix X-GoClaw-Agent-Id, then X-GoClaw-Agent name the agent, else it is `default`; any other model is only echoed',
      findsActiveAgents: 'An agent that is unknown in the tenant, or not active, is answered 404',
      requiresAccess: 'A user without access to the agent is answered 403; the default agent is open to its tenant',
      namesTheUser:
        "The user is the credential's or the header's, else the `user` of the body, else `gateway` for the gateway token and the key's own id for an API key; a paired browser that has named nobody is answered 400",
      keepsTheBoundUser: 'A credential that is bound to a user speaks for that user whatever the body says',
      requiresAMessage:
        'Without messages, or without text, image or file in the last message of the user, it is answered 400',
      showsEarlierMessages:
        'Earlier messages are shown to the model as history, with images, files, tool calls and results, system and developer messages as further instructions; none of them is stored',
      joinsParts: 'Text parts are joined by line breaks; images given as data URLs reach the model',
      guardsImageUrls: 'Images at other URLs are fetched through the guard: private addresses are answered 400',
      takesFiles:
        'Audio (`input_audio`) and files (`file` with `file_data`: a data URL of a PDF or of text) are shown to the model in their order, and are not stored; a file that is stored with OpenAI is answered 400',
      boundsMedia:
        'A request has at most 16 images and files, of 10 MiB each and 20 MiB together; more is answered 400, as is what is not of the kind that it says',
      refusesFiles:
        'Audio or a PDF that the provider of the agent does not take is answered 400 `unsupported_parameter` with `param` input_audio or file; in an earlier message a note stands in its place. A text is told to any model',
      hasASessionOfItsOwn:
        'Each call has a session of its own, `agent:<key>:http-<user>-<eight characters>`, which keeps the turn',
      resumesStreams:
        'With X-Clawmesh-Resumable: true every frame of a stream has an id; the same request with the last id seen in Last-Event-ID is sent what follows it, by whichever replica, with nothing lost or doubled',
      goesOnForAGrace:
        'A run whose stream can be resumed goes on for CLAWMESH_RESUME_GRACE_MS while nobody reads it, and is cancelled then; any other is cancelled as soon as its client leaves',
      refusesBadResumption:
        "An id that is none is answered 400, that of an unknown run 404, of somebody else's 403; with tools of the client a stream cannot be resumed, 400",
      honoursParameters:
        'Token limit, temperature, top_p, stop, seed, penalties, logit_bias, response_format, reasoning_effort and parallel_tool_calls hold for every model call of the turn; the token limit of the agent is not exceeded',
      reasonsAsTheAgentSays:
        "Without a `reasoning_effort` the agent's `other_config.reasoning` says how hard its model thinks, its own where it names no `override_mode`; `thinking_level` counts where there is none, or its effort is off",
      inheritsReasoning:
        'An agent whose `override_mode` is inherit thinks as the `reasoning_defaults` of its provider say, else not; its `thinking_level` does not count',
      neverThinksHarder:
        'A level that the model is known not to have becomes the next lower one that it has, nothing, or what the model does by itself, as `fallback` says; with auto nothing is said, a model that is not known is told what was asked, and a program is told nothing',
      notesReasoning:
        'The span of a model call has in its metadata who wanted which effort, what came of it and why, unless nobody wanted one',
      namesThePromptCache:
        'OpenAI, and accounts of ChatGPT, are told a name of the prompt cache that the calls of a user with an agent share, made of `prompt_cache_key` too where there is one; a conversation of other channels has its own. Nobody else is told one',
      showsTheCachedShare: 'Usage says how many tokens of the prompt a cache gave back',
      refusesWhatItCannot:
        'What the provider of the agent, or the mesh, cannot honour is answered 400 `unsupported_parameter` with the parameter in `param`, as is `n` over 1; a parameter that OpenAI does not have 400 `unknown_parameter`',
      asksFallbacks:
        "Where the model of the agent fails before its answer begins, the agent's `other_config.fallbacks`, else those of the tenant (system config `agent.fallbacks`), are asked in their order; usage and trace are those of the one that answered, and the trace says who failed how",
      continuesBrokenAnswers:
        'With `other_config.continue_answers` a fallback goes on with a streamed answer that broke off, where it broke off and without repeating it; without it such a stream ends with an error',
      keepsToTheModel: "`disable_fallbacks` keeps to the agent's own model",
      keepsMetadata: 'Metadata are kept with the trace',
      tagsCosts:
        'Metadata whose names are letters, digits, `_`, `.` and `-` and whose values have at most 128 characters are cost tags of the run; those of the key and of the agent, `cost_tags` of its `other_config`, go before, and 16 are kept, written `name:value` with trace and spans',
      offersClientTools:
        "Functions in `tools` are offered to the model beside the agent's own tools, `strict` included; one with the name of an agent's tool takes its place",
      choosesClientTools:
        "`tool_choice` is about the functions of the request: `none` offers none of them, `required` and a named one hold until one is called, while the agent's tools still run",
      refusesBadTools:
        'Two functions of one name, a choice among what is not there and a choice without tools are answered 400',
      endsWithClientCalls:
        "A call of a function of the request ends the turn with finish reason `tool_calls`; calls of the agent's tools in the same answer run first and are not shown",
      streamsClientCalls:
        'A stream tells of each call once by index, id and name, then gives its arguments as the model writes them',
      answersUnreadableCalls:
        'Arguments that are no JSON object are answered to the model, which may try again; a stream that has shown them ends with them',
      continuesTurns:
        "Tool messages that answer calls of the turn before continue it in its session, which holds what the agent's tools said; sent again, they continue a copy of it",
      continuesForeignTurns:
        'Tool messages that answer calls of another origin, or of somebody else, are shown to the model as the request tells them',
      matchesResults:
        'A tool call that no tool message follows, and a tool message that follows no such call, are answered 400',
      ordersThePrompt:
        'The system prompt has its sections in one order and tells no more of the time than the day, so that calls of a day begin with the same text; runs of subagents and schedules get a shorter one',
      endsWithItsAgent: 'A run whose agent is deleted, or whose session is emptied or deleted, is cancelled',
      runsTheAgent: 'The turn is a whole run: the tools of the agent are called, and every step is kept',
      endsAtTheIterationLimit: 'The last iteration that the agent allows gets no tools, so that it answers',
      refusesSpentBudgets:
        'A spent monthly budget is answered 429 `insufficient_quota` without Retry-After, before any model is asked',
      limitsMessages:
        'A message longer than the limit of the tenant or installation is cut with a note to the model; one that looks like an injection is refused where the settings say so',
      warnsOfInjections:
        'What web_fetch and web_search find is looked at like a message, and shown to the model behind a warning where it looks like an injection; bytes of zero count as one',
      retriesUnreadableCalls:
        "A call of the agent's tools whose arguments cannot be read, or were cut by the token limit, is answered to the model with what is wrong, three answers in a row; after a fourth the run fails with 503",
      runsCallsTogether:
        'Calls of one answer run at the same time; their results are shown to the model in the order of the calls',
      prunesOldResults:
        'Old tool results are shortened before the model is asked: one above 30 % of the window to that, those above 3,000 characters to their ends once a quarter of the window is taken, the oldest are cleared once half is; `context_pruning` of the agent says otherwise',
      mendsToolTurns:
        'The model is never shown a result without its call, a call without a result or one id twice, whatever is stored',
      noticesCircles:
        'A tool that is called with the same arguments and gives the same result is run, with a warning from the third time on; after the fifth the agent has no tools left in the turn',
      nudgesLongTurns:
        'The model is told when three quarters of its iterations are used and nothing was said yet, and at the last one',
      cleansTheAnswer:
        'An answer is delivered and stored without thinking, calls and notes to the model written as text, `<final>` tags, a paragraph said twice in a row, MEDIA lines, directives other than those of speech, and blank lines around it; code stays as it is, and an empty answer is `...`',
      endsWithItsClient: 'A client that hangs up cancels the run and its model call',
      deliversSilence: 'The content is empty when the agent has nothing to say',
      streamsDeltas:
        'A stream has a role chunk, one for each piece of text, one with the finish reason, one with usage if `stream_options` ask for it, and `[DONE]`',
      framesEvents: 'A stream is framed as data lines only, as `text/event-stream` that nobody caches or buffers',
      streamsTextOnly: 'The text of every iteration is streamed; thinking, tool calls and their results are not',
      saysWhyItEnded:
        'The finish reason is `stop`, `tool_calls`, or `length` when the last answer was cut by the token limit',
      nestsErrors:
        "Errors are JSON in OpenAI's shape, whichever part of the server finds them: 401, 404, 405, 413 and 429 too",
      failsBeforeTheStream: 'A run that fails before its first text is answered with its own status, streamed or not',
      endsBrokenStreams: 'A stream that breaks ends with an error event and without `[DONE]`',
      refusesLargeBodies: 'A body above 1 MiB is answered 413',
      leavesOutUnknownUsage: 'Usage is absent when the provider reported none',
    },
    body: chatCompletionRequest,
    response: { 200: chatCompletion },
    headers: {
      'X-GoClaw-Agent-Id': 'Id or key of the agent, where the model names none',
      'X-GoClaw-Agent': 'Alias of X-GoClaw-Agent-Id',
    },
    produces: 'text/event-stream',
    producesExample: sseExample,
    eventData: chatCompletionChunk,
    errors: [400, 404, 412, 413, 429, 503, 504],
    dialect: 'openai',
    startsRun: true,
  },
})
