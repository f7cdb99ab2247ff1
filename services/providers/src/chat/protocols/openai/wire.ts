import type { Wire } from '../wire.ts'
import { createOpenAiDecoder } from './decoder.ts'
import { openAiRequest } from './request.ts'

/** OpenAI's chat completions, and everything that speaks like them. */
export const openAiWire: Wire = { request: openAiRequest, decoder: createOpenAiDecoder }
