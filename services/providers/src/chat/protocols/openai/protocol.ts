import type { Protocol } from '../protocol.ts'
import { createOpenAiDecoder } from './decoder.ts'
import { openAiRequest } from './request.ts'

/** OpenAI's chat completions, and everything that speaks like them. */
export const openAiProtocol: Protocol = { request: openAiRequest, decoder: createOpenAiDecoder }
