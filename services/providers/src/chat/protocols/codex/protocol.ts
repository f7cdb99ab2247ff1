import type { Protocol } from '../protocol.ts'
import { createCodexDecoder } from './decoder.ts'
import { codexRequest } from './request.ts'

/** OpenAI's Responses, as ChatGPT's backend speaks them. */
export const codexProtocol: Protocol = { request: codexRequest, decoder: createCodexDecoder }
