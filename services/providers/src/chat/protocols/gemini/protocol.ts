import type { Protocol } from '../protocol.ts'
import { createGeminiDecoder } from './decoder.ts'
import { geminiRequest } from './request.ts'

export { needsGemini } from './request.ts'

/** Gemini's own API, for what its OpenAI surface is not shown. */
export const geminiProtocol: Protocol = { request: geminiRequest, decoder: createGeminiDecoder }
