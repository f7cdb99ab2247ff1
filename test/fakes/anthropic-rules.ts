/**
 * What Anthropic's Messages API refuses, with the bodies it refuses it with. Sources: Anthropic API reference, "Create a
 * Message"; its documentation of tool use and extended thinking; its answers as reported in the issues of public clients.
 */
import { isJson, type Received } from './http-fake.ts'
import type { Json } from './json.ts'
import { holdsHalfCharacter, Refusal, unknownField } from './strict.ts'

const refuse = (message: string, status = 400, type = 'invalid_request_error'): never => {
  throw new Refusal(status, { type: 'error', error: { type, message }, request_id: 'req_fake' })
}

const noExtra = (value: Json, path: string, known: string): void => {
  const field = unknownField(value, known)
  if (field !== undefined) refuse(`${path === '' ? '' : `${path}.`}${field}: Extra inputs are not permitted`)
}

const bodyFields =
  'model messages max_tokens system tools tool_choice thinking temperature top_p top_k stop_sequences stream metadata ' +
  'output_config service_tier'

const namePattern = '^[a-zA-Z0-9_-]{1,128}$'
const idPattern = '^[a-zA-Z0-9_-]+$'
const imageTypes = ['image/jpeg', 'image/png', 'image/gif', 'image/webp']

const matches = (value: unknown, pattern: string, path: string): void => {
  if (typeof value !== 'string') refuse(`${path}: Field required`)
  if (!new RegExp(pattern).test(String(value))) refuse(`${path}: String should match pattern '${pattern}'`)
}

const checkText = (text: unknown, path: string): void => {
  if (typeof text !== 'string') refuse(`${path}: Input should be a valid string`)
  if (text === '') refuse('messages: text content blocks must be non-empty')
  if (String(text).trim() === '') refuse('messages: text content blocks must contain non-whitespace text')
}

const checkImage = (block: Json, path: string): void => {
  noExtra(block, path, 'type source cache_control')
  const source = isJson(block['source']) ? block['source'] : refuse(`${path}.source: Field required`)
  noExtra(source, `${path}.source`, 'type media_type data url')
  if (source['type'] === 'base64' && !imageTypes.includes(String(source['media_type'])))
    refuse(`${path}.source.base64.media_type: Input should be ${imageTypes.map((type) => `'${type}'`).join(', ')}`)
}

const checkDocument = (block: Json, path: string): void => {
  noExtra(block, path, 'type source title context citations cache_control')
  const source = isJson(block['source']) ? block['source'] : refuse(`${path}.source: Field required`)
  noExtra(source, `${path}.source`, 'type media_type data')
  const wanted: Record<string, string> = { base64: 'application/pdf', text: 'text/plain' }
  const kind = String(source['type'])
  if (wanted[kind] !== source['media_type'])
    refuse(`${path}.source.${kind}.media_type: Input should be '${wanted[kind]}'`)
  if (typeof source['data'] !== 'string' || source['data'] === '') refuse(`${path}.source.${kind}.data: Field required`)
}

const checkResult = (block: Json, path: string): void => {
  noExtra(block, path, 'type tool_use_id content is_error cache_control')
  matches(block['tool_use_id'], idPattern, `${path}.tool_use_id`)
  const { content } = block
  const empty = content === undefined || content === '' || (Array.isArray(content) && content.length === 0)
  if (block['is_error'] === true && empty) refuse(`${path}: content cannot be empty if \`is_error\` is true`)
  if (!Array.isArray(content)) return
  content.filter(isJson).forEach((part, at) => {
    if (part['type'] === 'text') checkText(part['text'], `${path}.content.${at}.text`)
    else if (part['type'] === 'document') checkDocument(part, `${path}.content.${at}`)
    else checkImage(part, `${path}.content.${at}`)
  })
}

