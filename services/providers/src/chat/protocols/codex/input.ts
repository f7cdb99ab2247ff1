/** Conversations as the items of OpenAI's Responses. Source: OpenAI API reference, "Create a model response". */
import type { ChatMessage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { partsOf, textOfMessage, type Part } from '../conversation.ts'
import { dataUrl, fileName } from '../files.ts'
import { objectOf, parseJson, textOf, type Json } from '../json.ts'
import { withResultMedia } from '../openai/messages.ts'
import { replayed, type IdRule, type Turn } from '../replay.ts'

/** Longest name of a tool, characters. */
export const codexNameLimit = 64

const defaultInstructions = 'You are a helpful assistant.'
/** What stands for the text of an empty result. */
const noOutput = '(no output)'

const ids: IdRule = {
  valid: /^fc_[a-zA-Z0-9_-]{1,61}$/,
  make: (digest) => `fc_${digest.slice(0, 40)}`,
}

const phases = new Set(['commentary', 'final_answer'])

/** The provider_state of a turn, '' where the model gave its text no phase. */
export const codexState = (phase: string): string => (phases.has(phase) ? JSON.stringify({ codex: { phase } }) : '')

const phaseOf = ({ providerState }: ChatMessage): Json => {
  const state = providerState === '' ? undefined : objectOf(parseJson(providerState))
  const phase = textOf(objectOf(state?.['codex'])?.['phase'])
  return phases.has(phase) ? { phase } : {}
}

const contentPart = (part: Part): Json => {
  if ('text' in part) return { type: 'input_text', text: part.text }
  if ('image' in part) return { type: 'input_image', image_url: dataUrl(part.image) }
  return { type: 'input_file', filename: fileName(part.file), file_data: dataUrl(part.file) }
}

const userItem = (message: ChatMessage): Json => ({
  type: 'message',
  role: 'user',
  content: partsOf(message).map(contentPart),
})

const itemsOf = (turn: Turn): Json[] => {
  switch (turn.role) {
    case 'system':
      return []
    case 'user':
      return [userItem(turn.message)]
    case 'tool':
      return [{ type: 'function_call_output', call_id: turn.id, output: textOfMessage(turn.message) || noOutput }]
    case 'assistant': {
      const text = textOfMessage(turn.message)
      const said = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] }
      return [
        ...(text.trim() === '' ? [] : [{ ...said, ...phaseOf(turn.message) }]),
        ...turn.calls.map(({ id, name, input }) => ({
          type: 'function_call',
          call_id: id,
          name,
          arguments: JSON.stringify(input),
        })),
      ]
    }
  }
}

/** The conversation of a request. @throws INVALID_REQUEST for an unknown role */
export const codexInput = (messages: readonly ChatMessage[]): { instructions: string; input: Json[] } => {
  const turns = replayed(messages, { ids, nameLimit: codexNameLimit })
  const instructions = turns.flatMap((turn) => (turn.role === 'system' ? [turn.text] : [])).join('\n\n')
  return { instructions: instructions || defaultInstructions, input: withResultMedia(turns).flatMap(itemsOf) }
}
