/**
 * A fake ChatGPT backend: OpenAI's Responses, streamed only, and as strict as the real one. Sources: OpenAI API reference,
 * "Responses"; refusals as reported in the issues of public clients.
 */
import { contentText, echo, isJson, pieces, startFake, wordCount } from './http-fake.ts'
import type { FakeUpstream, Received, Reply, Script, Vendor } from './http-fake.ts'
import type { Json } from './json.ts'
import { holdsHalfCharacter, Refusal, unknownField } from './strict.ts'

const defaultChunks = 8
let serial = 0

const refuse = (detail: string, status = 400): never => {
  throw new Refusal(status, { detail })
}

const frame = (type: string, fields: Json): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`

const itemFields: Record<string, string> = {
  message: 'type role content phase',
  function_call: 'type call_id name arguments',
  function_call_output: 'type call_id output',
}

const isFile = ({ filename, file_data: data }: Json): boolean =>
  /\.pdf$/i.test(String(filename)) && /^data:application\/pdf;base64,[A-Za-z0-9+/]+=*$/.test(String(data))

const checkItem = (item: Json, called: Set<string>): void => {
  const { type, call_id: id } = item
  const known = itemFields[String(type)]
  if (known === undefined) return refuse(`Invalid value: '${String(type)}'.`)
  const unknown = unknownField(item, known)
  if (unknown !== undefined) refuse(`Unknown parameter: 'input[0].${unknown}'.`)
  if (type === 'message') {
    if (item['phase'] !== undefined && item['role'] !== 'assistant') refuse("Unknown parameter: 'phase'.")
    const parts = Array.isArray(item['content']) ? item['content'].filter(isJson) : []
    const allowed = item['role'] === 'assistant' ? ['output_text'] : ['input_text', 'input_image', 'input_file']
    if (parts.length === 0) refuse('Invalid content: empty.')
    if (parts.some((part) => part['type'] === 'input_file' && !isFile(part))) refuse('Invalid file.')
    if (parts.some((part) => !allowed.includes(String(part['type'])))) refuse('Invalid content part.')
  } else if (!/^fc_[a-zA-Z0-9_-]{1,61}$/.test(String(id))) refuse(`Invalid 'call_id': '${String(id)}'.`)
  if (type === 'function_call') called.add(String(id))
  if (type === 'function_call_output' && !called.delete(String(id)))
    refuse(`No tool call found for function call output with call_id ${String(id)}.`)
}

const bodyFields =
  'model instructions input stream store tools tool_choice parallel_tool_calls reasoning text prompt_cache_key include'

const checkResponse = ({ body, headers }: Received): void => {
  if (!headers.authorization?.startsWith('Bearer ')) refuse('Unauthorized', 401)
  const unknown = unknownField(body, bodyFields)
  if (unknown !== undefined) refuse(`Unsupported parameter: ${unknown}`)
  if (body['stream'] !== true) refuse('Stream must be set to true')
  if (body['store'] !== false) refuse('Store must be set to false')
  if (typeof body['instructions'] !== 'string' || body['instructions'] === '') refuse('Instructions are required')
  if (!Array.isArray(body['input']) || body['input'].length === 0) refuse('Input must be a list')
  const called = new Set<string>()
  for (const item of body['input'] as unknown[]) checkItem(isJson(item) ? item : {}, called)
  if (called.size > 0) refuse(`No tool output found for function call ${[...called][0]}.`)
  if (holdsHalfCharacter(body)) refuse('Invalid body: half a character')
}

const checkUsage = ({ headers }: Received): void => {
  if (!headers.authorization?.startsWith('Bearer ')) refuse('Unauthorized', 401)
  if (headers['chatgpt-account-id'] === undefined) refuse('Missing account', 400)
}

const lastUserText = (body: Json): string => {
  const items = Array.isArray(body['input']) ? body['input'].filter(isJson) : []
  return contentText(items.findLast((item) => item['role'] === 'user')?.['content'])
}

const respond = (script: Script, { body }: Received): Reply => {
  const calls = script.toolCalls ?? []
  const text = script.text ?? (calls.length > 0 ? '' : echo(lastUserText(body)))
  const count = script.chunks ?? defaultChunks
  const head = { id: `resp_fake${++serial}`, object: 'response', model: script.model ?? body['model'], error: null }
  const thinking = script.thinking ?? ''
  const input = wordCount(JSON.stringify(body['input']))
  const usage = script.usage ?? { input_tokens: input, output_tokens: wordCount(text), total_tokens: input }
  let at = 0
  const item = (fields: Json, deltas: (at: number) => string[]): string[] => {
    const place = at++
    return [
      frame('response.output_item.added', { output_index: place, item: { ...fields, content: [], arguments: '' } }),
      ...deltas(place),
      frame('response.output_item.done', { output_index: place, item: fields }),
    ]
  }
  const deltas = (type: string, whole: string) => (place: number) =>
    pieces(whole, count).map((delta) => frame(type, { output_index: place, delta }))
  const frames = [
    frame('response.created', { response: { ...head, status: 'in_progress' } }),
    ...(thinking === ''
      ? []
      : item(
          { type: 'reasoning', summary: [{ type: 'summary_text', text: thinking }] },
          deltas('response.reasoning_summary_text.delta', thinking),
        )),
    ...(text === ''
      ? []
      : item(
          { type: 'message', role: 'assistant', phase: 'final_answer', content: [{ type: 'output_text', text }] },
          deltas('response.output_text.delta', text),
        )),
    ...calls.flatMap(({ id = `call_fake_${++serial}`, name, arguments: written }) =>
      item(
        { type: 'function_call', id: `fc_${serial}`, call_id: id, name, arguments: written },
        deltas('response.function_call_arguments.delta', written),
      ),
    ),
  ]
  const status = script.finish ?? 'completed'
  const ends: Record<string, Json> = {
    incomplete: { incomplete_details: { reason: 'max_output_tokens' } },
    failed: { error: { code: 'server_error', message: script.error?.message ?? 'failed' } },
  }
  return { frames, end: [frame(`response.${status}`, { response: { ...head, status, usage, ...ends[status] } })] }
}

/** What is left of an account that nobody has used, as `GET /wham/usage` has it. */
export const plentyLeft = {
  plan_type: 'Plus',
  rate_limit: {
    primary_window: { used_percent: 1.4, reset_after_seconds: 18_000 },
    secondary_window: { used_percent: 30, reset_after_seconds: 604_800 },
  },
}

const vendor: Vendor = {
  rules: { 'POST /backend-api/codex/responses': checkResponse, 'GET /backend-api/wham/usage': checkUsage },
  routes: { 'POST /backend-api/codex/responses': respond, 'GET /backend-api/wham/usage': () => ({ body: plentyLeft }) },
  errorBody: (status, { message = `fake error ${status}`, type = 'fake_error' }) => ({ error: { message, type } }),
  errorFrame: ({ message = 'fake error in a stream' }) => frame('error', { code: 'server_error', message }),
  brokenFrame: 'event: response.output_text.delta\ndata: {"type":"response.output_text.del\n\n',
}

/** Starts a fake ChatGPT backend; `defaults` go under every script. Its `base` is a provider's api_base. */
export const fakeCodex = (defaults: Script = {}): Promise<FakeUpstream> => startFake(vendor, '/backend-api', defaults)