const blockRules: Record<string, (block: Json, path: string) => void> = {
  text: (block, path) => {
    noExtra(block, path, 'type text cache_control citations')
    checkText(block['text'], `${path}.text`)
  },
  image: checkImage,
  document: checkDocument,
  tool_use: (block, path) => {
    noExtra(block, path, 'type id name input cache_control')
    matches(block['id'], idPattern, `${path}.id`)
    matches(block['name'], namePattern, `${path}.name`)
    if (!isJson(block['input'])) refuse(`${path}.input: Input should be a valid dictionary`)
  },
  tool_result: checkResult,
  thinking: (block, path) => {
    noExtra(block, path, 'type thinking signature')
    if (typeof block['signature'] !== 'string') refuse(`${path}.signature: Field required`)
    if (block['signature'] === '') refuse(`${path}: Invalid \`signature\` in \`thinking\` block`)
  },
  redacted_thinking: (block, path) => {
    noExtra(block, path, 'type data')
    if (typeof block['data'] !== 'string') refuse(`${path}.data: Field required`)
  },
}
const rolesOf: Record<string, string> = {
  image: 'user',
  document: 'user',
  tool_result: 'user',
  tool_use: 'assistant',
  thinking: 'assistant',
  redacted_thinking: 'assistant',
}

const blocksOf = (message: Json): Json[] => {
  const content = message['content']
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  return Array.isArray(content) ? content.filter(isJson) : []
}

const checkBlocks = (blocks: Json[], role: string, at: number): void => {
  blocks.forEach((block, place) => {
    const type = String(block['type'])
    const path = `messages.${at}.content.${place}`
    const rule = blockRules[type]
    if (rule === undefined) return refuse(`${path}: Input tag '${type}' found using 'type' does not match`)
    if ((rolesOf[type] ?? role) !== role)
      refuse(`${path}: \`${type}\` blocks can only be in \`${rolesOf[type]}\` messages`)
    rule(block, `${path}.${type}`)
  })
}

const idsOf = (blocks: Json[], type: string, field: string): string[] =>
  blocks.filter((block) => block['type'] === type).map((block) => String(block[field]))

/** Results answer the calls of the message before, all of them, and stand before anything else. */
const checkResults = (at: number, before: Json[], blocks: Json[]): void => {
  const calls = idsOf(before, 'tool_use', 'id')
  const firstOther = blocks.findIndex((block) => block['type'] !== 'tool_result')
  const leading = idsOf(firstOther < 0 ? blocks : blocks.slice(0, firstOther), 'tool_result', 'tool_use_id')
  const open = calls.filter((id) => !leading.includes(id))
  if (open.length > 0)
    refuse(
      `messages.${at - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ` +
        `${open.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
    )
  const results = idsOf(blocks, 'tool_result', 'tool_use_id')
  const stray = results.find((id) => !calls.includes(id))
  if (stray !== undefined)
    refuse(
      `messages.${at}.content.0: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}. Each ` +
        '`tool_result` block must have a corresponding `tool_use` block in the previous message.',
    )
  if (new Set(results).size < results.length)
    refuse(`messages.${at}.content: each tool_use must have a single result. Found multiple \`tool_result\` blocks`)
}

const checkMessages = (messages: unknown): void => {
  if (!Array.isArray(messages)) return refuse('messages: Field required')
  if (messages.length === 0) refuse('messages: at least one message is required')
  let before: Json[] = []
  let lastRole = ''
  const ids = new Set<string>()
  messages.forEach((message: unknown, at) => {
    if (!isJson(message)) return refuse(`messages.${at}: Input should be a valid dictionary`)
    noExtra(message, `messages.${at}`, 'role content')
    const role = String(message['role'])
    if (role === 'system')
      refuse(
        'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as ' +
          'an input message role.',
      )
    if (role !== 'user' && role !== 'assistant') refuse(`messages.${at}.role: Input should be 'user' or 'assistant'`)
    if (at === 0 && role !== 'user') refuse('messages: first message must use the "user" role')
    const blocks = blocksOf(message)
    if (blocks.length === 0)
      refuse(`messages.${at}: all messages must have non-empty content except for the optional final assistant message`)
    checkBlocks(blocks, role, at)
    if (role === lastRole && role === 'assistant') before = [...before, ...blocks]
    else {
      checkResults(at, before, blocks)
      before = blocks
    }
    lastRole = role
    idsOf(blocks, 'tool_use', 'id').forEach((id, place) => {
      if (ids.has(id)) refuse(`messages.${at}.content.${place}: \`tool_use\` ids must be unique`)
      ids.add(id)
    })
  })
  if (lastRole === 'assistant') checkResults(messages.length, before, [])
}

const checkTools = (body: Json): void => {
  const { tools, tool_choice: choice } = body
  if (tools === undefined) {
    if (choice !== undefined) refuse('tool_choice: may only be specified while providing tools')
    return
  }
  if (!Array.isArray(tools)) return refuse('tools: Input should be a valid list')
  const names = tools.map((tool: unknown, at) => {
    const path = `tools.${at}.custom`
    if (!isJson(tool)) return refuse(`${path}: Input should be a valid dictionary`)
    noExtra(tool, path, 'name description input_schema cache_control type strict')
    matches(tool['name'], namePattern, `${path}.name`)
    const schema = tool['input_schema']
    if (!isJson(schema)) refuse(`${path}.input_schema: Field required`)
    if ((schema as Json)['type'] !== 'object') refuse(`${path}.input_schema.type: Input should be 'object'`)
    return String(tool['name'])
  })
  if (new Set(names).size < names.length) refuse('tools: Tool names must be unique.')
  if (isJson(choice) && choice['type'] === 'tool' && !names.includes(String(choice['name'])))
    refuse(`Tool '${String(choice['name'])}' not found in provided tools`)
}

const checkThinking = (body: Json): void => {
  const { thinking, temperature, tool_choice: choice } = body
  const limit = body['max_tokens']
  if (typeof temperature === 'number' && (temperature < 0 || temperature > 1)) refuse('temperature: range: 0..1')
  if (!isJson(thinking) || thinking['type'] !== 'enabled') return
  const budget = Number(thinking['budget_tokens'])
  if (!(budget >= 1024)) refuse('thinking.enabled.budget_tokens: Input should be greater than or equal to 1024')
  if (Number(limit) <= budget)
    refuse(
      '`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at ' +
        'https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size',
    )
  if (temperature !== undefined && temperature !== 1)
    refuse('`temperature` may only be set to 1 when thinking is enabled.')
  if (isJson(choice) && (choice['type'] === 'any' || choice['type'] === 'tool'))
    refuse('Thinking may not be enabled when tool_choice forces tool use.')
  const messages = Array.isArray(body['messages']) ? body['messages'].filter(isJson) : []
  const last = messages.at(-1)
  const at = messages.findLastIndex((message) => message['role'] === 'assistant')
  const begins = at < 0 ? undefined : blocksOf(messages[at]!)[0]?.['type']
  const answersTools = last !== undefined && blocksOf(last)[0]?.['type'] === 'tool_result'
  if (answersTools && begins !== 'thinking' && begins !== 'redacted_thinking')
    refuse(
      `messages.${at}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${String(begins)}\`. ` +
        'When `thinking` is enabled, a final `assistant` message must start with a thinking block.',
    )
}

const mostMarks = 4

/** Marks of a prompt cache: few, and none that lasts longer than one before it. */
const checkCacheMarks = ({ tools, system, messages }: Json): void => {
  const list = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isJson) : [])
  const blocks = [...list(tools), ...list(system), ...list(messages).flatMap(blocksOf)]
  const ttls = blocks.flatMap(({ cache_control: mark }) => (isJson(mark) ? [mark['ttl'] ?? '5m'] : []))
  if (ttls.length > mostMarks)
    refuse(`A maximum of ${mostMarks} blocks with cache_control may be provided. Found ${ttls.length}.`)
  if (ttls.some((ttl, at) => ttl === '1h' && ttls[at - 1] === '5m'))
    refuse("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block")
}

/** @throws Refusal for a Messages request that Anthropic would not take */
export const checkMessagesRequest = ({ body, headers }: Received): void => {
  if (!headers['x-api-key']) refuse('x-api-key header is required', 401, 'authentication_error')
  if (!headers['anthropic-version']) refuse('anthropic-version: header is required')
  if (holdsHalfCharacter(body))
    refuse('The request body is not valid JSON: no low surrogate in string: line 1 column 1 (char 0)')
  noExtra(body, '', bodyFields)
  if (typeof body['model'] !== 'string' || body['model'] === '') refuse('model: Field required')
  if (!Number.isInteger(body['max_tokens'])) refuse('max_tokens: Field required')
  if (Array.isArray(body['system']))
    for (const block of body['system'].filter(isJson)) {
      if (block['text'] === '') refuse('system: text content blocks must be non-empty')
    }
  checkCacheMarks(body)
  checkTools(body)
  checkMessages(body['messages'])
  checkThinking(body)
}
